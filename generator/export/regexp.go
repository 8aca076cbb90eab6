package export

import (
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// portable returns an RE2 expression that matches whole texts in words that
// XSD (for CDDL), ECMA-262 with the flag u (for JSON Schema) and PCRE
// understand alike, without anchors of its own. It returns false if there are
// none: \b, \B, and ^ and $ where they are not at an end.
func portable(pattern string) (string, bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic("export: " + err.Error()) // a schema holds only patterns that compile
	}
	// The whole text matches, so begin and end are where they must be.
	re = trimAnchors(re, true, true)
	var b strings.Builder
	if !appendRegexp(&b, re) {
		return "", false
	}
	return b.String(), true
}

// trimAnchors returns re without the anchors that hold anyway because re begins
// at the start of the text, ends at its end, or both.
func trimAnchors(re *syntax.Regexp, start, end bool) *syntax.Regexp {
	switch re.Op {
	case syntax.OpBeginText:
		if start {
			return &syntax.Regexp{Op: syntax.OpEmptyMatch}
		}
	case syntax.OpEndText:
		if end {
			return &syntax.Regexp{Op: syntax.OpEmptyMatch}
		}
	case syntax.OpCapture, syntax.OpAlternate:
		trimmed := *re
		trimmed.Sub = slices.Clone(re.Sub)
		for i, sub := range re.Sub {
			trimmed.Sub[i] = trimAnchors(sub, start, end)
		}
		return &trimmed
	case syntax.OpConcat:
		trimmed := *re
		trimmed.Sub = slices.Clone(re.Sub)
		last := len(re.Sub) - 1
		trimmed.Sub[0] = trimAnchors(re.Sub[0], start, last == 0 && end)
		if last > 0 {
			trimmed.Sub[last] = trimAnchors(re.Sub[last], false, end)
		}
		return &trimmed
	}
	return re
}

// appendRegexp writes re and reports whether all of it could be said.
func appendRegexp(b *strings.Builder, re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch:
		b.WriteString("()")
	case syntax.OpNoMatch:
		b.WriteString(`[^\s\S]`)
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && unicode.SimpleFold(r) != r {
				appendClass(b, foldings(r))
			} else {
				appendRune(b, r)
			}
		}
	case syntax.OpCharClass:
		appendClass(b, re.Rune)
	case syntax.OpAnyCharNotNL:
		b.WriteString(`[^\n]`) // the dot of others excludes more
	case syntax.OpAnyChar:
		b.WriteString(`[\s\S]`)
	case syntax.OpCapture:
		return appendGroup(b, re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if !appendOperand(b, re.Sub[0]) {
			return false
		}
		b.WriteString(quantifier(re)) // greedy or not is the same for whole texts
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.Op == syntax.OpEmptyMatch {
				continue
			}
			write := appendRegexp
			if sub.Op == syntax.OpAlternate {
				write = appendGroup
			}
			if !write(b, sub) {
				return false
			}
		}
	case syntax.OpAlternate:
		for i, sub := range re.Sub {
			if i > 0 {
				b.WriteByte('|')
			}
			if !appendRegexp(b, sub) {
				return false
			}
		}
	default: // anchors inside and word boundaries
		return false
	}
	return true
}

// appendOperand writes what a quantifier follows: one character or class as it
// is, anything else in parentheses.
func appendOperand(b *strings.Builder, re *syntax.Regexp) bool {
	switch {
	case re.Op == syntax.OpLiteral && len(re.Rune) == 1, re.Op == syntax.OpCharClass,
		re.Op == syntax.OpAnyChar, re.Op == syntax.OpAnyCharNotNL, re.Op == syntax.OpCapture:
		return appendRegexp(b, re)
	}
	return appendGroup(b, re)
}

func appendGroup(b *strings.Builder, re *syntax.Regexp) bool {
	if re.Op == syntax.OpCapture || re.Op == syntax.OpEmptyMatch {
		return appendRegexp(b, re) // has its parentheses
	}
	b.WriteByte('(')
	ok := appendRegexp(b, re)
	b.WriteByte(')')
	return ok
}

func quantifier(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpStar:
		return "*"
	case syntax.OpPlus:
		return "+"
	case syntax.OpQuest:
		return "?"
	}
	low := strconv.Itoa(re.Min)
	switch re.Max {
	case -1:
		return "{" + low + ",}"
	case re.Min:
		return "{" + low + "}"
	}
	return "{" + low + "," + strconv.Itoa(re.Max) + "}"
}

// foldings returns r and what differs from it by case only, as pairs of equal
// ends, sorted.
func foldings(r rune) []rune {
	all := []rune{r}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		all = append(all, f)
	}
	slices.Sort(all)
	var pairs []rune
	for _, f := range all {
		pairs = append(pairs, f, f)
	}
	return pairs
}

// appendClass writes the class of pairs of first and last runes. One that
// reaches the last rune is written as what it leaves out.
func appendClass(b *strings.Builder, pairs []rune) {
	begin, nothing := "[", `[^\s\S]`
	if n := len(pairs); n > 0 && pairs[n-1] == unicode.MaxRune {
		begin, nothing = "[^", `[\s\S]`
		pairs = complement(pairs)
	}
	pairs = withoutSurrogates(pairs)
	if len(pairs) == 0 {
		b.WriteString(nothing)
		return
	}
	b.WriteString(begin)
	for i := 0; i < len(pairs); i += 2 {
		low, high := pairs[i], pairs[i+1]
		appendClassRune(b, low)
		if high > low {
			if high > low+1 {
				b.WriteByte('-')
			}
			appendClassRune(b, high)
		}
	}
	b.WriteByte(']')
}

// complement returns the pairs that pairs leave out.
func complement(pairs []rune) []rune {
	var rest []rune
	next := rune(0)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] > next {
			rest = append(rest, next, pairs[i]-1)
		}
		next = pairs[i+1] + 1
	}
	if next <= unicode.MaxRune {
		rest = append(rest, next, unicode.MaxRune)
	}
	return rest
}

// withoutSurrogates moves the ends of pairs that are surrogates, which no text
// holds and no file can spell.
func withoutSurrogates(pairs []rune) []rune {
	var kept []rune
	for i := 0; i < len(pairs); i += 2 {
		low, high := pairs[i], pairs[i+1]
		if !utf8.ValidRune(low) {
			low = 0xe000
		}
		if !utf8.ValidRune(high) {
			high = 0xd7ff
		}
		if low <= high {
			kept = append(kept, low, high)
		}
	}
	return kept
}

// appendRune writes a rune outside of a class.
func appendRune(b *strings.Builder, r rune) {
	switch {
	case r == '$':
		b.WriteString("[$]") // XSD has no escape for it
	case appendControl(b, r):
	case strings.ContainsRune(`\.+*?()|[]{}^`, r):
		b.WriteByte('\\')
		b.WriteRune(r)
	default:
		b.WriteRune(r)
	}
}

// appendClassRune writes a rune inside of a class.
func appendClassRune(b *strings.Builder, r rune) {
	switch {
	case appendControl(b, r):
	case strings.ContainsRune(`\[]^-`, r):
		b.WriteByte('\\')
		b.WriteRune(r)
	default:
		b.WriteRune(r)
	}
}

func appendControl(b *strings.Builder, r rune) bool {
	switch r {
	case '\n':
		b.WriteString(`\n`)
	case '\r':
		b.WriteString(`\r`)
	case '\t':
		b.WriteString(`\t`)
	default:
		return false
	}
	return true
}
