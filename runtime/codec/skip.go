package codec

import "fmt"

// MaxDepth is how deep arrays, maps and tags may be nested. The outermost
// array or map is level 1; a tag counts if its content is a tag.
const MaxDepth = 32

// Skip returns the length in bytes of the item at the start of b. The error is
// a *[DecodeError]: the item is not well-formed, deeper than [MaxDepth], or of
// indefinite length. Text is not checked to be UTF-8.
func Skip(b []byte) (size int, err error) { return skip(b, 0, 0) }

// WellFormed reports what is wrong with b, which must be exactly one item as
// [Skip] accepts it. The error is a *[DecodeError].
func WellFormed(b []byte) error {
	n, err := skip(b, 0, 0)
	if err == nil && n < len(b) {
		err = trailing(n, len(b))
	}
	return err
}

func trailing(n, total int) *DecodeError {
	return &DecodeError{Offset: n, Reason: fmt.Sprintf("the item ends here, %s", follow(total-n))}
}

func follow(n int) string {
	if n == 1 {
		return "but 1 byte follows"
	}
	return fmt.Sprintf("but %d bytes follow", n)
}

// skip returns the offset after the item at b[at], which lies inside depth
// arrays and maps.
func skip(b []byte, at, depth int) (int, error) {
	h, n, err := ReadHead(b[at:])
	if err != nil {
		return 0, shift(err, at)
	}
	end := at + n
	left := uint64(len(b) - end)
	switch h.Major {
	case Bytes, Text:
		if h.Value > left {
			return 0, tooLong(at, h, left)
		}
		return end + int(h.Value), nil
	case Array, Pairs:
		if depth == MaxDepth {
			return 0, tooDeep(at)
		}
		count, err := countOf(at, h, left)
		if err != nil {
			return 0, err
		}
		if h.Major == Pairs {
			count *= 2
		}
		for range count {
			if end, err = skip(b, end, depth+1); err != nil {
				return 0, err
			}
		}
	case Tag:
		// A run of tags is walked here, so that it costs no stack.
		for end < len(b) && Major(b[end]>>5) == Tag {
			if depth++; depth > MaxDepth {
				return 0, tooDeep(end)
			}
			_, n, err := ReadHead(b[end:])
			if err != nil {
				return 0, shift(err, end)
			}
			end += n
		}
		return skip(b, end, depth)
	}
	return end, nil
}

// countOf returns the count of elements or entries that h announces, if they
// can be in the bytes left.
func countOf(at int, h Head, left uint64) (int, error) {
	least := uint64(1)
	if h.Major == Pairs {
		least = 2
	}
	if h.Value > left/least {
		return 0, tooLong(at, h, left)
	}
	return int(h.Value), nil
}

func tooLong(at int, h Head, left uint64) *DecodeError {
	unit := "bytes"
	switch h.Major {
	case Array:
		unit = "elements"
	case Pairs:
		unit = "entries"
	}
	return &DecodeError{Offset: at, Reason: fmt.Sprintf("%v of %d %s, but only %d bytes are left", h.Major, h.Value, unit, left)}
}

func tooDeep(at int) *DecodeError {
	return &DecodeError{Offset: at, Reason: fmt.Sprintf("nested deeper than %d levels", MaxDepth)}
}
