package schema

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Value is a value that stands in a schema: the end of a range, an element
// of in, or a default. It is exact: a number that its type cannot hold is never
// one, and decimals are rounded to the nearest float32 or float64 as Go does.
type Value struct {
	Scalar   Scalar        // what it is a value of; String for a value of an enum
	Bool     bool          // Bool
	Int      int64         // Int8 to Int64
	Uint     uint64        // Uint8 to Uint64
	Float    float64       // Float32, Float64; finite and never the negative zero
	Text     string        // String
	Duration time.Duration // Duration
	Enum     *EnumValue    // the value of an enum that Text names, or nil
	Pos      Position
}

// String returns the value as one writes it in a schema, texts without quotes.
func (v *Value) String() string {
	switch s := v.Scalar; {
	case s == Bool:
		return strconv.FormatBool(v.Bool)
	case s.isSigned():
		return strconv.FormatInt(v.Int, 10)
	case s.isUnsigned():
		return strconv.FormatUint(v.Uint, 10)
	case s.isFloat():
		return strconv.FormatFloat(v.Float, 'g', -1, s.bits())
	case s == Duration:
		return formatDuration(v.Duration)
	}
	return v.Text
}

// Compare orders two values of the same scalar: by number, by text, and false
// before true. It does not look at positions.
func (v *Value) Compare(w *Value) int {
	switch s := v.Scalar; {
	case s == Bool && v.Bool != w.Bool:
		if w.Bool {
			return -1
		}
		return 1
	case s.isSigned():
		return cmp.Compare(v.Int, w.Int)
	case s.isUnsigned():
		return cmp.Compare(v.Uint, w.Uint)
	case s.isFloat():
		return cmp.Compare(v.Float, w.Float)
	case s == Duration:
		return cmp.Compare(v.Duration, w.Duration)
	}
	return strings.Compare(v.Text, w.Text)
}

func (s Scalar) isSigned() bool   { return Int8 <= s && s <= Int64 }
func (s Scalar) isUnsigned() bool { return Uint8 <= s && s <= Uint64 }
func (s Scalar) isInteger() bool  { return s.isSigned() || s.isUnsigned() }
func (s Scalar) isFloat() bool    { return s == Float32 || s == Float64 }
func (s Scalar) isNumber() bool   { return s.isInteger() || s.isFloat() }

// bits returns the size of a number.
func (s Scalar) bits() int {
	switch {
	case s.isSigned():
		return 8 << (s - Int8)
	case s.isUnsigned():
		return 8 << (s - Uint8)
	}
	return 32 << (s - Float32)
}

// border returns the values of a number as a range.
func (s Scalar) border() string {
	switch {
	case s.isSigned():
		return strconv.FormatInt(-1<<(s.bits()-1), 10) + ".." + strconv.FormatInt(1<<(s.bits()-1)-1, 10)
	case s.isUnsigned():
		return "0.." + strconv.FormatUint(1<<s.bits()-1, 10)
	case s == Float32:
		return "-3.4028235e+38..3.4028235e+38"
	}
	return "-1.7976931348623157e+308..1.7976931348623157e+308"
}

// jsonNumber is how numbers are written.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// A fault says why a text is not a value.
type fault uint8

const (
	noFault   fault = iota
	malformed       // not even of the right kind
	tooLarge        // the type cannot hold it
	noUnit          // a duration that is only a number
)

// parseNumber reads a number of a kind.
func parseNumber(text string, s Scalar) (Value, fault) {
	v := Value{Scalar: s}
	if !jsonNumber.MatchString(text) || s.isInteger() && !plainInteger.MatchString(text) {
		return v, malformed
	}
	var err error
	switch {
	case s.isSigned():
		v.Int, err = strconv.ParseInt(text, 10, s.bits())
	case s.isUnsigned():
		v.Uint, err = strconv.ParseUint(text, 10, s.bits())
	default:
		v.Float, err = strconv.ParseFloat(text, s.bits())
		v.Float += 0 // no negative zero
	}
	if err != nil || math.IsInf(v.Float, 0) {
		return v, tooLarge
	}
	return v, noFault
}

// durationForm is how durations are written: whole numbers with units.
var durationForm = regexp.MustCompile(`^-?([0-9]+(ns|us|µs|ms|s|m|h))+$`)

func parseDuration(text string) (Value, fault) {
	v := Value{Scalar: Duration}
	if !durationForm.MatchString(text) {
		if jsonNumber.MatchString(text) {
			return v, noUnit
		}
		return v, malformed
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return v, tooLarge
	}
	v.Duration = d
	return v, noFault
}

// formatDuration returns d as one writes it in a schema: 1h30m, not 1h30m0s.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	rest := uint64(d)
	if d < 0 {
		b.WriteByte('-')
		rest = -rest // also right for the smallest one
	}
	for _, u := range []struct {
		size uint64
		name string
	}{
		{uint64(time.Hour), "h"}, {uint64(time.Minute), "m"}, {uint64(time.Second), "s"},
		{uint64(time.Millisecond), "ms"}, {uint64(time.Microsecond), "us"}, {1, "ns"},
	} {
		if n := rest / u.size; n > 0 {
			b.WriteString(strconv.FormatUint(n, 10) + u.name)
			rest %= u.size
		}
	}
	return b.String()
}
