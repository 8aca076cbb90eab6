package schema

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Constraints narrow the values of a field or of a new type. A reader refuses
// a value outside of them, and a writer does not send one. All that are given
// hold together, and together with those of the new types beneath.
type Constraints struct {
	Range   *Range   // of numbers and durations
	Len     *Len     // of string, bytes, list and map
	Pattern *Pattern // of string
	Format  StringFormat
	In      []*Value // the only values of a number or string; nil means any, else at least one
	Unique  bool     // the elements of a list are all different
	Pos     Position // of the first of them
}

// A Range holds the smallest and the greatest value; both are possible.
type Range struct {
	Min, Max *Value // nil means open; never both
	Pos      Position
}

// String returns the range as one writes it in a schema.
func (r *Range) String() string {
	var low, high string
	if r.Min != nil {
		low = r.Min.String()
	}
	if r.Max != nil {
		high = r.Max.String()
	}
	if low == high {
		return low
	}
	return low + ".." + high
}

// Contains reports whether v is in the range. It must be a value of the same
// scalar as the ends.
func (r *Range) Contains(v *Value) bool {
	return (r.Min == nil || v.Compare(r.Min) >= 0) && (r.Max == nil || v.Compare(r.Max) <= 0)
}

// MaxLen is the greatest end of a len. It fits into an int everywhere.
const MaxLen = 1<<31 - 1

// A Len bounds a size: of a string in Unicode code points, of bytes in bytes,
// of a list or map in entries. Both ends are possible and at most [MaxLen].
type Len struct {
	Min, Max uint64
	HasMax   bool // Max means something
	Pos      Position
}

// String returns the len as one writes it in a schema.
func (n *Len) String() string {
	low, high := strconv.FormatUint(n.Min, 10), strconv.FormatUint(n.Max, 10)
	switch {
	case !n.HasMax:
		return low + ".."
	case n.Min == n.Max:
		return low
	case n.Min == 0:
		return ".." + high
	}
	return low + ".." + high
}

// Contains reports whether size is possible.
func (n *Len) Contains(size int) bool {
	return uint64(size) >= n.Min && (!n.HasMax || uint64(size) <= n.Max)
}

// A Pattern is an RE2 expression that matches a string as a whole.
type Pattern struct {
	Expr string // as written, without anchors of its own
	Pos  Position
}

// Anchored returns the expression that [regexp.Compile] takes to match the
// whole string: \A(?:Expr)\z.
func (p *Pattern) Anchored() string { return `\A(?:` + p.Expr + `)\z` }

// MatchString reports whether s as a whole matches. It compiles the expression
// each time.
func (p *Pattern) MatchString(s string) bool {
	return regexp.MustCompile(p.Anchored()).MatchString(s)
}

// A StringFormat is a form of strings with a name.
type StringFormat uint8

// The formats. The zero StringFormat is none.
const (
	FormatIP       StringFormat = iota + 1 // an IPv4 or IPv6 address, without a zone
	FormatHostname                         // RFC 1123: labels of letters, digits and inner hyphens, 63 bytes each and 253 in all
	FormatURI                              // RFC 3986, with a scheme: all ASCII
	FormatPath                             // not empty and without a zero byte: what the operating system takes as a path
)

var formatNames = [...]string{FormatIP: "ip", FormatHostname: "hostname", FormatURI: "uri", FormatPath: "path"}

// String returns the format as one writes it in a schema, and "" for none.
func (f StringFormat) String() string { return formatNames[f] }

// MatchString reports whether s has the format. Everything has the format
// none.
func (f StringFormat) MatchString(s string) bool {
	switch f {
	case FormatIP:
		a, err := netip.ParseAddr(s)
		return err == nil && a.Zone() == ""
	case FormatHostname:
		return isHostname(s)
	case FormatURI:
		return isURI(s)
	case FormatPath:
		return s != "" && strings.IndexByte(s, 0) < 0
	}
	return true
}

func isHostname(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !isAlphanumeric(strings.ReplaceAll(label, "-", "")) {
			return false
		}
	}
	return true
}

// violated returns the first constraint that a value breaks, as it is written,
// and its place.
func (c *Constraints) violated(v *Value, m *matcher) (what string, pos Position) {
	switch {
	case c.Range != nil && !c.Range.Contains(v):
		return "range " + c.Range.String(), c.Range.Pos
	case c.Len != nil && !c.Len.Contains(utf8.RuneCountInString(v.Text)):
		return "len " + c.Len.String(), c.Len.Pos
	case c.Pattern != nil && !m.match(c.Pattern, v.Text):
		return "pattern " + c.Pattern.Expr, c.Pattern.Pos
	case !c.Format.MatchString(v.Text):
		return "format " + c.Format.String(), c.Pos
	case c.In != nil && !slices.ContainsFunc(c.In, func(w *Value) bool { return w.Compare(v) == 0 }):
		return "in", c.In[0].Pos
	}
	return "", Position{}
}

// A matcher keeps the pattern compiled last: the values of one list are
// matched one after another.
type matcher struct {
	pattern *Pattern
	re      *regexp.Regexp
}

func (m *matcher) match(p *Pattern, s string) bool {
	if m.pattern != p {
		m.pattern, m.re = p, regexp.MustCompile(p.Anchored())
	}
	return m.re.MatchString(s)
}
