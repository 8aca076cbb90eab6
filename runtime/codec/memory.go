package codec

import (
	"encoding/binary"
	"reflect"
	"unsafe"
)

// This file is the only one that goes around Go's type system. It is sound
// because of what plan.go makes sure of before any value is touched:
//
//   - A pointer comes from reflect, out of a value whose type is known, and
//     every other one is that of a field (reflect's offset), of an element of a
//     list (inside of its length) or of what such a pointer points to.
//   - What a pointer is read as follows from its kind, and plan.go has compared
//     the kind with the Go type: as the type itself, or as the predeclared type
//     that it is defined by. Go lets the two be converted into each other,
//     also behind a pointer.
//   - Bytes that are read and written as words were counted before: they are
//     inside of a string, or of the length or capacity of a slice.
//   - The bytes of a value are looked at as a whole for being zero only.
//   - What is new and holds pointers is allocated by reflect with its own type,
//     or as the predeclared type, which the garbage collector sees in the
//     same way.
//
// No pointer is ever made of a number, and none points behind the end of what it
// was made of: behind may be nothing, which the garbage collector takes for
// damaged memory.

// A pointer is the address of a Go value that a plan describes.
type pointer = unsafe.Pointer

// as returns p with a type.
func as[T any](p pointer) *T { return (*T)(p) }

// at returns the address of a field, or of an element, of the value at p.
func at(p pointer, offset uintptr) pointer { return unsafe.Add(p, offset) }

// addressOf returns the address in v, which is a pointer.
func addressOf(v any) pointer { return reflect.ValueOf(v).UnsafePointer() }

// start returns the address of the first byte of b, which has a capacity.
func start(b []byte) pointer { return pointer(unsafe.SliceData(b)) }

// startOf returns the address of the first byte of s, which is not empty. It is
// read only.
func startOf(s string) pointer { return pointer(unsafe.StringData(s)) }

// getWord returns the 8 bytes from p on, which the caller has counted. Like the
// three below it compiles to one instruction.
func getWord(p pointer) uint64 { return binary.LittleEndian.Uint64(as[[8]byte](p)[:]) }

// putWord writes 8 bytes from p on, which the caller has counted.
func putWord(p pointer, w uint64) { binary.LittleEndian.PutUint64(as[[8]byte](p)[:], w) }

// getHalf is getWord for 4 bytes.
func getHalf(p pointer) uint32 { return binary.LittleEndian.Uint32(as[[4]byte](p)[:]) }

// putHalf is putWord for 4 bytes.
func putHalf(p pointer, w uint32) { binary.LittleEndian.PutUint32(as[[4]byte](p)[:], w) }

// elements returns the elements of the list of any type at p. Its header is
// that of every list.
func elements(p pointer) (first pointer, n int) {
	list := as[[]byte](p)
	return pointer(unsafe.SliceData(*list)), len(*list)
}

// isNilList reports whether the list of any type at p is nil.
func isNilList(p pointer) bool { return *as[[]byte](p) == nil }

// isNilMap reports whether the map of any type at p is nil.
func isNilMap(p pointer) bool { return *as[map[string]struct{}](p) == nil }

// mapLen returns how many entries the map of any type at p has.
func mapLen(p pointer) int { return len(*as[map[string]struct{}](p)) }

// makeList makes a list of n > 0 elements and returns the first one.
func makeList[T any](p pointer, n int) pointer {
	list := make([]T, n)
	*as[[]T](p) = list
	return pointer(unsafe.SliceData(list))
}

// makeEmptyList makes the list of any type at p an empty one that is not nil.
func makeEmptyList(p pointer) { *as[[]byte](p) = []byte{} }

// makeListOf is makeList for the list type t.
func makeListOf(t reflect.Type, p pointer, n int) pointer {
	list := reflect.NewAt(t, p).Elem()
	list.Grow(n)
	list.SetLen(n)
	return list.UnsafePointer()
}

// makeVar makes what the pointer at p points to.
func makeVar[T any](p pointer) pointer {
	v := new(T)
	*as[*T](p) = v
	return pointer(v)
}

// makeVarOf is makeVar for the type t.
func makeVarOf(t reflect.Type, p pointer) pointer {
	v := reflect.New(t).UnsafePointer()
	*as[pointer](p) = v
	return v
}

// isZero reports whether the n bytes at p are zero, as those of a new value are.
// Two words are looked at in one step.
func isZero(p pointer, n uintptr) bool {
	i := uintptr(0)
	for ; i+16 <= n; i += 16 {
		if getWord(at(p, i))|getWord(at(p, i+8)) != 0 {
			return false
		}
	}
	for ; i < n; i++ {
		if *as[byte](at(p, i)) != 0 {
			return false
		}
	}
	return true
}

// setZero sets the value of type t at p to zero.
func setZero(t reflect.Type, p pointer) { reflect.NewAt(t, p).Elem().SetZero() }
