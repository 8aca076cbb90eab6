package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// The memory that lists, maps and optional structs of one item may take:
// freeMemory plus MaxGrowth bytes per byte of the item. A string header is 16
// bytes and an empty string takes 1 on the wire, so that a smaller factor
// would refuse honest lists.
const (
	MaxGrowth  = 32
	freeMemory = 64 << 10
	mapMemory  = 48 // an empty map
)

// A decoder reads one item. Its first error ends the decoding: what is read
// afterwards is the zero value. It keeps nothing of its input: text and bytes
// are copied, but for borrowed fields if it lends. Make one with newDecoder and end with finish.
type decoder struct {
	b      []byte // cut off at the first error, so that every later read fails
	off    int
	depth  int    // of the open arrays and maps
	spare  int    // memory that may still be taken
	copied string // of b from copyAt on, for the texts there
	copyAt int
	lends  bool     // borrowed fields are parts of b
	marks  []uint64 // which fields came, of the open structs with more than 64
	err    *DecodeError
}

// newDecoder returns a decoder for b, which must not change until finish.
func newDecoder(b []byte) decoder {
	return decoder{b: b, spare: budget(len(b))}
}

func budget(size int) int { return freeMemory + min(size, math.MaxInt/MaxGrowth/2)*MaxGrowth }

