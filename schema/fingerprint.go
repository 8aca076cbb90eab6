package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// Fingerprint returns "sha256:" and 64 hexadecimal digits that stand for what
// travels: schemas that declare the same messages have the same fingerprint,
// and any others different ones. It depends on the protocol and its version and on the
// names, directions, payloads, replies and errors of the commands, down to the
// names and types of fields, the values of enums, the variants of unions, and
// the constraints, because a reader refuses what breaks them. It does not
// depend on docs, deprecations, Go names, defaults, secrets and borrow, retry
// and idempotent, the names of types and the borders between them, unused types
// and errors, reserved names, files, or the order of anything.
//
// It is SHA-256 over the deterministic CBOR (RFC 8949, section 4.2.1) of
//
//	[1, protocol, version, [command…]]            commands sorted by name
//	command = [name, direction, [type…], payload, reply]
//	        / [name, direction, [type…], payload, reply, [[error, index]…]]
//	type    = ["struct", [[name, optional, expr]…]]    fields sorted by name
//	        / ["enum", closed, [value…]]               values sorted
//	        / ["union", closed, [[variant, expr]…]]    variants sorted by name
//	expr    = scalar / ["list", expr] / ["map", expr] / index into the types
//	        / ["where", [constraint…], expr]           sorted by their words
//	constraint = ["range", min, max] / ["len", min, max]
//	           / ["pattern", RE2…] / ["format", format…] / ["in", value…] / ["unique"]
//
// where direction, scalar, format and values are texts as in the language,
// payload and reply are an index or null, an open end is null, errors stand for
// structs of their fields and are sorted by name, new types are replaced by
// what they are based on and their constraints joined, and all sorting is by
// bytes. Constraints that every value of the type meets are left out. The types
// of a command are those its payload, its reply and its errors reach in this
// order, each different one once, in the order in which a breadth-first walk
// along the sorted fields and variants meets them.
func (s *Schema) Fingerprint() string {
	commands := slices.SortedFunc(slices.Values(s.Commands), func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	b := appendHead(nil, cborArray, 4)
	b = appendHead(b, cborUint, 1)
	b = appendText(b, s.Protocol)
	b = appendHead(b, cborUint, uint64(s.Version))
	b = appendHead(b, cborArray, uint64(len(commands)))
	for _, c := range commands {
		b = c.appendWire(b)
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Fingerprint returns 16 hexadecimal digits that stand for the messages of
// this command alone: the first 8 bytes of SHA-256 over its part of the form
// that [Schema.Fingerprint] describes. Eight bytes tell versions of a command
// apart; they do not protect against somebody who wants two to look the same.
func (c *Command) Fingerprint() string {
	sum := sha256.Sum256(c.appendWire(nil))
	return hex.EncodeToString(sum[:8])
}

// appendWire appends the wire form of a command.
func (c *Command) appendWire(b []byte) []byte {
	failures := slices.SortedFunc(slices.Values(c.Errors), func(a, b *Error) int { return strings.Compare(a.Name, b.Name) })
	var roots []*Type
	for _, t := range []*Type{c.Payload, c.Reply} {
		if t != nil {
			roots = append(roots, t)
		}
	}
	bodies := make([]*Type, len(failures))
	for i, e := range failures {
		bodies[i] = &Type{Kind: Struct, Fields: e.Fields}
	}
	w := newWire(append(roots, bodies...)...)

	b = appendHead(b, cborArray, uint64(5+min(len(failures), 1)))
	b = appendText(b, c.Name)
	b = appendText(b, c.Direction.String())
	b = appendHead(b, cborArray, uint64(len(w.order)))
	for _, t := range w.order {
		b = w.appendType(b, t, w.index)
	}
	for _, t := range []*Type{c.Payload, c.Reply} {
		if t == nil {
			b = append(b, cborNull)
		} else {
			b = appendHead(b, cborUint, uint64(w.index(t)))
		}
	}
	if len(failures) > 0 {
		b = appendHead(b, cborArray, uint64(len(failures)))
		for i, e := range failures {
			b = appendHead(b, cborArray, 2)
			b = appendText(b, e.Name)
			b = appendHead(b, cborUint, uint64(w.index(bodies[i])))
		}
	}
	return b
}

// A wire is the set of structs, enums and unions that a command reaches, as classes of
// types that nobody can tell apart by their messages. Types may refer to each
// other in circles, so the classes are those of the coarsest partition in
// which members of one class refer to members of one class at each place: the
// equivalence of finite automata (Moore's algorithm).
type wire struct {
	class map[*Type]int // by struct, enum or union
	order []*Type       // one member of each class, in breadth-first order
	place map[int]int   // class to its place in order
}

func newWire(roots ...*Type) *wire {
	w := &wire{class: make(map[*Type]int), place: make(map[int]int)}
	var types []*Type
	for _, t := range roots {
		types = w.reach(types, t)
	}
	w.partition(types)
	// A walk of representatives is enough: all members of a class lead to the
	// same classes.
	add := func(t *Type) {
		if _, ok := w.place[w.class[t]]; !ok {
			w.place[w.class[t]] = len(w.order)
			w.order = append(w.order, t)
		}
	}
	for _, t := range roots {
		add(t)
	}
	for i := 0; i < len(w.order); i++ {
		for _, m := range members(w.order[i]) {
			if next := erased(m.expr); next != nil {
				add(next)
			}
		}
	}
	return w
}

// reach appends t and what it leads to.
func (w *wire) reach(types []*Type, t *Type) []*Type {
	if _, ok := w.class[t]; ok {
		return types
	}
	w.class[t] = -1
	types = append(types, t)
	for i := len(types) - 1; i < len(types); i++ {
		for _, m := range members(types[i]) {
			if next := erased(m.expr); next != nil {
				if _, ok := w.class[next]; !ok {
					w.class[next] = -1
					types = append(types, next)
				}
			}
		}
	}
	return types
}

// partition sets the classes. Types that lead to no circle get theirs at once,
// from the leaves on; the others are told apart in rounds.
func (w *wire) partition(types []*Type) {
	ids := make(map[string]int) // form of a type with classes as references
	var circular []*Type
	const visiting = -2
	var visit func(t *Type) bool
	visit = func(t *Type) bool {
		if c := w.class[t]; c != -1 {
			return c >= 0
		}
		w.class[t] = visiting
		finite := true
		for _, m := range members(t) {
			if next := erased(m.expr); next != nil && !visit(next) {
				finite = false
			}
		}
		if finite {
			w.class[t] = number(ids, w.appendType(nil, t, w.classOf))
		} else {
			circular = append(circular, t)
		}
		return finite
	}
	for _, t := range types {
		visit(t)
	}
	if len(circular) == 0 {
		return
	}
	base := len(ids)
	for _, t := range circular {
		w.class[t] = base
	}
	for classes := 1; ; {
		round := make(map[string]int)
		next := make([]int, len(circular))
		for i, t := range circular {
			// The old class is part of the form, so classes only ever split.
			form := w.appendType(binary.AppendUvarint(nil, uint64(w.class[t])), t, w.classOf)
			next[i] = base + number(round, form)
		}
		for i, t := range circular {
			w.class[t] = next[i]
		}
		if len(round) == classes {
			return
		}
		classes = len(round)
	}
}

// number returns the number of a form, a new one for a new form.
func number(ids map[string]int, form []byte) int {
	id, ok := ids[string(form)]
	if !ok {
		id = len(ids)
		ids[string(form)] = id
	}
	return id
}

func (w *wire) classOf(t *Type) int { return w.class[t] }
func (w *wire) index(t *Type) int   { return w.place[w.class[t]] }

// appendType appends the form of a struct, an enum or a union.
func (w *wire) appendType(b []byte, t *Type, ref func(*Type) int) []byte {
	if t.Kind == Enum {
		b = appendHead(b, cborArray, 3)
		b = appendText(b, "enum")
		b = appendBool(b, t.Closed)
		values := make([]string, len(t.Values))
		for i, v := range t.Values {
			values[i] = v.Value
		}
		slices.Sort(values)
		b = appendHead(b, cborArray, uint64(len(values)))
		for _, v := range values {
			b = appendText(b, v)
		}
		return b
	}
	list := members(t)
	if t.Kind == Union {
		b = appendHead(b, cborArray, 3)
		b = appendText(b, "union")
		b = appendBool(b, t.Closed)
	} else {
		b = appendHead(b, cborArray, 2)
		b = appendText(b, "struct")
	}
	b = appendHead(b, cborArray, uint64(len(list)))
	for _, m := range list {
		if t.Kind == Union {
			b = appendHead(b, cborArray, 2)
			b = appendText(b, m.name)
		} else {
			b = appendHead(b, cborArray, 3)
			b = appendText(b, m.name)
			b = appendBool(b, m.optional)
		}
		b = appendExpr(b, m.expr, m.own, ref)
	}
	return b
}

// A member is a field or a variant.
type member struct {
	name     string
	optional bool
	expr     *Expr
	own      *Constraints
}

// members returns what a struct or union consists of, sorted by name.
func members(t *Type) []member {
	list := make([]member, 0, len(t.Fields)+len(t.Variants))
	for _, f := range t.Fields {
		list = append(list, member{f.Name, f.Optional, f.Type, f.Constraints})
	}
	for _, v := range t.Variants {
		list = append(list, member{name: v.Name, expr: v.Type})
	}
	slices.SortFunc(list, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return list
}

// erased returns the struct, enum or union inside an expression, or nil.
func erased(e *Expr) *Type {
	for {
		switch {
		case e.Kind == ScalarExpr:
			return nil
		case e.Elem != nil:
			e = e.Elem
		case e.Named.Kind != NewType:
			return e.Named
		default:
			e = e.Named.Base
		}
	}
}

// appendExpr appends the form of an expression without new types, with the
// constraints that stand at it and at them. It ends because a new type is never
// based on itself, not even through lists.
func appendExpr(b []byte, e *Expr, own *Constraints, ref func(*Type) int) []byte {
	for {
		var joined narrowest
		joined.add(own)
		own = nil
		for e.Kind == NamedExpr && e.Named.Kind == NewType {
			joined.add(e.Named.Constraints)
			e = e.Named.Base
		}
		b = joined.appendTo(b)
		switch e.Kind {
		case ScalarExpr:
			return appendText(b, e.Scalar.String())
		case NamedExpr:
			return appendHead(b, cborUint, uint64(ref(e.Named)))
		}
		b = appendHead(b, cborArray, 2)
		b = appendText(b, map[ExprKind]string{ListExpr: "list", MapExpr: "map"}[e.Kind])
		e = e.Elem
	}
}

// The parts of CBOR (RFC 8949) that the form is made of.
const (
	cborUint  byte = 0 << 5
	cborText  byte = 3 << 5
	cborArray byte = 4 << 5
	cborFalse byte = 0xf4
	cborNull  byte = 0xf6
)

// appendHead appends the head of an item with the shortest argument.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, cborText, uint64(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, cborFalse+1)
	}
	return append(b, cborFalse)
}
