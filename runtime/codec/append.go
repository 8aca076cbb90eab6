package codec

import (
	"encoding/binary"
	"math"
	"time"
)

// Tags that the types of a schema use.
const (
	tagTime  = 0  // RFC 3339 text; RFC 8949, section 3.4.1
	tagEpoch = 1  // seconds since 1970; RFC 8949, section 3.4.2
	tagUUID  = 37 // 16 bytes; IANA registry of CBOR tags
)

// AppendNull appends null.
func AppendNull(b []byte) []byte { return append(b, null) }

// AppendBool appends false or true.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, byte(Simple)<<5|infoTrue)
	}
	return append(b, byte(Simple)<<5|infoFalse)
}

// AppendUint appends an unsigned integer.
func AppendUint(b []byte, v uint64) []byte { return AppendHead(b, Uint, v) }

// AppendInt appends a signed integer.
func AppendInt(b []byte, v int64) []byte {
	// -1-v is ^v in two's complement, and never overflows.
	sign := v >> 63
	return AppendHead(b, Major(sign&1), uint64(v^sign))
}

// AppendFloat32 appends v in 5 bytes. Every NaN is written in the same way.
func AppendFloat32(b []byte, v float32) []byte {
	bits := math.Float32bits(v)
	if v != v {
		bits = 0x7fc0_0000
	}
	return binary.BigEndian.AppendUint32(append(b, byte(Simple)<<5|infoFloat32), bits)
}

// AppendFloat64 appends v in 9 bytes. Every NaN is written in the same way.
func AppendFloat64(b []byte, v float64) []byte {
	bits := math.Float64bits(v)
	if v != v {
		bits = 0x7ff8_0000_0000_0000
	}
	return binary.BigEndian.AppendUint64(append(b, byte(Simple)<<5|infoFloat64), bits)
}

// AppendText appends s, which must be valid UTF-8.
func AppendText(b []byte, s string) []byte {
	return append(AppendHead(b, Text, uint64(len(s))), s...)
}

// AppendBytes appends a byte string. nil is the empty one.
func AppendBytes(b, v []byte) []byte {
	return append(AppendHead(b, Bytes, uint64(len(v))), v...)
}

// AppendTime appends t as tag 0: RFC 3339 in UTC, with as many digits of the
// nanoseconds as t needs. The year must be 0 to 9999.
func AppendTime(b []byte, t time.Time) []byte {
	var buf [len(time.RFC3339Nano)]byte
	text := appendTimeText(buf[:0], t)
	b = append(b, byte(Tag)<<5|tagTime)
	return append(AppendHead(b, Text, uint64(len(text))), text...)
}

// AppendDuration appends d as an integer of nanoseconds.
func AppendDuration(b []byte, d time.Duration) []byte { return AppendInt(b, int64(d)) }

// AppendUUID appends u as tag 37 around 16 bytes.
func AppendUUID(b []byte, u [16]byte) []byte {
	b = append(b, byte(Tag)<<5|info1Byte, tagUUID, byte(Bytes)<<5|16)
	return append(b, u[:]...)
}

// AppendAny appends an encoded item as it is, or null if there is none. It
// must be well-formed.
func AppendAny(b, item []byte) []byte {
	if len(item) == 0 {
		return AppendNull(b)
	}
	return append(b, item...)
}

// AppendListHead appends the head of a list of n elements.
func AppendListHead(b []byte, n int) []byte { return AppendHead(b, Array, uint64(n)) }

// AppendMapHead appends the head of a map or struct of n entries.
func AppendMapHead(b []byte, n int) []byte { return AppendHead(b, Pairs, uint64(n)) }

// CompareKeys orders keys as their encodings: by length and then bytewise. It
// returns a negative number, 0 or a positive one.
func CompareKeys(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}
