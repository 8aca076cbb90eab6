package schema

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A textSet holds the texts that a spot takes.
type textSet struct {
	in        []string // the only ones; nil means any
	low, high uint64   // code points
	patterns  []*Pattern
	formats   []StringFormat
	compiled  map[*Pattern]*regexp.Regexp
	enum      *Type // that in is from, or nil
}

func textsOf(s spot) *textSet {
	t := &textSet{}
	t.low, t.high = s.sizes()
	listed := func(values []string) {
		if t.in == nil {
			t.in = values
			return
		}
		t.in = slices.DeleteFunc(slices.Clone(t.in), func(v string) bool { return !slices.Contains(values, v) })
	}
	if e := s.enum(); e != nil && e.Closed {
		t.enum = e
		values := make([]string, len(e.Values))
		for i, v := range e.Values {
			values[i] = v.Value
		}
		listed(values)
	}
	for _, c := range s.cons {
		if c.Pattern != nil && !slices.ContainsFunc(t.patterns, func(p *Pattern) bool { return p.Expr == c.Pattern.Expr }) {
			t.patterns = append(t.patterns, c.Pattern)
		}
		if c.Format != 0 && !slices.Contains(t.formats, c.Format) {
			t.formats = append(t.formats, c.Format)
		}
		if c.In != nil {
			values := make([]string, len(c.In))
			for i, v := range c.In {
				values[i] = v.Text
			}
			listed(values)
		}
	}
	return t
}

// reason returns why the set does not hold s, or "".
func (t *textSet) reason(s string) string {
	n := uint64(utf8.RuneCountInString(s))
	switch {
	case t.in != nil && !slices.Contains(t.in, s):
		if t.enum != nil {
			return quoteJSON(s) + " is not a value of `" + t.enum.Name + "`"
		}
		return quoteJSON(s) + " is not one of `in`"
	case n < t.low || n > t.high:
		l := Len{Min: t.low, Max: t.high, HasMax: t.high <= MaxLen}
		return "size " + strconv.FormatUint(n, 10) + " breaks `len: " + l.String() + "`"
	}
	for _, p := range t.patterns {
		if !t.match(p, s) {
			return quoteJSON(s) + " does not match the pattern `" + printable(p.Expr) + "`"
		}
	}
	for _, f := range t.formats {
		if !f.MatchString(s) {
			return quoteJSON(s) + " has not the format `" + f.String() + "`"
		}
	}
	return ""
}

func (t *textSet) match(p *Pattern, s string) bool {
	re := t.compiled[p]
	if re == nil {
		re = regexp.MustCompile(p.Anchored())
		if t.compiled == nil {
			t.compiled = make(map[*Pattern]*regexp.Regexp)
		}
		t.compiled[p] = re
	}
	return re.MatchString(s)
}

// otherText returns a text of w that r does not hold.
func otherText(w, r *textSet) (string, string, status) {
	if w.low > w.high {
		return "", "", none
	}
	try := func(texts []string) (string, string, status) {
		for _, s := range texts {
			if w.reason(s) != "" {
				continue
			}
			if reason := r.reason(s); reason != "" {
				return s, reason, found
			}
		}
		return "", "", unknown
	}
	if w.in != nil {
		s, reason, st := try(w.in)
		if st != found {
			st = none // these are all
		}
		return s, reason, st
	}
	if w.within(r) {
		return "", "", none
	}
	if r.in != nil {
		// One more than r has is not among them.
		texts, st := w.examples(len(r.in) + 1)
		if st != found {
			all, reason, found := try(texts)
			return all, reason, max(found, st)
		}
		return try(append([]string{freeName(func(s string) bool { return !slices.Contains(r.in, s) })}, texts...))
	}
	if s, reason, st := try(w.candidates(r)); st == found {
		return s, reason, st
	}
	if len(w.patterns)+len(r.patterns) == 0 {
		if len(w.formats)+len(r.formats) == 0 && min(w.high, max(w.low, r.low)) <= maxWitnessText && (r.high > maxWitnessText && w.high > maxWitnessText && r.high >= w.high || r.high <= maxWitnessText) {
			return "", "", none // the candidates hold the ends of both
		}
		return "", "", unknown
	}
	texts, st := search(w, r, 1)
	s, reason, tried := try(texts)
	if tried != found && st == none && len(w.formats)+len(r.formats) == 0 {
		return "", "", none
	}
	return s, reason, tried
}

