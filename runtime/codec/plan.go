package codec

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"time"
)

// A plan is a [Struct] made ready to be walked over: the fields in the order
// in which they travel, with their places in memory. It never changes.
type plan struct {
	typ       reflect.Type
	name      string
	ops       []op     // what walks read of slots, of which there are as many
	slots     []slot   // in the order of their keys
	keys      []string // of slots, not encoded
	checks    []int    // the slots that have rules, in the order of the schema
	required  int      // how many slots must come
	size      int      // what a value takes in memory, as both sides count
	check     bool     // the program declared a method Check
	done      bool     // all of the above is known
	recursive bool     // a value can be a part of itself, which is for validation to find
	validates bool     // there is something to validate
}

// A slot is a field of a plan.
type slot struct {
	node
	key      string // encoded, with its head
	field    string // not encoded
	offset   uintptr
	place    int    // among the fields of the schema
	own      []rule // of the field, beside those of its type
	optional bool
	pointer  bool // the Go field points to the value
	secret   bool
	borrow   bool
	special  bool // one of the three
	nullable bool // null is a value
}

// An op is what a walk needs of most slots: half a line of the processor's
// cache instead of several.
type op struct {
	key      paddedKey
	kind     Kind
	special  bool // see slot
	optional bool // see slot
	nullable bool // see slot
	wide     bool // what follows the key takes more bytes than its padding, at least
	offset   uint32
}

// A node is a [Type] made ready, for one Go type.
type node struct {
	kind      Kind
	typ       reflect.Type
	stride    uintptr // the size of a value on this machine
	size      int     // what a value takes in memory, as both sides count
	rules     []rule  // of the type and those that it is based on
	validates bool    // there is something to validate
	elem      *node   // of a list or map
	plan      *plan   // of a struct
	enum      *Enum
	union     *unionPlan
}

// isComposite reports whether values are written as several items.
func (n *node) isComposite() bool { return n.kind >= listKind }

// A unionPlan is a [Union] made ready.
type unionPlan struct {
	name     string
	closed   bool
	keys     []string // in the order of CompareKeys
	variants []variantPlan
	unknown  reflect.Type // what the pointer to an unknown variant points to; nil if closed

	done, recursive bool // as of a plan
}

type variantPlan struct {
	key string       // encoded
	typ reflect.Type // what the pointer to the variant points to
	ptr reflect.Type // that pointer
	node
}

// unknownVariant is what the type of Union.Unknown looks like.
type unknownVariant struct {
	kind string
	item []byte
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	bytesType   = reflect.TypeFor[[]byte]()
	uuidType    = reflect.TypeFor[[16]byte]()
	checkedType = reflect.TypeFor[checked]()
	unknownType = reflect.TypeFor[unknownVariant]()
)

// compiled returns the plan of s, which is made when it is needed first.
func (s *Struct) compiled() *plan {
	if pl := s.plan.Load(); pl != nil {
		return pl
	}
	return compile(func(c *compiler) *plan { return c.plan(s) })
}

// compiled returns the node of n, which is made when it is needed first.
func (n *Named) compiled() *node {
	if have := n.node.Load(); have != nil {
		return have
	}
	made := compile(func(c *compiler) *node { return new(c.node(n, reflect.TypeOf(n.Type).Elem())) })
	n.node.Store(made)
	return made
}

// A compiler makes plans. Those that need each other are made together and
// seen by others when all are complete.
type compiler struct {
	plans  map[*Struct]*plan
	unions map[*Union]*unionPlan
	nodes  []*node // all that are part of something, to see which validate
}

var compiling sync.Mutex // one compiler at a time, so that a plan is made once

func compile[T any](make func(*compiler) T) T {
	compiling.Lock()
	defer compiling.Unlock()
	c := &compiler{plans: map[*Struct]*plan{}, unions: map[*Union]*unionPlan{}}
	made := make(c)
	c.findRules()
	for s, pl := range c.plans {
		s.plan.Store(pl)
	}
	return made
}

