package codec

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
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

// A validator collects what is wrong with a value. The zero value is ready.
type validator struct {
	found []Violation
	depth int // of the fields, elements and entries that were entered
}

func (c *validator) err() error {
	if len(c.found) > 0 {
		return &ValidationError{Violations: c.found}
	}
	return nil
}

func (c *validator) violate(path, rule, want string) {
	if len(c.found) < MaxViolations {
		c.found = append(c.found, Violation{path, rule, clip(want)})
	}
}

// enter begins to look at the inside of a field, an element or an entry. It
// reports false if that is too deep, which is noted, or if enough is found
// already.
func (c *validator) enter() bool {
	switch {
	case len(c.found) == MaxViolations:
		return false
	case c.depth == MaxDepth:
		c.violate("", "depth", fmt.Sprintf("nested deeper than %d levels; a cycle of pointers?", MaxDepth))
		return false
	}
	c.depth++
	return true
}

// under adds a step to the paths of the violations from one to another.
func (c *validator) under(from, to int, step string) {
	for i := from; i < to; i++ {
		c.found[i].Path = under(step, c.found[i].Path)
	}
}

// validate returns a *[ValidationError] or nil.
func (pl *plan) validate(p pointer) error {
	var c validator
	c.structure(pl, p)
	return c.err()
}

func (c *validator) structure(pl *plan, p pointer) {
	for _, i := range pl.checks {
		c.field(&pl.slots[i], at(p, pl.slots[i].offset))
	}
	if pl.check && len(c.found) == 0 {
		// reflect gives the pointer its type back.
		if err := reflect.NewAt(pl.typ, p).Interface().(checked).Check(); err != nil {
			c.violate("", "check", strings.ToValidUTF8(err.Error(), "\ufffd"))
		}
	}
}

func (c *validator) field(s *slot, p pointer) {
	if s.optional {
		if p = s.present(p); p == nil {
			return
		}
	}
	from := len(c.found)
	c.rules(s.own, p)
	to := len(c.found)
	if s.validates {
		to = c.part(&s.node, p)
	}
	if from == to {
		return
	}
	c.under(from, to, s.field)
	if s.secret {
		// Keys of maps are secret too.
		for i := from; i < to; i++ {
			c.found[i].Path = s.field
		}
	}
}

// part looks at a part of something. It returns how many violations were found
// so far that belong to it: that it is too deep is said of what is around it.
func (c *validator) part(n *node, p pointer) int {
	switch {
	case !n.isComposite():
		c.inside(n, p)
	default:
		known := len(c.found)
		if !c.enter() {
			return known
		}
		c.inside(n, p)
		c.depth--
	}
	return len(c.found)
}

func (c *validator) rules(rules []rule, p pointer) {
	for i := range rules {
		if r := &rules[i]; !r.holds(p) {
			c.violate("", r.name, r.want)
		}
	}
}

// inside looks at a value for what its type says.
func (c *validator) inside(n *node, p pointer) {
	c.rules(n.rules, p)
	switch n.kind {
	case enumKind:
		if n.enum.Closed && !n.enum.Known(*as[string](p)) {
			c.violate("", "enum", oneOf(n.enum.Values))
		}
	case structKind:
		if n.validates {
			c.structure(n.plan, p)
		}
	case listKind:
		if n.elem.validates {
			first, size := elements(p)
			for i := range size {
				from := len(c.found)
				if to := c.part(n.elem, at(first, uintptr(i)*n.elem.stride)); from < to {
					c.under(from, to, indexStep(i))
				}
			}
		}
	case mapKind:
		if n.elem.validates {
			c.entries(n, p)
		}
	case unionKind:
		c.variant(n, p)
	}
}

// entries looks at the values of a map. It has no order and an error has one,
// so what is wrong is looked for again, in the order of the keys.
func (c *validator) entries(n *node, p pointer) {
	began := len(c.found)
	for _, value := range n.entries(p) {
		if c.part(n.elem, value); len(c.found) > began {
			break
		}
	}
	if len(c.found) == began {
		return
	}
	c.found = c.found[:began]
	values := maps.Collect(n.entries(p))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		from := len(c.found)
		if to := c.part(n.elem, values[key]); from < to {
			c.under(from, to, keyStep(key))
		}
		if len(c.found) == MaxViolations {
			return
		}
	}
}

// variant looks at what a union holds. That it holds anything is seen when it
// is encoded.
func (c *validator) variant(n *node, p pointer) {
	i, v := n.union.variant(n.typ, p)
	if i < 0 || v == nil || !n.union.variants[i].validates || !c.enter() {
		return
	}
	from := len(c.found)
	c.inside(&n.union.variants[i].node, v)
	c.depth--
	if from < len(c.found) {
		c.under(from, len(c.found), n.union.keys[i])
	}
}

// checked is a type for which the program declared a rule of its own.
type checked interface{ Check() error }
