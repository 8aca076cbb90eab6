package codec

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// MaxViolations is how many violations a [ValidationError] holds at most.
const MaxViolations = 16

// MaxWant is the length in bytes at which [Violation.Want] is cut.
const MaxWant = 256

// A Violation says which rule of the schema a value breaks, and where. It
// never holds the value.
type Violation struct {
	Path string // of the value, for example tags[3]; "" is the whole
	Rule string // the constraint: range, len, pattern, format, in, unique, enum, check, depth; or decode
	Want string // what it asks for, as the schema writes it, for example 1..32
}

// String returns the violation in one line.
func (v Violation) String() string {
	text := v.Rule + ": want " + v.Want
	if v.Rule == "check" || v.Rule == "decode" || v.Rule == "depth" {
		text = v.Want
	}
	if v.Path == "" {
		return text
	}
	return v.Path + ": " + text
}

// A ValidationError says how a payload breaks its schema. Programs know it as
// ipcio.ValidationError.
type ValidationError struct {
	Command    string      // whose payload it is; "" before it is sent
	Violations []Violation // at least one and at most MaxViolations, in the order of the schema

	cause error // the *DecodeError, if it was decoded here
}

// Error returns the violations in one line.
func (e *ValidationError) Error() string {
	var b strings.Builder
	b.WriteString("ipcio: the value is not valid")
	if e.Command != "" {
		b.WriteString(" for " + quote(e.Command))
	}
	for i, v := range e.Violations {
		b.WriteString([]string{": ", "; "}[min(i, 1)] + v.String())
	}
	return b.String()
}

// Unwrap returns the *[DecodeError] that e was made of, or nil.
func (e *ValidationError) Unwrap() error { return e.cause }