func (c *compiler) plan(s *Struct) *plan {
	if pl := s.plan.Load(); pl != nil {
		return pl
	}
	if pl := c.plans[s]; pl != nil {
		pl.recursive = pl.recursive || !pl.done
		return pl
	}
	t := reflect.TypeOf(s.Type).Elem()
	pl := &plan{
		typ: t, name: t.Name(), size: memoryOf(t).size, check: reflect.PointerTo(t).Implements(checkedType),
		slots: make([]slot, len(s.Fields)), keys: make([]string, len(s.Fields)),
	}
	c.plans[s] = pl
	if t.Kind() != reflect.Struct || t.NumField() != len(s.Fields) {
		misfit(t, "a struct of %d fields", len(s.Fields))
	}
	want(t, t.Size() <= math.MaxUint32, "a struct of less than 4 GiB")
	for i := range s.Fields {
		c.slot(&pl.slots[i], &s.Fields[i], i, t.Field(i))
		if !s.Fields[i].Optional {
			pl.required++
		}
	}
	slices.SortFunc(pl.slots, func(a, b slot) int { return CompareKeys(a.field, b.field) })
	for i := range pl.slots {
		pl.keys[i] = pl.slots[i].field
		c.nodes = append(c.nodes, &pl.slots[i].node)
	}
	pl.ops = make([]op, len(pl.slots))
	least := 0 // of what follows a key
	for i, s := range slices.Backward(pl.slots) {
		key := pad(s.key)
		least += s.leastSize()
		pl.ops[i] = op{
			key: key, kind: s.kind, special: s.special, optional: s.optional, nullable: s.nullable, offset: uint32(s.offset),
			wide: key.size <= 16 && len(s.key)+least >= key.width(),
		}
		least += len(s.key)
		if s.optional {
			least -= s.leastSize() + len(s.key)
		}
	}
	pl.done = true
	return pl
}

func (c *compiler) slot(s *slot, f *Field, place int, goField reflect.StructField) {
	t := goField.Type
	*s = slot{
		key: string(AppendText(nil, f.Key)), field: f.Key, offset: goField.Offset, place: place,
		optional: f.Optional, secret: f.Secret, borrow: f.Borrow,
	}
	if f.Optional && t.Kind() == reflect.Pointer {
		s.pointer, t = true, t.Elem()
	}
	s.node = c.node(f.Of, t)
	if f.Optional != s.pointer && !s.hasNil() {
		misfit(goField.Type, "optional: %v", f.Optional)
	}
	if f.Borrow && s.kind != ByteString {
		misfit(goField.Type, "bytes that are borrowed")
	}
	s.own = compileRules(f.Rules, &s.node)
	s.nullable = s.kind == Any && !f.Optional
	s.special = s.optional || s.secret
}

// leastSize returns how many bytes a value takes at least.
func (n *node) leastSize() int {
	switch n.kind {
	case Float32:
		return 5
	case Float64:
		return 9
	case Time:
		return 2 + len("0000-00-00T00:00:00Z")
	case UUID:
		return 3 + 16
	}
	return 1
}

// hasNil reports whether nil is a value of the Go type.
func (n *node) hasNil() bool {
	switch n.kind {
	case ByteString, Any, listKind, mapKind, unionKind:
		return true
	}
	return false
}

// node returns the node for the values of d in the Go type t.
func (c *compiler) node(d Type, t reflect.Type) node {
	n := node{typ: t, stride: t.Size(), size: memoryOf(t).size}
	switch d := d.Layout().(type) {
	case Kind:
		n.kind = scalarNode(d, t).kind
	case *Named:
		n = c.node(d.Of, t)
		n.rules = append(compileRules(d.Rules, &n), n.rules...)
	case *Enum:
		n.kind, n.enum = enumKind, d
		want(t, t.Kind() == reflect.String, "an enum")
	case List:
		want(t, t.Kind() == reflect.Slice, "a list")
		n.kind, n.elem = listKind, c.elem(d.Of, t)
	case Map:
		want(t, t.Kind() == reflect.Map && t.Key().Kind() == reflect.String, "a map")
		n.kind, n.elem = mapKind, c.elem(d.Of, t)
	case *Struct:
		n.kind, n.plan = structKind, c.plan(d)
		want(t, t.ConvertibleTo(n.plan.typ), "a "+n.plan.name)
	case *Union:
		n.kind, n.union = unionKind, c.union(d)
		want(t, t.Kind() == reflect.Interface, "a union")
	default:
		misfit(t, "%T", d)
	}
	return n
}

func (c *compiler) elem(d Type, t reflect.Type) *node {
	n := new(c.node(d, t.Elem()))
	c.nodes = append(c.nodes, n)
	return n
}

func (c *compiler) union(d *Union) *unionPlan {
	if u := c.unions[d]; u != nil {
		u.recursive = u.recursive || !u.done
		return u
	}
	u := &unionPlan{name: reflect.TypeOf(d.Type).Elem().Name(), closed: d.Unknown == nil, variants: make([]variantPlan, len(d.Variants))}
	c.unions[d] = u
	variants := slices.SortedFunc(slices.Values(d.Variants), func(a, b Variant) int { return CompareKeys(a.Key, b.Key) })
	for i, v := range variants {
		ptr := reflect.TypeOf(v.Type)
		inside := ptr.Elem()
		if s, ok := v.Of.Layout().(*Struct); !ok || reflect.TypeOf(s.Type) != ptr {
			want(inside, inside.Kind() == reflect.Struct && inside.NumField() == 1, "the variant "+v.Key)
			inside = inside.Field(0).Type
		}
		u.variants[i] = variantPlan{key: string(AppendText(nil, v.Key)), typ: ptr.Elem(), ptr: ptr, node: c.node(v.Of, inside)}
		u.keys = append(u.keys, v.Key)
	}
	for i := range u.variants {
		c.nodes = append(c.nodes, &u.variants[i].node)
	}
	if !u.closed {
		u.unknown = reflect.TypeOf(d.Unknown).Elem()
		want(u.unknown, u.unknown.Kind() == reflect.Struct && u.unknown.NumField() == 2 && u.unknown.Size() == unknownType.Size() &&
			u.unknown.Field(0).Type == unknownType.Field(0).Type && u.unknown.Field(1).Type.ConvertibleTo(bytesType), "an unknown variant")
	}
	u.done = true
	return u
}

