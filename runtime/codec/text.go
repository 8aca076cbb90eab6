package codec

import "unicode/utf8"

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