// Invalid returns err, if it says that a payload was refused, as a
// ValidationError of command: a *ValidationError as it is, a *[DecodeError] as
// one violation. Otherwise it returns nil.
func Invalid(command string, err error) *ValidationError {
	if e, ok := errors.AsType[*ValidationError](err); ok {
		if e.Command == "" {
			e.Command = command
		}
		return e
	}
	if e, ok := errors.AsType[*DecodeError](err); ok {
		return &ValidationError{
			Command: command, Violations: []Violation{{e.Path, "decode", clip(e.Reason)}}, cause: e,
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) <= MaxWant {
		return s
	}
	return strings.ToValidUTF8(s[:MaxWant], "") + "…"
}

// A Validator collects what is wrong with a value. The zero value is ready.
type Validator struct {
	found []Violation
	depth int
	marks [MaxDepth]uint8 // how many violations there were when each level was entered
}

// Err returns what was found, a *[ValidationError], or nil.
func (c *Validator) Err() error {
	if len(c.found) > 0 {
		return &ValidationError{Violations: c.found}
	}
	return nil
}

// Rule notes a violation of the field called name, unless ok. name is "" for
// the whole of what was entered last.
func (c *Validator) Rule(name string, ok bool, rule, want string) {
	if !ok {
		c.violate(name, rule, want)
	}
}

//go:noinline
func (c *Validator) violate(name, rule, want string) {
	if len(c.found) < MaxViolations {
		c.found = append(c.found, Violation{name, rule, clip(want)})
	}
}

// Enter begins to look at the inside of a field, an element or an entry. It
// reports false if that is too deep, which is noted, or if enough is found
// already; no Leave follows then.
func (c *Validator) Enter() bool {
	switch {
	case len(c.found) == MaxViolations:
		return false
	case c.depth == MaxDepth:
		c.violate("", "depth", fmt.Sprintf("nested deeper than %d levels; a cycle of pointers?", MaxDepth))
		return false
	}
	c.marks[c.depth] = uint8(len(c.found))
	c.depth++
	return true
}

// Leave ends the look at a field or variant.
//
//go:noinline
func (c *Validator) Leave(name string) {
	if mark := c.leave(); mark < len(c.found) {
		c.under(mark, name)
	}
}

// LeaveElem ends the look at element i of a list.
func (c *Validator) LeaveElem(i int) {
	if mark := c.leave(); mark < len(c.found) {
		c.under(mark, indexStep(i))
	}
}

// LeaveKey ends the look at the entry of a map.
func (c *Validator) LeaveKey(key string) {
	if mark := c.leave(); mark < len(c.found) {
		c.under(mark, keyStep(key))
	}
}

// LeaveSecret ends the look at a secret field. A path goes no deeper, because
// keys of maps are secret too.
//
//go:noinline
func (c *Validator) LeaveSecret(name string) {
	for i := c.leave(); i < len(c.found); i++ {
		c.found[i].Path = name
	}
}

func (c *Validator) leave() (mark int) {
	c.depth--
	return int(c.marks[c.depth])
}

func (c *Validator) under(mark int, step string) {
	for i := range c.found[mark:] {
		v := &c.found[mark+i]
		v.Path = under(step, v.Path)
	}
}

// Enum notes that s is none of values, which are sorted.
func (c *Validator) Enum(name, s string, values []string) {
	if !Declared(s, values) {
		c.violate(name, "enum", oneOf(values))
	}
}

// checked is a type for which the program declared a rule of its own.
type checked interface{ Check() error }

// Check calls the method Check of v, a pointer to a struct, if the program
// declared one and nothing was found so far.
func (c *Validator) Check(v any) {
	if len(c.found) > 0 {
		return
	}
	if v, ok := v.(checked); ok {
		if err := v.Check(); err != nil {
			c.violate("", "check", err.Error())
		}
	}
}

// Check validates a struct that has no rules but a method Check, if it has
// that. It returns what [Validator.Err] does.
func Check(v any) error {
	if _, ok := v.(checked); !ok {
		return nil
	}
	var c Validator
	c.Check(v)
	return c.Err()
}

// RuneLen reports whether s has from lo to hi Unicode code points.
func RuneLen(s string, lo, hi int) bool {
	if len(s) < lo {
		return false
	}
	if len(s) <= hi && lo <= 1 {
		return true // no string has more code points than bytes, or bytes and no code point
	}
	n := utf8.RuneCountInString(s)
	return lo <= n && n <= hi
}

// NoMax is the upper end of a len that has none.
const NoMax = math.MaxInt

// A Pattern is a regular expression (RE2) that is compiled when it is used
// first. Any number of goroutines may use it.
type Pattern struct{ compile func() *regexp.Regexp }

// NewPattern returns the pattern for an expression, which must be valid. It
// matches a text as a whole.
func NewPattern(expr string) Pattern {
	return Pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + expr + `)\z`) })}
}

// Match reports whether s as a whole matches.
func (p Pattern) Match(s string) bool { return p.compile().MatchString(s) }

// IsIP reports whether s is an IPv4 or IPv6 address, without a zone.
func IsIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// IsHostname reports whether s is a host name (RFC 1123): labels of letters,
// digits and inner hyphens, of 63 bytes each and 253 in all.
func IsHostname(s string) bool {
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

// IsURI reports whether s is a URI with a scheme (RFC 3986).
func IsURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && !strings.ContainsAny(s, " <>\"{}|\\^`")
}

// IsPath reports whether s is what the operating system takes as a path: not
// empty and without a zero byte.
func IsPath(s string) bool { return s != "" && strings.IndexByte(s, 0) < 0 }

// Unique reports whether no two elements of v are equal.
func Unique[T comparable](v []T) bool {
	return unique(len(v), func(i int) T { return v[i] })
}

// UniqueBytes is Unique for byte strings.
func UniqueBytes[T ~[]byte](v []T) bool {
	return unique(len(v), func(i int) string { return string(v[i]) })
}

// UniqueTimes is Unique for timestamps. Two of the same instant are equal.
func UniqueTimes[T any](v []T, instant func(T) time.Time) bool {
	return unique(len(v), func(i int) time.Time { return instant(v[i]).UTC().Round(0) })
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
