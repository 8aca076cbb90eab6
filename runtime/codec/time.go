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

// appendTimeText appends what t.UTC().AppendFormat(b, time.RFC3339Nano) does,
// some times faster.
func appendTimeText(b []byte, t time.Time) []byte {
	if !inRange(t) {
		return t.UTC().AppendFormat(b, time.RFC3339Nano)
	}
	const day = 24 * 60 * 60
	s := t.Unix() - firstSecond
	year, month, date := dateOf(int(s / day))
	clock := int(s % day)
	b = appendPair(appendPair(b, year/100), year%100)
	b = appendPair(append(b, '-'), month)
	b = appendPair(append(b, '-'), date)
	b = appendPair(append(b, 'T'), clock/3600)
	b = appendPair(append(b, ':'), clock/60%60)
	b = appendPair(append(b, ':'), clock%60)
	if n := t.Nanosecond(); n > 0 {
		b = append(b, '.')
		b = appendPair(appendPair(b, n/1e7), n/1e5%100)
		b = appendPair(appendPair(b, n/1e3%100), n/10%100)
		b = append(b, '0'+byte(n%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return append(b, 'Z')
}

// appendPair appends n, which is less than 100, in two digits.
func appendPair(b []byte, n int) []byte { return append(b, '0'+byte(n/10), '0'+byte(n%10)) }

// Days of years and cycles that begin in March, so that the day which some
// years have more is their last one.
const (
	daysOfFebruary = 60 // from 1 January of the year 0, a leap year, to 1 March
	days4Years     = 4*365 + 1
	days100Years   = 25*days4Years - 1
	days400Years   = 4*days100Years + 1
)

// dateOf returns the date that is days after 1 January of the year 0.
func dateOf(days int) (year, month, date int) {
	if days < daysOfFebruary {
		return 0, 1 + days/31, 1 + days%31
	}
	days -= daysOfFebruary
	year = days / days400Years * 400
	days %= days400Years
	n := min(days/days100Years, 3)
	year, days = year+n*100, days-n*days100Years
	n = days / days4Years
	year, days = year+n*4, days-n*days4Years
	n = min(days/365, 3)
	year, days = year+n, days-n*365
	// From March on five months have 153 days: 31, 30, 31, 30, 31.
	month = (5*days + 2) / 153
	date = days - (153*month+2)/5 + 1
	if month += 3; month > 12 {
		year, month = year+1, month-12
	}
	return year, month, date
}

// daysBefore returns how many days are from 1 January of the year 0 to a date.
func daysBefore(year, month, date int) int {
	if month -= 3; month < 0 {
		year, month = year-1, month+12
	}
	if year < 0 {
		return (month-10)*31 + date - 1
	}
	return daysOfFebruary + year*365 + year/4 - year/100 + year/400 + (153*month+2)/5 + date - 1
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
	if t, ok := parseUTC(s); ok {
		return t
	}
	var t time.Time
	if !looksLikeTime(s) || t.UnmarshalText(s) != nil {
		d.fail(at, "%s is not a time of RFC 3339", quote(string(s)))
	}
	return t.UTC()
}

// parseUTC returns the time that s is, if it is one in UTC with at most 9 digits
// of a fraction, as nearly all are.
func parseUTC(s []byte) (time.Time, bool) {
	const form = "0000-00-00T00:00:00"
	if len(s) <= len(form) || len(s) > len(form)+len(".000000000Z") || s[len(s)-1] != 'Z' ||
		s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	century, y, month, date := pair(s), pair(s[2:]), pair(s[5:]), pair(s[8:])
	hour, minute, second := pair(s[11:]), pair(s[14:]), pair(s[17:])
	if century|y|month|date|hour|minute|second < 0 || month < 1 || month > 12 || date < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	year := century*100 + y
	if date > 28 && date > daysIn(year, month) {
		return time.Time{}, false
	}
	nanos := 0
	if fraction := s[len(form) : len(s)-1]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) == 1 {
			return time.Time{}, false
		}
		for i := 1; i < len(".000000000"); i++ {
			digit := byte('0')
			if i < len(fraction) {
				digit = fraction[i]
			}
			if !isDigit(digit) {
				return time.Time{}, false
			}
			nanos = nanos*10 + int(digit-'0')
		}
	}
	seconds := int64(daysBefore(year, month, date))*24*60*60 + int64(hour*3600+minute*60+second)
	return time.Unix(firstSecond+seconds, int64(nanos)).UTC(), true
}

// pair returns the number of two digits at the start of s, or a negative number.
func pair(s []byte) int {
	if !isDigit(s[0]) || !isDigit(s[1]) {
		return -1
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}

// daysIn returns how many days a month has.
func daysIn(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
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
