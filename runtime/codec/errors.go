package codec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A DecodeError says what is wrong with encoded bytes. Path and Reason may
// quote text of the sender, escaped and shortened, never more.
type DecodeError struct {
	Path   string // of the item, for example tags[3].name; "" is the whole
	Offset int    // of the item's first byte
	Reason string
}

// Error returns path, offset and reason in one line.
func (e *DecodeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("codec: byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("codec: %s: byte %d: %s", e.Path, e.Offset, e.Reason)
}

// An EncodeError says why a Go value cannot be encoded.
type EncodeError struct {
	Path   string // of the value, for example tags[3].name; "" is the whole
	Reason string
}

// Error returns path and reason in one line.
func (e *EncodeError) Error() string {
	if e.Path == "" {
		return "codec: cannot encode: " + e.Reason
	}
	return "codec: cannot encode " + e.Path + ": " + e.Reason
}

// shift moves the offset of err, a *DecodeError for the bytes from at on.
func shift(err error, at int) *DecodeError {
	e, ok := errors.AsType[*DecodeError](err)
	if !ok {
		panic("codec: an error of another type: " + err.Error())
	}
	e.Offset += at
	return e
}

// under returns path as seen from the container of step.
func under(step, path string) string {
	if step == "" || path == "" || path[0] == '[' {
		return step + path
	}
	return step + "." + path
}

func indexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

func keyStep(key string) string { return "[" + quote(key) + "]" }

// quote returns untrusted text in quotes, escaped and shortened.
func quote(s string) string {
	const most = 48
	if len(s) > most {
		return strconv.QuoteToASCII(strings.ToValidUTF8(s[:most], "")) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// oneOf lists the values of an enum for a message.
func oneOf(values []string) string {
	const most = 8
	var b strings.Builder
	for i, v := range values {
		switch {
		case i == most:
			fmt.Fprintf(&b, " and %d more", len(values)-most)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(quote(v))
	}
	return b.String()
}
