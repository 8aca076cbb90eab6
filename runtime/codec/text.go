package codec

import "unicode/utf8"

// validText reports whether s is valid UTF-8. Nearly all text of programs is
// short and ASCII, for which looking at the high bits is several times faster.
func validText[T string | []byte](s T) bool {
	return isASCII(s) || utf8.ValidString(string(s))
}

func isASCII[T string | []byte](s T) bool {
	const highBits = 0x8080_8080_8080_8080
	var all uint64
	for len(s) >= 8 {
		// This compiles to one load.
		all |= uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		s = s[8:]
	}
	for i := range len(s) {
		all |= uint64(s[i])
	}
	return all&highBits == 0
}
