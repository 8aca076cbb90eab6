package codec

import (
	"encoding/binary"
	"fmt"
)

// Major is a major type of RFC 8949, section 3.1.
type Major byte

// The eight major types.
const (
	Uint     Major = iota // unsigned integer
	Negative              // negative integer: -1 minus the value of the head
	Bytes                 // byte string
	Text                  // text string, UTF-8
	Array                 // array
	Pairs                 // map
	Tag                   // tag
	Simple                // simple value or floating-point number
)

var majorNames = [...]string{
	Uint: "an integer", Negative: "a negative integer", Bytes: "bytes", Text: "text",
	Array: "an array", Pairs: "a map", Tag: "a tag", Simple: "a simple value",
}

// String returns what an item of this type is called in errors.
func (m Major) String() string { return majorNames[m&7] }

// Additional information with a meaning of its own, RFC 8949, section 3.
const (
	info1Byte      = 24 // the value is in the next byte; 25, 26, 27: in 2, 4, 8 bytes
	info8Bytes     = 27
	infoIndefinite = 31
)

// Simple values and floating-point numbers, by the additional information of
// their head.
const (
	infoFalse   = 20
	infoTrue    = 21
	infoNull    = 22
	infoFloat16 = 25
	infoFloat32 = 26
	infoFloat64 = 27
)

// null is the whole encoding of null.
const null = byte(Simple)<<5 | infoNull

// A Head is the start of every item: its type and a value, which is the number
// itself, a length in bytes, a count of elements or entries, a tag number, or
// the bits of a floating-point number.
type Head struct {
	Major Major
	Info  byte // the low five bits of the first byte; how Value was written
	Value uint64
}

// AppendHead appends the shortest head of type m with value n.
func AppendHead(b []byte, m Major, n uint64) []byte {
	if n < info1Byte {
		return append(b, byte(m)<<5|byte(n))
	}
	return appendLongHead(b, m, n)
}

func appendLongHead(b []byte, m Major, n uint64) []byte {
	first := byte(m)<<5 | info1Byte
	switch {
	case n <= 0xff:
		return append(b, first, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, first+1), uint16(n))
	case n <= 0xffff_ffff:
		return binary.BigEndian.AppendUint32(append(b, first+2), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, first+3), n)
	}
}

// longestHead is how many bytes a head takes at most.
const longestHead = 9

// putHead writes what AppendHead appends at p, where there is room for
// longestHead bytes, and returns how many it took.
func putHead(p pointer, m Major, n uint64) int {
	if n < info1Byte {
		*as[byte](p) = byte(m)<<5 | byte(n)
		return 1
	}
	return putLongHead(p, m, n)
}

func putLongHead(p pointer, m Major, n uint64) int {
	return len(appendLongHead(as[[longestHead]byte](p)[:0], m, n))
}

// ReadHead reads the head at the start of b and returns its length in bytes.
// A value in a longer form than necessary is accepted. The error is a
// *[DecodeError]: b ends too early, the additional information is reserved, a
// simple value below 32 takes two bytes, or the length is indefinite.
func ReadHead(b []byte) (h Head, size int, err error) {
	if len(b) > 0 && b[0]&31 < info1Byte {
		return Head{Major(b[0] >> 5), b[0] & 31, uint64(b[0] & 31)}, 1, nil
	}
	return readLongHead(b)
}

func readLongHead(b []byte) (Head, int, error) {
	if len(b) == 0 {
		return Head{}, 0, &DecodeError{Reason: "the item is missing: no bytes are left"}
	}
	h := Head{Major: Major(b[0] >> 5), Info: b[0] & 31}
	switch {
	case h.Info == infoIndefinite && h.Major == Simple:
		return Head{}, 0, &DecodeError{Reason: "a break without an item of indefinite length"}
	case h.Info == infoIndefinite && (h.Major < Bytes || h.Major == Tag):
		return Head{}, 0, &DecodeError{Reason: fmt.Sprintf("byte 0x%02x does not begin an item", b[0])}
	case h.Info == infoIndefinite:
		return Head{}, 0, &DecodeError{Reason: h.Major.String() + " of indefinite length; only definite lengths are allowed"}
	case h.Info > info8Bytes:
		return Head{}, 0, &DecodeError{Reason: fmt.Sprintf("byte 0x%02x does not begin an item", b[0])}
	}
	width := 1 << (h.Info - info1Byte)
	if len(b) <= width {
		return Head{}, 0, &DecodeError{Reason: fmt.Sprintf("the head of %v takes %d bytes, only %d are left", h.Major, 1+width, len(b))}
	}
	switch width {
	case 1:
		h.Value = uint64(b[1])
	case 2:
		h.Value = uint64(binary.BigEndian.Uint16(b[1:]))
	case 4:
		h.Value = uint64(binary.BigEndian.Uint32(b[1:]))
	default:
		h.Value = binary.BigEndian.Uint64(b[1:])
	}
	if h.Major == Simple && h.Info == info1Byte && h.Value < 32 {
		return Head{}, 0, &DecodeError{Reason: fmt.Sprintf("simple value %d is written in two bytes", h.Value)}
	}
	return h, 1 + width, nil
}
