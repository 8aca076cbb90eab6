package codec

import (
	"math"
	"time"
)

// The seconds since 1970 at which the years 0 and 10000 begin.
const (
	firstSecond = -62167219200
	endSecond   = 253402300800
)

// inRange reports whether RFC 3339 can write t in UTC.
func inRange(t time.Time) bool {
	s := t.Unix()
	return s >= firstSecond && s < endSecond
}

// time reads tag 0 (RFC 3339 text with any offset; digits beyond nanoseconds
// are dropped) or tag 1 (seconds since 1970, an integer or a floating-point
// number, rounded to nanoseconds). The result is in UTC.
func (d *decoder) time() time.Time {
	at := d.off
	h, ok := d.head()
	if !ok {
		return time.Time{}
	}
	var t time.Time
	switch {
	case h.Major == Tag && h.Value == tagTime:
		t = d.timeText()
	case h.Major == Tag && h.Value == tagEpoch:
		t = d.timeEpoch()
	default:
		d.fail(at, "expected a timestamp (tag 0 or 1), found %s", found(h))
	}
	if d.err != nil {
		return time.Time{}
	}
	if !inRange(t) {
		d.fail(at, "the timestamp is outside the years 0 to 9999")
		return time.Time{}
	}
	return t
}

func (d *decoder) timeText() time.Time {
	at := d.off
	s := d.span(Text)
	var t time.Time
	if !looksLikeTime(s) || t.UnmarshalText(s) != nil {
		d.fail(at, "%s is not a time of RFC 3339", quote(string(s)))
	}
	return t.UTC()
}

// looksLikeTime reports whether s has the form of RFC 3339. The time package
// checks the numbers, but also takes a comma before the fraction and hours of
// one digit.
func looksLikeTime(s []byte) bool {
	const form = "0000-00-00T00:00:00"
	if len(s) <= len(form) || !hasForm(s[:len(form)], form) {
		return false
	}
	s = s[len(form):]
	if s[0] == '.' {
		digits := 1
		for digits < len(s) && isDigit(s[digits]) {
			digits++
		}
		if digits == 1 {
			return false
		}
		s = s[digits:]
	}
	return hasForm(s, "Z") || hasForm(s, "+00:00") || hasForm(s, "-00:00")
}

// hasForm reports whether s is form with other digits.
func hasForm(s []byte, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i, c := range s {
		if form[i] == '0' && !isDigit(c) || form[i] != '0' && form[i] != c {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (d *decoder) timeEpoch() time.Time {
	at := d.off
	h, ok := d.head()
	if !ok {
		return time.Time{}
	}
	if h.Major <= Negative {
		// A magnitude beyond int64 is outside the years as well.
		n := int64(min(h.Value, math.MaxInt64)) ^ -int64(h.Major)
		return time.Unix(n, 0).UTC()
	}
	v, _, number := float(h)
	if !number {
		d.fail(at, "expected seconds since 1970, found %s", found(h))
		return time.Time{}
	}
	if !(v >= firstSecond && v < endSecond) {
		d.fail(at, "%v seconds since 1970 are outside the years 0 to 9999", v)
		return time.Time{}
	}
	whole, part := math.Modf(v)
	return time.Unix(int64(whole), int64(math.Round(part*1e9))).UTC()
}