// finish returns the first error, a *[DecodeError], or that something follows
// the item.
func (d *decoder) finish() error {
	if d.err == nil && d.off < len(d.b) {
		d.err = trailing(d.off, len(d.b))
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

// fail remembers an error of the item at offset at, if it is the first.
func (d *decoder) fail(at int, format string, args ...any) {
	if d.err != nil {
		return
	}
	d.failWith(&DecodeError{Offset: at, Reason: fmt.Sprintf(format, args...)})
}

func (d *decoder) failWith(e *DecodeError) {
	if d.err == nil {
		d.err = e
		d.b, d.off = nil, 0
	}
}

// failIn is fail for a part that no cursor will add to the path.
func (d *decoder) failIn(step string, at int, format string, args ...any) {
	if d.err == nil {
		d.fail(at, format, args...)
		d.err.Path = step
	}
}

// charge takes n × size bytes from the memory that is left.
func (d *decoder) charge(at, n, size int) bool {
	// A product of two words, because a division takes longer than all else here.
	if over, all := bits.Mul64(uint64(n), uint64(size)); d.spare < 0 || over != 0 || all > uint64(d.spare) {
		d.fail(at, "decoding takes more memory than %d bytes and %d for each byte received", freeMemory, MaxGrowth)
		return false
	}
	d.spare -= n * size
	return true
}

// head reads a head. After an error it returns the zero Head and false.
func (d *decoder) head() (Head, bool) {
	if rest := d.b[d.off:]; len(rest) >= 9 {
		// There is room for the longest head.
		major, info := Major(rest[0]>>5), rest[0]&31
		switch {
		case info < info1Byte:
			d.off++
			return Head{major, info, uint64(info)}, true
		case info <= info8Bytes && rest[0] != byte(Simple)<<5|info1Byte:
			width := 1 << (info - info1Byte)
			d.off += 1 + width
			return Head{major, info, binary.BigEndian.Uint64(rest[1:]) >> (64 - 8*width)}, true
		}
	}
	return d.longHead()
}

// longHead is head for any head.
func (d *decoder) longHead() (Head, bool) {
	h, n, err := ReadHead(d.b[d.off:])
	if err != nil {
		if d.err == nil {
			d.failWith(shift(err, d.off))
		}
		return Head{}, false
	}
	d.off += n
	return h, true
}

// expect reads a head of type want and returns its value.
func (d *decoder) expect(want Major) (n uint64, ok bool) {
	if d.off < len(d.b) {
		// All but the heads of long items are this one byte.
		if n := d.b[d.off] - byte(want)<<5; n < info1Byte {
			d.off++
			return uint64(n), true
		}
	}
	return d.expectLong(want)
}

func (d *decoder) expectLong(want Major) (n uint64, ok bool) {
	at := d.off
	h, ok := d.head()
	if !ok {
		return 0, false
	}
	if h.Major != want {
		d.fail(at, "expected %v, found %s", want, found(h))
		return 0, false
	}
	return h.Value, true
}

// found returns what an item is called that begins with h.
func found(h Head) string {
	switch {
	case h.Major == Tag:
		return fmt.Sprintf("tag %d", h.Value)
	case h.Major != Simple:
		return h.Major.String()
	case h.Info == infoFalse || h.Info == infoTrue:
		return "a bool"
	case h.Info == infoNull:
		return "null"
	case h.Info >= infoFloat16:
		return "a floating-point number"
	}
	return fmt.Sprintf("simple value %d", h.Value)
}

// isNull reports whether the next item is null, and reads it if so.
func (d *decoder) isNull() bool {
	if d.off < len(d.b) && d.b[d.off] == null {
		d.off++
		return true
	}
	return false
}

// bool reads false or true.
func (d *decoder) bool() bool {
	at := d.off
	h, ok := d.head()
	if !ok {
		return false
	}
	if h.Major != Simple || h.Info != infoFalse && h.Info != infoTrue {
		d.fail(at, "expected a bool, found %s", found(h))
		return false
	}
	return h.Info == infoTrue
}

// int reads an integer from lo to hi.
func (d *decoder) int(lo, hi int64, kind string) int64 {
	at := d.off
	h, ok := d.head()
	switch {
	case !ok:
		return 0
	case h.Major > Negative:
		d.fail(at, "expected an integer, found %s", found(h))
		return 0
	case h.Value > math.MaxInt64:
		d.fail(at, "%s does not fit %s (%d..%d)", integer(h), kind, lo, hi)
		return 0
	}
	v := int64(h.Value) ^ -int64(h.Major)
	if v < lo || v > hi {
		d.fail(at, "%s does not fit %s (%d..%d)", integer(h), kind, lo, hi)
		return 0
	}
	return v
}

// uint reads an integer from 0 to hi.
func (d *decoder) uint(hi uint64, kind string) uint64 {
	at := d.off
	h, ok := d.head()
	switch {
	case !ok:
		return 0
	case h.Major > Negative:
		d.fail(at, "expected an integer, found %s", found(h))
		return 0
	case h.Major == Negative || h.Value > hi:
		d.fail(at, "%s does not fit %s (0..%d)", integer(h), kind, hi)
		return 0
	}
	return h.Value
}

// integer writes the integer of h, which may be beyond int64.
func integer(h Head) string {
	switch {
	case h.Major == Uint:
		return fmt.Sprint(h.Value)
	case h.Value == math.MaxUint64:
		return "-18446744073709551616"
	}
	return fmt.Sprintf("-%d", h.Value+1)
}

// float64 reads a floating-point number of any width, or an integer that a
// float64 represents exactly.
func (d *decoder) float64() float64 {
	if rest := d.b[d.off:]; len(rest) >= longestHead && rest[0] == byte(Simple)<<5|infoFloat64 {
		d.off += longestHead
		return math.Float64frombits(binary.BigEndian.Uint64(rest[1:]))
	}
	at := d.off
	h, ok := d.head()
	if !ok {
		return 0
	}
	v, exact, number := float(h)
	switch {
	case !number:
		d.fail(at, "expected a floating-point number, found %s", found(h))
		return 0
	case !exact:
		d.fail(at, "%s is not a float64 exactly", integer(h))
		return 0
	}
	return v
}

// float32 reads a floating-point number or an integer that a float32
// represents exactly.
func (d *decoder) float32() float32 {
	at := d.off
	v := d.float64()
	if v == v && float64(float32(v)) != v {
		d.fail(at, "%v is not a float32 exactly", v)
		return 0
	}
	return float32(v)
}

// float returns the value of a number and whether a float64 holds it exactly.
func float(h Head) (v float64, exact, number bool) {
	switch {
	case h.Major == Uint:
		v = float64(h.Value)
		return v, v < 1<<64 && uint64(v) == h.Value, true
	case h.Major == Negative && h.Value == math.MaxUint64:
		return -1 << 64, true, true
	case h.Major == Negative:
		v = float64(h.Value + 1)
		return -v, v < 1<<64 && uint64(v) == h.Value+1, true
	case h.Major != Simple:
		return 0, false, false
	}
	switch h.Info {
	case infoFloat16:
		return float16(uint16(h.Value)), true, true
	case infoFloat32:
		return float64(math.Float32frombits(uint32(h.Value))), true, true
	case infoFloat64:
		return math.Float64frombits(h.Value), true, true
	}
	return 0, false, false
}

// float16 widens an IEEE 754 half: 1 bit of sign, 5 of exponent, 10 of
// fraction.
func float16(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	default:
		v = math.Ldexp(fraction+1024, exponent-25)
	}
	if bits>>15 == 1 {
		return -v
	}
	return v
}

// span reads a byte or text string and returns it lent.
func (d *decoder) span(want Major) []byte {
	at := d.off
	n, ok := d.expect(want)
	if !ok {
		return nil
	}
	left := uint64(len(d.b) - d.off)
	if n > left {
		d.failWith(tooLong(at, Head{Major: want, Value: n}, left))
		return nil
	}
	s := d.b[d.off : d.off+int(n)]
	d.off += int(n)
	return s
}

// text reads a text string, checks it and returns it lent.
func (d *decoder) text() []byte {
	at := d.off
	s := d.span(Text)
	if !validText(s) {
		d.fail(at, "the text is not valid UTF-8")
		return nil
	}
	return s
}

// sharedText is the length in bytes of the copies of an item that its short
// texts share. They save most allocations of a message; a program that keeps
// one of its texts keeps this much at most.
const sharedText = 256

// textString reads a text string, which must be valid UTF-8.
func (d *decoder) textString() string {
	// Most are short and ASCII, in the copy, and are followed by more.
	if rest := d.b[d.off:]; len(rest) > info1Byte {
		n := int(rest[0] - byte(Text)<<5)
		rest = rest[1:]
		all := word(rest)
		switch {
		case n < 8:
			all <<= uint(8-n) * 8 // 64, if there is none
		case n <= 16:
			all |= word(rest[n-8:])
		case n < info1Byte:
			all |= word(rest[8:]) | word(rest[n-8:])
		default:
			all = highBits
		}
		from := d.off + 1 - d.copyAt
		if all&highBits == 0 && from+n <= len(d.copied) {
			d.off += 1 + n
			return d.copied[from : from+n]
		}
	}
	return d.longTextString()
}

// longTextString is textString for any text.
func (d *decoder) longTextString() string {
	s := d.text()
	if len(s) == 0 || len(s) > sharedText/4 && len(d.b) > sharedText {
		return string(s)
	}
	from := d.off - len(s)
	if d.off-d.copyAt > len(d.copied) {
		d.copied, d.copyAt = string(d.b[from:min(len(d.b), from+sharedText)]), from
	}
	return d.copied[from-d.copyAt : d.off-d.copyAt]
}

// bytes reads a byte string. The empty one is not nil.
func (d *decoder) bytes() []byte {
	return append([]byte{}, d.span(Bytes)...)
}

// bytesOf is bytes for the value of a field.
func (d *decoder) bytesOf(s *slot) []byte {
	if !d.lends || !s.borrow {
		return d.bytes()
	}
	b := d.span(Bytes)
	if len(b) == 0 {
		return []byte{} // points into nothing, and is not nil
	}
	return b[:len(b):len(b)]
}

// enum reads a text string. A declared value is returned without allocation.
// Others are refused if the enum is closed.
func (d *decoder) enum(e *Enum) string {
	at := d.off
	s := d.text()
	lo, hi := 0, len(e.Values)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if e.Values[mid] < string(s) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(e.Values) && e.Values[lo] == string(s) {
		return e.Values[lo]
	}
	if e.Closed {
		d.fail(at, "%s is none of the declared values %s", quote(string(s)), oneOf(e.Values))
		return ""
	}
	return string(s)
}

// uuid reads tag 37 around 16 bytes, or the 16 bytes alone.
func (d *decoder) uuid() (u [16]byte) {
	at := d.off
	h, ok := d.head()
	if ok && h.Major == Tag && h.Value == tagUUID {
		h, ok = d.head()
	}
	switch {
	case !ok:
		return u
	case h.Major != Bytes || h.Value != 16:
		d.fail(at, "expected a UUID (tag 37 around 16 bytes), found %s", foundLength(h))
		return u
	case len(d.b)-d.off < 16:
		d.failWith(tooLong(at, h, uint64(len(d.b)-d.off)))
		return u
	}
	d.off += copy(u[:], d.b[d.off:])
	return u
}

func foundLength(h Head) string {
	if h.Major == Bytes {
		return fmt.Sprintf("%d bytes", h.Value)
	}
	return found(h)
}

// any reads one well-formed item and returns a copy of its encoding.
func (d *decoder) any() []byte {
	from := d.off
	d.skip()
	if d.err != nil {
		return nil
	}
	return slices.Clone(d.b[from:d.off])
}

// skip passes over one item.
func (d *decoder) skip() {
	if d.err != nil {
		return
	}
	end, err := skip(d.b, d.off, d.depth)
	if err != nil {
		d.failWith(shift(err, 0))
		return
	}
	d.off = end
}

// CheckEmpty reports what is wrong with the payload of a command that declares
// none. It is a map, perhaps from a peer whose schema declares fields, or null.
// The error is a *[DecodeError].
func CheckEmpty(b []byte) error {
	d := newDecoder(b)
	if !d.isNull() {
		d.structure(new(plan), nil)
	}
	return d.finish()
}
