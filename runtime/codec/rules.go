package codec

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A Rule is a constraint of the schema language: an [IntRange], a [UintRange],
// a [FloatRange], a [Len], a [Pattern], a [Format], an [InInts], an [InUints],
// an [InFloats], an [InTexts] or [Unique].
type Rule interface {
	// compile returns the rule for values of n. It panics if there is no such
	// rule for them.
	compile(n *node) rule
}

// A rule is a [Rule] made ready.
type rule struct {
	name, want string
	holds      func(p pointer) bool
}

func compileRules(rules []Rule, n *node) []rule {
	var list []rule
	for _, r := range rules {
		list = append(list, r.compile(n))
	}
	return list
}

// An IntRange is for signed integers and durations, in nanoseconds. Both ends
// belong to it.
type IntRange struct {
	Min, Max     int64
	NoMin, NoMax bool   // that end is open
	Want         string // the range as the schema writes it
}

func (r IntRange) compile(n *node) rule {
	return rule{"range", r.Want, n.ints(func(v int64) bool {
		return (r.NoMin || v >= r.Min) && (r.NoMax || v <= r.Max)
	})}
}

// A UintRange is for unsigned integers. Both ends belong to it.
type UintRange struct {
	Min, Max     uint64
	NoMin, NoMax bool   // that end is open
	Want         string // the range as the schema writes it
}

func (r UintRange) compile(n *node) rule {
	return rule{"range", r.Want, n.uints(func(v uint64) bool {
		return (r.NoMin || v >= r.Min) && (r.NoMax || v <= r.Max)
	})}
}

// A FloatRange is for floating-point numbers. Both ends belong to it; NaN is in
// no range.
type FloatRange struct {
	Min, Max     float64
	NoMin, NoMax bool   // that end is open
	Want         string // the range as the schema writes it
}

func (r FloatRange) compile(n *node) rule {
	if n.kind == Float32 {
		r.Min, r.Max = float64(float32(r.Min)), float64(float32(r.Max))
	}
	return rule{"range", r.Want, n.floats(func(v float64) bool {
		return v == v && (r.NoMin || v >= r.Min) && (r.NoMax || v <= r.Max)
	})}
}

// A Len is for strings (Unicode code points), bytes, lists and maps (entries).
type Len struct {
	Min, Max int
	NoMax    bool // there is no upper end
}

func (r Len) want() string {
	switch {
	case r.NoMax:
		return strconv.Itoa(r.Min) + ".."
	case r.Min == r.Max:
		return strconv.Itoa(r.Min)
	case r.Min == 0:
		return ".." + strconv.Itoa(r.Max)
	}
	return strconv.Itoa(r.Min) + ".." + strconv.Itoa(r.Max)
}

func (r Len) compile(n *node) rule {
	fits := func(size int) bool { return r.Min <= size && (r.NoMax || size <= r.Max) }
	made := rule{name: "len", want: r.want()}
	switch n.kind {
	case String, enumKind:
		made.holds = func(p pointer) bool { return r.fitsText(*as[string](p)) }
	case mapKind:
		made.holds = func(p pointer) bool { return fits(mapLen(p)) }
	case ByteString, listKind:
		made.holds = func(p pointer) bool {
			_, size := elements(p)
			return fits(size)
		}
	default:
		n.noRule("len")
	}
	return made
}

// fitsText reports whether s has as many code points.
func (r Len) fitsText(s string) bool {
	// No string has more code points than bytes, or bytes and no code point.
	if len(s) < r.Min {
		return false
	}
	if (r.NoMax || len(s) <= r.Max) && r.Min <= 1 {
		return true
	}
	size := utf8.RuneCountInString(s)
	return r.Min <= size && (r.NoMax || size <= r.Max)
}

// A Pattern is a regular expression (RE2) that matches a string as a whole.
type Pattern struct{ Expr string }

func (r Pattern) compile(n *node) rule {
	// It is compiled when it is used first.
	re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + r.Expr + `)\z`) })
	return rule{"pattern", r.Expr, n.texts(func(s string) bool { return re().MatchString(s) })}
}

// A Format is a form of strings by its name: ip, hostname, uri or path.
type Format string

func (r Format) compile(n *node) rule {
	is := map[Format]func(string) bool{"ip": isIP, "hostname": isHostname, "uri": isURI, "path": isPath}[r]
	if is == nil {
		n.noRule("format " + string(r))
	}
	return rule{"format", string(r), n.texts(is)}
}

// InInts are the only values of a signed integer or duration.
type InInts struct {
	Values []int64
	Want   string // the values as the schema writes them
}

func (r InInts) compile(n *node) rule {
	return rule{"in", r.Want, n.ints(func(v int64) bool { return slices.Contains(r.Values, v) })}
}

// InUints are the only values of an unsigned integer.
type InUints struct {
	Values []uint64
	Want   string // the values as the schema writes them
}

func (r InUints) compile(n *node) rule {
	return rule{"in", r.Want, n.uints(func(v uint64) bool { return slices.Contains(r.Values, v) })}
}

// InFloats are the only values of a floating-point number.
type InFloats struct {
	Values []float64
	Want   string // the values as the schema writes them
}

