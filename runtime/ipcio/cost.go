package ipcio

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// What decoding one item on the dynamic path may allocate, as a multiple of
// its encoded size, beside what is free. One byte can stand for an empty map
// or for an element of a slice of large structs: limits on single containers
// do not bound the sum.
const (
	dynamicGrowth = 32
	dynamicFree   = 64 << 10
)

// checkCost reports whether decoding b into v would allocate out of proportion
// to b. The error is a *[codec.DecodeError].
func checkCost(b []byte, v any) error {
	perItem := itemCost(reflect.TypeOf(v))
	budget := dynamicFree + dynamicGrowth*len(b)
	cost := 0
	for off := 0; off < len(b); {
		h, n, err := codec.ReadHead(b[off:])
		if err != nil {
			return err
		}
		off += n
		cost += perItem
		switch h.Major {
		case codec.Bytes, codec.Text:
			if h.Value > uint64(len(b)-off) {
				return &codec.DecodeError{Offset: off, Reason: "the item is cut short"}
			}
			off += int(h.Value)
			cost += int(h.Value)
		case codec.Pairs:
			cost += emptyMap
		}
		if cost > budget {
			return &codec.DecodeError{Offset: off, Reason: fmt.Sprintf(
				"decoding it into %T would take more than %d bytes, %d times its size", v, budget, dynamicGrowth)}
		}
	}
	return nil
}

const (
	emptyMap    = 48 // bytes of a map without entries
	anyItem     = 16 // bytes of an interface value
	mapOverhead = 2  // how much larger than its entries a map is
)

var itemCosts sync.Map // reflect.Type to int

// itemCost returns the largest size of what one encoded item can become
// somewhere inside t.
func itemCost(t reflect.Type) int {
	if t == nil {
		return anyItem
	}
	if c, ok := itemCosts.Load(t); ok {
		return c.(int)
	}
	whole := t
	if t.Kind() == reflect.Pointer {
		whole = t.Elem() // the value itself is there already
	}
	c := anyItem
	walkTypes(whole, map[reflect.Type]bool{}, func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Slice, reflect.Pointer:
			c = max(c, int(t.Elem().Size()))
		case reflect.Map:
			c = max(c, mapOverhead*int(t.Elem().Size()+t.Key().Size())/2)
		}
	})
	itemCosts.Store(t, c)
	return c
}

func walkTypes(t reflect.Type, seen map[reflect.Type]bool, visit func(reflect.Type)) {
	if seen[t] {
		return
	}
	seen[t] = true
	visit(t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		walkTypes(t.Elem(), seen, visit)
	case reflect.Map:
		walkTypes(t.Key(), seen, visit)
		walkTypes(t.Elem(), seen, visit)
	case reflect.Struct:
		for i := range t.NumField() {
			walkTypes(t.Field(i).Type, seen, visit)
		}
	}
}