// scalarNode returns the node of a scalar.
func scalarNode(k Kind, t reflect.Type) node {
	kinds := [...]reflect.Kind{
		Bool: reflect.Bool, Int8: reflect.Int8, Int16: reflect.Int16, Int32: reflect.Int32, Int64: reflect.Int64,
		Uint8: reflect.Uint8, Uint16: reflect.Uint16, Uint32: reflect.Uint32, Uint64: reflect.Uint64,
		Float32: reflect.Float32, Float64: reflect.Float64, String: reflect.String, Duration: reflect.Int64,
	}
	ok := int(k) < len(kinds) && kinds[k] != 0 && t.Kind() == kinds[k]
	switch k {
	case ByteString, Any:
		ok = t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
	case Time:
		ok = t.ConvertibleTo(timeType)
	case UUID:
		ok = t.ConvertibleTo(uuidType) && t.Kind() == reflect.Array
	}
	want(t, ok, fmt.Sprintf("a scalar (kind %d)", k))
	return node{kind: k, typ: t, stride: t.Size()}
}

func want(t reflect.Type, ok bool, what string) {
	if !ok {
		misfit(t, "%s", what)
	}
}

// misfit reports a table that does not describe its Go type. Generated code
// that was not changed has none.
func misfit(t reflect.Type, format string, args ...any) {
	panic(fmt.Sprintf("codec: the table of %v describes something else: %s; run go generate", t, fmt.Sprintf(format, args...)))
}

// findRules finds out where there is something to validate: a type can be part
// of itself, so it is asked again until nothing changes.
func (c *compiler) findRules() {
	for changed := true; changed; {
		changed = false
		set := func(flag *bool, v bool) {
			changed = changed || *flag != v
			*flag = v
		}
		for _, n := range c.nodes {
			set(&n.validates, n.hasRules())
		}
		for _, pl := range c.plans {
			set(&pl.validates, pl.check || pl.recursive || slices.ContainsFunc(pl.slots, func(s slot) bool { return len(s.own) > 0 || s.validates }))
		}
	}
	for _, pl := range c.plans {
		for i := range pl.slots {
			if s := &pl.slots[i]; len(s.own) > 0 || s.validates {
				pl.checks = append(pl.checks, i)
			}
		}
		slices.SortFunc(pl.checks, func(a, b int) int { return cmp.Compare(pl.slots[a].place, pl.slots[b].place) })
	}
}

func (n *node) hasRules() bool {
	switch {
	case len(n.rules) > 0:
		return true
	case n.kind == enumKind:
		return n.enum.Closed
	case n.elem != nil:
		return n.elem.validates
	case n.plan != nil:
		return n.plan.validates
	case n.union != nil:
		return n.union.recursive || slices.ContainsFunc(n.union.variants, func(v variantPlan) bool { return v.validates })
	}
	return false
}

// memory is what a Go value takes on a 64-bit machine, without what it points
// to. Both sides count with it how much a message takes when it is decoded, so
// it is part of what they agree on.
type memory struct{ size, align int }

func memoryOf(t reflect.Type) memory {
	switch t.Kind() {
	case reflect.String, reflect.Interface:
		return memory{16, 8}
	case reflect.Slice:
		return memory{24, 8}
	case reflect.Map, reflect.Pointer, reflect.Int64, reflect.Uint64, reflect.Float64:
		return memory{8, 8}
	case reflect.Array:
		elem := memoryOf(t.Elem())
		return memory{t.Len() * elem.size, elem.align}
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			return memory{24, 8}
		}
		return memoryOfStruct(t)
	}
	return memory{int(t.Size()), int(t.Size())}
}

func memoryOfStruct(t reflect.Type) memory {
	all, last := memory{0, 1}, 1
	for i := range t.NumField() {
		m := memoryOf(t.Field(i).Type)
		all.size = (all.size+m.align-1)/m.align*m.align + m.size
		all.align = max(all.align, m.align)
		last = m.size
	}
	if last == 0 && all.size > 0 {
		all.size++ // so that a pointer to the last field stays inside
	}
	all.size = (all.size + all.align - 1) / all.align * all.align
	return all
}