func (r InFloats) compile(n *node) rule {
	if n.kind == Float32 {
		r.Values = slices.Clone(r.Values)
		for i, v := range r.Values {
			r.Values[i] = float64(float32(v))
		}
	}
	return rule{"in", r.Want, n.floats(func(v float64) bool { return slices.Contains(r.Values, v) })}
}

// InTexts are the only values of a string.
type InTexts struct{ Values []string }

func (r InTexts) compile(n *node) rule {
	return rule{"in", strings.Join(r.Values, ", "), n.texts(func(v string) bool { return slices.Contains(r.Values, v) })}
}

// Unique says that no two elements of a list of scalars are equal. Timestamps
// of the same instant are equal.
type Unique struct{}

func (r Unique) compile(n *node) rule {
	made := rule{name: "unique", want: "no element twice"}
	if n.kind != listKind {
		n.noRule("unique")
	}
	switch n.elem.kind {
	case Bool:
		made.holds = isUnique[bool]
	case Int8:
		made.holds = isUnique[int8]
	case Int16:
		made.holds = isUnique[int16]
	case Int32:
		made.holds = isUnique[int32]
	case Int64, Duration:
		made.holds = isUnique[int64]
	case Uint8:
		made.holds = isUnique[uint8]
	case Uint16:
		made.holds = isUnique[uint16]
	case Uint32:
		made.holds = isUnique[uint32]
	case Uint64:
		made.holds = isUnique[uint64]
	case Float32:
		made.holds = isUnique[float32]
	case Float64:
		made.holds = isUnique[float64]
	case UUID:
		made.holds = isUnique[[16]byte]
	case String, enumKind:
		made.holds = isUnique[string]
	case ByteString:
		made.holds = func(p pointer) bool {
			list := *as[[][]byte](p)
			return unique(len(list), func(i int) string { return string(list[i]) })
		}
	case Time:
		made.holds = func(p pointer) bool {
			list := *as[[]time.Time](p)
			return unique(len(list), func(i int) time.Time { return list[i].UTC().Round(0) })
		}
	default:
		n.noRule("unique")
	}
	return made
}

func isUnique[T comparable](p pointer) bool {
	list := *as[[]T](p)
	return unique(len(list), func(i int) T { return list[i] })
}

func unique[K comparable](n int, key func(int) K) bool {
	const few = 16 // as many are compared faster than looked up
	if n <= few {
		for i := range n {
			for j := range i {
				if key(i) == key(j) {
					return false
				}
			}
		}
		return true
	}
	seen := make(map[K]struct{}, n)
	for i := range n {
		seen[key(i)] = struct{}{}
	}
	return len(seen) == n
}

// ints returns a test of the signed integers of n.
func (n *node) ints(holds func(int64) bool) func(pointer) bool {
	switch n.kind {
	case Int8:
		return func(p pointer) bool { return holds(int64(*as[int8](p))) }
	case Int16:
		return func(p pointer) bool { return holds(int64(*as[int16](p))) }
	case Int32:
		return func(p pointer) bool { return holds(int64(*as[int32](p))) }
	case Int64, Duration:
		return func(p pointer) bool { return holds(*as[int64](p)) }
	}
	return n.noRule("of signed integers")
}

// uints returns a test of the unsigned integers of n.
func (n *node) uints(holds func(uint64) bool) func(pointer) bool {
	switch n.kind {
	case Uint8:
		return func(p pointer) bool { return holds(uint64(*as[uint8](p))) }
	case Uint16:
		return func(p pointer) bool { return holds(uint64(*as[uint16](p))) }
	case Uint32:
		return func(p pointer) bool { return holds(uint64(*as[uint32](p))) }
	case Uint64:
		return func(p pointer) bool { return holds(*as[uint64](p)) }
	}
	return n.noRule("of unsigned integers")
}

// floats returns a test of the floating-point numbers of n.
func (n *node) floats(holds func(float64) bool) func(pointer) bool {
	switch n.kind {
	case Float32:
		return func(p pointer) bool { return holds(float64(*as[float32](p))) }
	case Float64:
		return func(p pointer) bool { return holds(*as[float64](p)) }
	}
	return n.noRule("of floating-point numbers")
}

// texts returns a test of the strings of n.
func (n *node) texts(holds func(string) bool) func(pointer) bool {
	if n.kind != String && n.kind != enumKind {
		return n.noRule("of strings")
	}
	return func(p pointer) bool { return holds(*as[string](p)) }
}

// noRule reports a table that has a rule where the schema language has none.
func (n *node) noRule(name string) func(pointer) bool {
	misfit(n.typ, "there is no rule %s for it", name)
	return nil
}

// isIP reports whether s is an IPv4 or IPv6 address, without a zone.
func isIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// isHostname reports whether s is a host name (RFC 1123): labels of letters,
// digits and inner hyphens, of 63 bytes each and 253 in all.
func isHostname(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}

// isPath reports whether s is what the operating system takes as a path: not
// empty and without a zero byte.
func isPath(s string) bool { return s != "" && strings.IndexByte(s, 0) < 0 }
