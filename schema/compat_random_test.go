package schema_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A spec is a random schema of one command, easy to change.
type spec struct {
	types   []*declSpec
	payload []*fieldSpec // nil: the payload is the first struct
	next    int          // for names that were never used
}

type declSpec struct {
	name   string
	kind   string // fields, enum, union, type
	fields []*fieldSpec
	words  []string // of an enum
	base   exprSpec
	closed bool
}

type fieldSpec struct {
	name     string
	expr     exprSpec
	optional bool
}

type exprSpec struct {
	typ  string
	cons string // ", range: 1..5" or ""
}

func pick[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

func randomSpec(rng *rand.Rand) *spec {
	s := &spec{}
	for range 1 + rng.IntN(4) {
		s.types = append(s.types, &declSpec{name: fmt.Sprintf("T%d", len(s.types))})
	}
	for i, d := range s.types {
		s.fill(rng, d, pick(rng, "fields", "fields", "enum", "union", "type"))
		if i == 0 {
			s.fill(rng, d, "fields")
		}
	}
	if rng.IntN(3) > 0 {
		s.payload = s.fields(rng)
	}
	return s
}

func (s *spec) name(prefix string) string {
	s.next++
	return fmt.Sprintf("%s%d", prefix, s.next)
}

func (s *spec) fill(rng *rand.Rand, d *declSpec, kind string) {
	*d = declSpec{name: d.name, kind: kind, closed: rng.IntN(2) == 0}
	switch kind {
	case "fields":
		d.fields = s.fields(rng)
	case "union":
		for range 1 + rng.IntN(3) {
			d.fields = append(d.fields, &fieldSpec{name: s.name("v"), expr: exprSpec{typ: s.typ(rng, 1)}})
		}
	case "enum":
		for range 1 + rng.IntN(3) {
			d.words = append(d.words, s.name("w"))
		}
	default:
		d.base = s.expr(rng)
	}
}

func (s *spec) fields(rng *rand.Rand) []*fieldSpec {
	list := []*fieldSpec{}
	for range rng.IntN(4) {
		list = append(list, s.field(rng))
	}
	return list
}

func (s *spec) field(rng *rand.Rand) *fieldSpec {
	return &fieldSpec{name: s.name("f"), expr: s.expr(rng), optional: rng.IntN(2) == 0}
}

var scalars = []string{
	"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
	"string", "string", "string", "bytes", "timestamp", "duration", "uuid", "any",
}

func (s *spec) typ(rng *rand.Rand, depth int) string {
	switch n := rng.IntN(10); {
	case n < 2 && depth < 3:
		return "list<" + s.typ(rng, depth+1) + ">"
	case n < 3 && depth < 3:
		return "map<" + s.typ(rng, depth+1) + ">"
	case n < 6:
		return pick(rng, s.types...).name
	}
	return pick(rng, scalars...)
}

func (s *spec) expr(rng *rand.Rand) exprSpec {
	e := exprSpec{typ: s.typ(rng, 0)}
	e.cons = s.cons(rng, e.typ)
	return e
}

// base follows new types.
func (s *spec) base(typ string) string {
	for range len(s.types) {
		i := slices.IndexFunc(s.types, func(d *declSpec) bool { return d.name == typ })
		if i < 0 || s.types[i].kind != "type" {
			break
		}
		typ = s.types[i].base.typ
	}
	return typ
}

func bounds(rng *rand.Rand, most int) string {
	low, high := rng.IntN(most), rng.IntN(most)
	if low > high {
		low, high = high, low
	}
	return pick(rng, fmt.Sprintf("%d..%d", low, high), fmt.Sprintf("%d..%d", low, high), fmt.Sprintf("%d..", low), fmt.Sprintf("..%d", high), fmt.Sprint(low))
}

var patterns = []string{
	"[a-z]+", "[a-z0-9]+", "[a-c]{2,4}", "a|b|c", "[a-z]*", "(ab)+", `\d{3}`, "[^x]*", "a.*", "(?i)abc", `\bfoo\b`, ".*", "x?y?", `(?s).*`, `\w+(-\w+)*`, "[a-z][a-z0-9-]*",
}

// cons returns constraints that may stand at a type.
func (s *spec) cons(rng *rand.Rand, typ string) string {
	if rng.IntN(2) == 0 {
		return ""
	}
	typ = s.base(typ)
	switch {
	case strings.HasPrefix(typ, "int"), strings.HasPrefix(typ, "uint"):
		return pick(rng, ", range: "+bounds(rng, 12), ", range: "+bounds(rng, 127), fmt.Sprintf(", in: [%d, %d]", rng.IntN(4), 4+rng.IntN(4)))
	case strings.HasPrefix(typ, "float"):
		return pick(rng, ", range: "+bounds(rng, 12), ", range: 0.1..0.5", ", in: [0.5, 1]", ", in: [0.1]")
	case typ == "string":
		var b strings.Builder
		if rng.IntN(2) == 0 {
			b.WriteString(", len: " + bounds(rng, 6))
		}
		switch rng.IntN(6) {
		case 0, 1:
			b.WriteString(", pattern: '" + pick(rng, patterns...) + "'")
		case 2:
			return ", format: " + pick(rng, "ip", "hostname", "uri", "path")
		case 3:
			return pick(rng, ", in: [a, b]", ", in: [a]", ", in: [abc, '', x y]")
		}
		return b.String()
	case typ == "bytes":
		return pick(rng, ", len: "+bounds(rng, 6), ", len: 16", ", len: 15..17")
	case typ == "duration":
		return pick(rng, ", range: 0s..1h", ", range: 1s..", ", range: ..1m")
	case strings.HasPrefix(typ, "map<"):
		return ", len: " + bounds(rng, 5)
	case strings.HasPrefix(typ, "list<"):
		elem := s.base(strings.TrimSuffix(strings.TrimPrefix(typ, "list<"), ">"))
		if slices.Contains(scalars, elem) && elem != "any" && rng.IntN(2) == 0 {
			return pick(rng, ", unique: true", ", unique: true, len: "+bounds(rng, 5))
		}
		return ", len: " + bounds(rng, 5)
	}
	return ""
}

// mutate makes one change.
func (s *spec) mutate(rng *rand.Rand) {
	lists := []*[]*fieldSpec{}
	if s.payload != nil {
		lists = append(lists, &s.payload)
	}
	for _, d := range s.types {
		if d.kind == "fields" {
			lists = append(lists, &d.fields)
		}
	}
	d := pick(rng, s.types...)
	if rng.IntN(3) > 0 && len(lists) > 0 {
		s.mutateFields(rng, pick(rng, lists...), true)
		return
	}
	switch d.kind {
	case "fields":
		s.mutateFields(rng, &d.fields, true)
	case "union":
		if rng.IntN(3) == 0 {
			d.closed = !d.closed
			return
		}
		s.mutateFields(rng, &d.fields, false)
	case "enum":
		switch n := rng.IntN(4); {
		case n == 0:
			d.closed = !d.closed
		case n == 1 && len(d.words) > 1:
			i := rng.IntN(len(d.words))
			d.words = slices.Delete(slices.Clone(d.words), i, i+1)
		case n == 2:
			d.words = append(d.words, s.name("w"))
		default:
			*d = declSpec{name: d.name, kind: "type", base: exprSpec{typ: "string"}}
		}
	default:
		if rng.IntN(4) == 0 {
			s.fill(rng, d, pick(rng, "fields", "enum", "union", "type"))
			return
		}
		d.base = s.related(rng, d.base)
	}
}

// mutateFields changes a struct or, if they are no fields, a union.
func (s *spec) mutateFields(rng *rand.Rand, list *[]*fieldSpec, fields bool) {
	n := rng.IntN(8)
	if len(*list) == 0 {
		n = 0
	}
	i := 0
	if len(*list) > 0 {
		i = rng.IntN(len(*list))
	}
	switch {
	case n == 0 && fields:
		*list = append(*list, s.field(rng))
	case n == 0:
		*list = append(*list, &fieldSpec{name: s.name("v"), expr: exprSpec{typ: s.typ(rng, 1)}})
	case n == 1 && (fields || len(*list) > 1):
		*list = slices.Delete(slices.Clone(*list), i, i+1)
	case n == 2 && fields:
		(*list)[i].optional = !(*list)[i].optional
	case n == 3:
		(*list)[i].name = s.name("r")
	case n == 4:
		(*list)[i].expr.typ = s.typ(rng, 0)
		(*list)[i].expr.cons = ""
		if fields {
			(*list)[i].expr.cons = s.cons(rng, (*list)[i].expr.typ)
		}
	default:
		(*list)[i].expr = s.related(rng, (*list)[i].expr)
		if !fields {
			(*list)[i].expr.cons = ""
		}
	}
}

// related returns a type that resembles e, or e with other constraints.
func (s *spec) related(rng *rand.Rand, e exprSpec) exprSpec {
	base := s.base(e.typ)
	numbers := scalars[1:11]
	switch n := rng.IntN(5); {
	case n < 2:
	case slices.Contains(numbers, base):
		e.typ = pick(rng, append(slices.Clone(numbers), "duration")...)
		if rng.IntN(2) == 0 && !strings.Contains(e.cons, ".") {
			return e // under the same constraints
		}
	case base == "string":
		e.typ = pick(rng, "bytes", "any", "string", pick(rng, s.types...).name)
	case base == "bytes":
		e.typ = pick(rng, "uuid", "string", "any")
	case base == "any":
		e.typ = pick(rng, scalars...)
	case strings.HasPrefix(base, "list<"):
		e.typ = pick(rng, "any", "list<"+pick(rng, scalars...)+">", "list<any>")
	case strings.HasPrefix(base, "map<"):
		e.typ = pick(rng, "map<any>", "map<"+pick(rng, scalars...)+">", pick(rng, s.types...).name)
	default:
		e.typ = pick(rng, "map<any>", "map<string>", pick(rng, s.types...).name, base)
	}
	e.cons = s.cons(rng, e.typ)
	return e
}

func (s *spec) yaml() string {
	var b strings.Builder
	b.WriteString("ipcio: 1\nprotocol: p\ntypes:\n")
	for _, d := range s.types {
		closed := ""
		if d.closed {
			closed = ", closed: true"
		}
		switch d.kind {
		case "fields":
			fmt.Fprintf(&b, "  %s: {fields: %s}\n", d.name, fieldsText(d.fields))
		case "enum":
			fmt.Fprintf(&b, "  %s: {enum: [%s]%s}\n", d.name, strings.Join(d.words, ", "), closed)
		case "union":
			var variants []string
			for _, f := range d.fields {
				variants = append(variants, f.name+": "+f.expr.typ)
			}
			fmt.Fprintf(&b, "  %s: {union: {%s}%s}\n", d.name, strings.Join(variants, ", "), closed)
		default:
			fmt.Fprintf(&b, "  %s: {type: %s%s}\n", d.name, d.base.typ, d.base.cons)
		}
	}
	payload := s.types[0].name
	if s.payload != nil {
		payload = fieldsText(s.payload)
	}
	fmt.Fprintf(&b, "commands:\n  x.y: {payload: %s}\n", payload)
	return b.String()
}

func fieldsText(list []*fieldSpec) string {
	var fields []string
	for _, f := range list {
		typ := f.expr.typ
		if f.optional {
			typ = "opt<" + typ + ">"
		}
		fields = append(fields, fmt.Sprintf("%s: {type: %s%s}", f.name, typ, f.expr.cons))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}