// within reports that r holds every text of w, as far as their constraints show
// it.
func (t *textSet) within(r *textSet) bool {
	if r.in != nil || t.low < r.low || t.high > r.high {
		return false
	}
	for _, p := range r.patterns {
		if !slices.ContainsFunc(t.patterns, func(q *Pattern) bool { return q.Expr == p.Expr }) {
			return false
		}
	}
	for _, f := range r.formats {
		// Whatever has another format is a path as well.
		if !slices.Contains(t.formats, f) && (f != FormatPath || len(t.formats) == 0) {
			return false
		}
	}
	return true
}

// candidates returns texts near the borders of both sets, the plain ones first.
func (t *textSet) candidates(r *textSet) []string {
	texts := []string{"a", "x y", "127.0.0.1", "::1", "fe80::1", "host-1.example", "file:///tmp/a", "urn:a:b", "/tmp/a", "", " ", "\x00", "名"}
	sizes := []uint64{t.low, t.high, r.low - 1, r.low, r.high, r.high + 1}
	for _, n := range sizes {
		if n > maxWitnessText {
			continue
		}
		texts = append(texts, strings.Repeat("a", int(n)), strings.Repeat(" ", int(n)), strings.Repeat("\x00", int(n)), strings.Repeat("/", int(n)))
		if n > 2 {
			texts = append(texts, "a:"+strings.Repeat("a", int(n)-2))
		}
		if n >= 2 && n <= 39 {
			groups := "::" + strings.Repeat("1:", 8)
			texts = append(texts, strings.TrimSuffix(groups[:min(int(n), len(groups))], ":"))
		}
	}
	return texts
}

// examples returns n different texts of the set, short ones first.
func (t *textSet) examples(n int) ([]string, status) {
	switch {
	case t.low > t.high:
		return nil, none
	case t.in != nil:
		var texts []string
		for _, s := range t.in {
			if t.reason(s) == "" && len(texts) < n {
				texts = append(texts, s)
			}
		}
		if len(texts) < n {
			return texts, none
		}
		return texts, found
	}
	var texts []string
	add := func(s string) {
		if len(texts) < n && t.reason(s) == "" && !slices.Contains(texts, s) {
			texts = append(texts, s)
		}
	}
	for _, s := range t.candidates(t) {
		add(s)
	}
	st := unknown
	if len(texts) < n && (len(t.formats) == 0 || len(t.patterns) > 0) && t.low <= maxWitnessText {
		var more []string
		more, st = search(t, nil, max(n+len(texts), 32))
		for _, s := range more {
			add(s)
		}
		if st == found {
			st = unknown // enough were found, but not that many others
		}
	}
	if len(t.formats) > 0 {
		for i := range min(4*n, 4096) {
			number := strconv.Itoa(i)
			add("/" + number)
			add("h" + number)
			add("u:" + number)
			add("::" + strconv.FormatInt(int64(i%0xffff), 16))
		}
	}
	if len(texts) == n {
		return texts, found
	}
	return texts, st
}

// Examples returns up to n different strings of low to high code points that
// match as a whole, short ones first. There may be more than it returns, even
// if these are fewer than n: what takes too long to find is left out.
func (p *Pattern) Examples(low, high, n int) []string {
	t := &textSet{low: uint64(max(low, 0)), high: uint64(max(high, 0)), patterns: []*Pattern{p}}
	texts, _ := search(t, nil, n)
	return texts
}
