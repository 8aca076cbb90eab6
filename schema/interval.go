package schema

import (
	"fmt"
	"regexp"
	"strings"
)

// interval splits a.., ..b, a..b and n, and reports what is none of them. at
// holds where the ends begin; an end that is not given is "".
func (l *loader) interval(n *node, what string) (ends [2]string, at [2]int, ok bool) {
	text := n.text
	if n.kind == numberNode && ambiguousNumber.MatchString(text) {
		l.ambiguous(n)
		return ends, at, false
	}
	bad := func(hint string) ([2]string, [2]int, bool) {
		d := l.finding(E0302, n, quote(what)+" is written a..b, a.., ..b or a")
		d.Label = "found " + n.kind.String()
		if n.kind == textNode || n.kind == numberNode {
			d.Label = ""
		}
		d.Hint = hint
		l.report(d)
		return ends, at, false
	}
	if n.kind == listNode && len(n.items) == 2 {
		return bad("write " + n.items[0].text + ".." + n.items[1].text)
	}
	if n.kind != textNode && n.kind != numberNode {
		return bad("for example 1..64")
	}
	low, high, two := strings.Cut(text, "..")
	if m := foreignInterval.FindStringSubmatch(text); m != nil && !jsonNumber.MatchString(text) {
		return bad("write " + m[1] + ".." + m[2])
	}
	if m := foreignBound.FindStringSubmatch(text); m != nil {
		if strings.HasPrefix(m[1], ">") {
			return bad("both ends are possible values: write " + m[2] + "..")
		}
		return bad("both ends are possible values: write .." + m[2])
	}
	switch {
	case text != strings.TrimSpace(text) || strings.ContainsAny(text, " \t\r\n"):
		return bad("write it without blanks")
	case !two && text == "", two && low == "" && high == "":
		return bad("for example 1..64")
	case !two:
		return [2]string{text, text}, at, true
	}
	return [2]string{low, high}, [2]int{0, len(low) + 2}, true
}

var (
	// foreignInterval matches an interval as it is written elsewhere.
	foreignInterval = regexp.MustCompile(`^\s*(-?[0-9]+(?:\.[0-9]+)?[a-zµ]*)\s*(?:-|to|,|;|:|–|…|\.\.\.|\.\.=|\s\.\.|\.\.\s)\s*(-?[0-9]+(?:\.[0-9]+)?[a-zµ]*)\s*$`)
	// foreignBound matches a comparison.
	foreignBound = regexp.MustCompile(`^\s*([<>]=?)\s*(-?[0-9]+(?:\.[0-9]+)?[a-zµ]*)\s*$`)
)

// rangeOf reads a range of numbers or durations.
func (l *loader) rangeOf(n *node, s Scalar) *Range {
	ends, at, ok := l.interval(n, "range")
	if !ok {
		return nil
	}
	var values [2]*Value
	for i, text := range ends {
		if text == "" {
			continue
		}
		if i == 1 && text == ends[0] && at[1] == 0 {
			values[1] = values[0]
			break
		}
		v, fault := parseNumber(text, s)
		if s == Duration {
			v, fault = parseDuration(text)
		}
		if fault != noFault {
			l.rangeFault(n, s, text, at[i], fault)
			return nil
		}
		v.Pos = l.src.valuePos(n, at[i])
		values[i] = &v
	}
	if values[0] != nil && values[1] != nil && values[0].Compare(values[1]) > 0 {
		d := l.finding(E0301, n, "range "+quote(n.text)+" is empty")
		d.Hint = "write " + ends[1] + ".." + ends[0]
		l.report(d)
		return nil
	}
	return &Range{Min: values[0], Max: values[1]}
}

func (l *loader) rangeFault(n *node, s Scalar, text string, at int, f fault) {
	switch {
	case f == noUnit:
		l.noUnit(n, text, at)
		return
	case f == tooLarge && s == Duration:
		d := l.finding(E0304, n, quote("range: "+n.text)+" is outside duration")
		d.Hint = "a duration is at most " + formatDuration(1<<63-1)
		l.reportAt(d, n, at, len(text))
		return
	case f == tooLarge:
		d := l.finding(E0304, n, quote("range: "+n.text)+" is outside "+s.String()+" ("+s.border()+")")
		d.Hint = "leave the end open, or use a wider type"
		l.reportAt(d, n, at, len(text))
		return
	}
	want := "numbers"
	switch {
	case s == Duration:
		want = "durations"
	case s.isInteger():
		want = "whole numbers"
	}
	d := l.finding(E0302, n, "`range` needs "+want+", found "+quote(text))
	d.Hint = numberHint(text, s)
	l.reportAt(d, n, at, max(len(text), 1))
}

// numberHint returns how to write what seems meant as a number.
func numberHint(text string, s Scalar) string {
	plain := strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+")
	switch {
	case s == Duration:
		return "for example 24h, 90s or 1m30s"
	case s.isInteger() && jsonNumber.MatchString(text):
		return "write a whole number, or use float64"
	case plain != text && jsonNumber.MatchString(plain):
		return "write " + plain
	case strings.HasPrefix(plain, "."):
		return "write 0" + plain
	}
	return "write it as in JSON: 5, -1" + map[bool]string{true: " or 0.25"}[s.isFloat()]
}

// noUnit reports a duration that is only a number.
func (l *loader) noUnit(n *node, text string, at int) {
	d := l.finding(E0309, n, "duration "+quote(text)+" has no unit")
	d.Hint = "for example " + text + "s or " + text + "ms; units are h, m, s, ms, us and ns"
	switch {
	case text == "0":
		d.Hint = "write 0s"
	case strings.ContainsAny(text, ".eE"):
		d.Hint = "write whole numbers with units, for example 1m30s or 1500ms"
	}
	l.reportAt(d, n, at, len(text))
}

// lenOf reads a len.
func (l *loader) lenOf(n *node) *Len {
	ends, at, ok := l.interval(n, "len")
	if !ok {
		return nil
	}
	v := Len{HasMax: ends[1] != ""}
	for i, text := range ends {
		if text == "" {
			continue
		}
		size, fault := parseNumber(text, Uint64)
		switch {
		case fault == malformed:
			d := l.finding(E0302, n, "`len` needs whole numbers, found "+quote(text))
			d.Hint = "for example 1..64"
			l.reportAt(d, n, at[i], len(text))
			return nil
		case fault == tooLarge || size.Uint > MaxLen:
			d := l.finding(E0304, n, fmt.Sprintf("%s is outside 0..%d", quote("len: "+n.text), MaxLen))
			d.Hint = "leave the end open, or write a length that is possible"
			l.reportAt(d, n, at[i], len(text))
			return nil
		case i == 0:
			v.Min = size.Uint
		default:
			v.Max = size.Uint
		}
	}
	if v.HasMax && v.Min > v.Max {
		d := l.finding(E0301, n, "len "+quote(n.text)+" is empty")
		d.Hint = "write " + ends[1] + ".." + ends[0]
		l.report(d)
		return nil
	}
	return &v
}
