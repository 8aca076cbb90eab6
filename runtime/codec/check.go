package codec

import (
	"fmt"
	"slices"
	"time"
	"unsafe"
)

// A Checker looks for values that cannot be encoded, or that would be refused
// by the decoder. Its methods report whether the value is in order; the first
// that is not stays in Err. The zero value is ready. The methods Field, Elem
// and Entry add a step to the path of an error found below:
//
//	return c.Enter() &&
//		c.Text("name", v.Name) &&
//		c.Field("task", v.Task.checkCBOR(c)) &&
//		c.Leave()
type Checker struct {
	depth int
	taken int // memory of lists, maps and optional structs, as a Decoder counts
	err   *EncodeError
}

// Err returns what was found, a *[EncodeError], or nil.
func (c *Checker) Err() error {
	if c.err != nil {
		return c.err
	}
	return nil
}

// Finish returns after, which is before with a checked value appended. If
// decoding the value would take more memory than a Decoder allows, it returns
// before and an error.
func (c *Checker) Finish(before, after []byte) ([]byte, error) {
	size := len(after) - len(before)
	if c.taken > budget(size) {
		c.fail("", fmt.Sprintf("decoding would take more memory than %d bytes and %d for each of the %d bytes encoded", freeMemory, MaxGrowth, size))
		return before, c.err
	}
	return after, nil
}

// fail and under are not inlined, because generated code has them behind every
// field: what is on the way of errors only should not cost every build.
//
//go:noinline
func (c *Checker) fail(path, reason string) bool {
	c.err = &EncodeError{Path: path, Reason: reason}
	return false
}

//go:noinline
func (c *Checker) under(step string) bool {
	c.err.Path = under(step, c.err.Path)
	return false
}

// Enter begins a struct.
func (c *Checker) Enter() bool {
	if c.depth == MaxDepth {
		return c.fail("", fmt.Sprintf("nested deeper than %d levels; a cycle of pointers?", MaxDepth))
	}
	c.depth++
	return true
}

// Leave ends a struct, list or map. It returns true.
func (c *Checker) Leave() bool {
	c.depth--
	return true
}

// EnterList begins a list.
func EnterList[T any](c *Checker, v []T) bool {
	var elem T
	c.taken += len(v) * int(unsafe.Sizeof(elem))
	return c.Enter()
}

// EnterMap begins a map.
func EnterMap[T any](c *Checker, v map[string]T) bool {
	c.taken += mapMemory + len(v)*int(entrySize[T]())
	return c.Enter()
}

// EnterNew counts an optional struct that is present. It returns true.
func EnterNew[T any](c *Checker, v *T) bool {
	c.taken += int(unsafe.Sizeof(*v))
	return true
}

// CheckList checks a list whose elements cannot be wrong.
func CheckList[T any](c *Checker, v []T) bool {
	return EnterList(c, v) && c.Leave()
}

// Field returns ok, the result for the field called name.
func (c *Checker) Field(name string, ok bool) bool { return ok || c.under(name) }

// Elem returns ok, the result for element i of a list.
func (c *Checker) Elem(i int, ok bool) bool { return ok || c.under(indexStep(i)) }

// Entry returns ok, the result for the entry of a map.
func (c *Checker) Entry(key string, ok bool) bool { return ok || c.under(keyStep(key)) }

// Text checks that s is valid UTF-8.
func (c *Checker) Text(s string) bool {
	return validText(s) || c.fail("", "the text is not valid UTF-8")
}

// Closed checks that s is one of values, which are sorted.
func (c *Checker) Closed(s string, values []string) bool {
	return Declared(s, values) || c.fail("", fmt.Sprintf("%s is none of the declared values %s", quote(s), oneOf(values)))
}

// Time checks that RFC 3339 can write t in UTC.
func (c *Checker) Time(t time.Time) bool {
	return inRange(t) || c.fail("", "the timestamp is outside the years 0 to 9999")
}

// Any checks that item is nil or one well-formed item.
func (c *Checker) Any(item []byte) bool {
	if len(item) == 0 {
		return true
	}
	end, err := skip(item, 0, c.depth)
	if err == nil && end < len(item) {
		err = trailing(end, len(item))
	}
	if err != nil {
		return c.fail("", fmt.Sprintf("not one encoded item: byte %d: %s", shift(err, 0).Offset, shift(err, 0).Reason))
	}
	return true
}

// Declared reports whether s is one of values, which are sorted.
func Declared(s string, values []string) bool {
	_, ok := slices.BinarySearch(values, s)
	return ok
}

// ParseEnum returns s if it is one of values, which are sorted, and else an
// error that lists them. enum is the name of the type.
func ParseEnum(enum, s string, values []string) (string, error) {
	if !Declared(s, values) {
		return "", fmt.Errorf("%s is not a declared %s: want one of %s", quote(s), enum, oneOf(values))
	}
	return s, nil
}
