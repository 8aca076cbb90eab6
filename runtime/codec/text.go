package codec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// validText reports whether s is valid UTF-8. Nearly all text of programs is
// short and ASCII, for which looking at the high bits is several times faster.
func validText[T string | []byte](s T) bool {
	return isASCII(s) || utf8.ValidString(string(s))
}

// highBits are those that no byte of ASCII has.
const highBits = 0x8080_8080_8080_8080

func isASCII[T string | []byte](s T) bool {
	var all uint64
	if len(s) < 8 {
		for i := range len(s) {
			all |= uint64(s[i])
		}
		return all&0x80 == 0
	}
	for rest := s; len(rest) >= 8; rest = rest[8:] {
		all |= word(rest)
	}
	// The last word may overlap the one before.
	return (all|word(s[len(s)-8:]))&highBits == 0
}

// word returns the first 8 bytes of s. It compiles to one load.
func word[T string | []byte](s T) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// A paddedKey is an encoded key of up to 16 bytes in two words, so that it is
// written and compared in one go.
type paddedKey struct {
	first, last uint64
	size        uint8 // of the key; more than 16: it is not here
	shift       uint8 // what first has too much, in bits
	lastShift   uint8 // what last has too much, in bits; 64 if it has nothing
}

// pad returns the padded form of key.
func pad(key string) paddedKey {
	var buf [16]byte
	if copy(buf[:], key) < len(key) {
		return paddedKey{size: math.MaxUint8}
	}
	n := len(key)
	return paddedKey{
		first: binary.LittleEndian.Uint64(buf[:]), last: binary.LittleEndian.Uint64(buf[8:]),
		size: uint8(n), shift: uint8(8 * max(8-n, 0)), lastShift: uint8(8 * min(16-n, 8)),
	}
}

// width returns how many bytes are written.
func (k *paddedKey) width() int { return (int(k.size) + 7) &^ 7 }

// begins reports whether the bytes from p on, at least 16, begin with the key.
func (k *paddedKey) begins(p pointer) bool {
	return k.size <= 16 && (getWord(p)^k.first)<<(k.shift&63) == 0 && (getWord(at(p, 8))^k.last)<<k.lastShift == 0
}
