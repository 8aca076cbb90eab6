package schematest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Feature is a part of the language that [Options] can leave out.
type Feature uint

// The features.
const (
	Unions Feature = 1 << iota
	Errors
	Constraints
	Defaults
	Secrets
	Idempotence
	Reserved
	Docs         // doc and deprecated
	GoNames      // go: at declarations
	Comments     // of YAML
	LargeStructs // more than 24 fields
	Borrows
)

// Options say what [Random] writes. The zero value means everything, in up to
// 12 types and 8 commands.
type Options struct {
	Types    int // at most this many named types; 0 means 12
	Commands int // at most this many commands; 0 means 8
	Errors   int // at most this many errors; 0 means 4
	Without  Feature
}

// Random returns the text of a schema in one file, for a seed.
func Random(seed uint64, o Options) []byte {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 0x1bc10)), without: o.Without}
	return w.schema(orElse(o.Types, 12), orElse(o.Commands, 8), orElse(o.Errors, 4))
}

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

// A writer makes up one schema.
type writer struct {
	*rand.Rand
	without Feature
	types   []*named
	number  int // of the last name: all names of a schema are different
}

// named is a type that others may refer to.
type named struct {
	name     string
	kind     string   // new, struct, enum or union
	shape    shape    // new: what travels
	values   []string // enum
	index    int
	sample   string // a value that a default may have, as YAML; "" if none
	narrowed bool   // it has constraints, perhaps beneath
}

// A shape says which constraints and defaults are possible.
type shape struct {
	scalar string // "" if it is none
	elem   *shape // of a list
	list   bool
	table  bool // a map
	enum   bool
}

func (w *writer) has(f Feature) bool { return w.without&f == 0 }

// chance reports true in one of n cases.
func (w *writer) chance(n int) bool { return w.IntN(n) == 0 }

func pick[T any](w *writer, list []T) T { return list[w.IntN(len(list))] }

func (w *writer) schema(types, commands, errs int) []byte {
	root := &mapping{}
	root.add("ipcio", raw("1"))
	root.add("protocol", raw(w.name("proto")))
	if w.chance(2) {
		root.add("version", raw(fmt.Sprint(pick(w, []int{1, 2, 23, 24, 255, 256, 2147483647}))))
	}
	w.doc(root, false)
	if w.has(GoNames) && w.chance(3) {
		root.add("go", flow("initialisms", "[GPU, IPFS]"))
	}
	declared := &mapping{}
	for range w.IntN(types + 1) {
		w.typeDecl(declared)
	}
	w.Shuffle(len(declared.pairs), func(i, j int) {
		declared.pairs[i], declared.pairs[j] = declared.pairs[j], declared.pairs[i]
	})
	root.add("types", declared)
	var failures []string
	if w.has(Errors) {
		list := &mapping{}
		for range w.IntN(errs + 1) {
			failures = append(failures, w.errorDecl(list))
		}
		root.add("errors", list)
	}
	list := &mapping{}
	for range w.IntN(commands + 1) {
		w.command(list, failures)
	}
	root.add("commands", list)
	if w.has(Reserved) && w.chance(3) {
		root.add("reserved", raw("[gone.start, Gone.owner, GoneState.a b, GoneError]"))
	}
	e := &emitter{writer: w}
	e.block(root, 0)
	return []byte(e.b.String())
}

var words = []string{"id", "url", "name", "state", "kind", "data", "size", "host_name", "at", "x", "http_port", "type", "fields"}

// name returns a new lower_snake name, often as long as a border of CBOR.
func (w *writer) name(prefix string) string {
	w.number++
	name := fmt.Sprintf("%s%d", orWord(prefix, w), w.number)
	if w.chance(6) {
		for n := pick(w, []int{23, 24, 63}); len(name) < n; {
			name += "x"
		}
	}
	return name
}

func orWord(prefix string, w *writer) string {
	if prefix != "" {
		return prefix
	}
	return pick(w, words)
}

// pascal returns a new PascalCase name. Its number has a fixed width: the values
// of an enum are called by the enum and the value in Go, so that the value 3 of
// Job2 would otherwise be a type Job23.
func (w *writer) pascal() string {
	w.number++
	return fmt.Sprintf("%s%05d", pick(w, []string{"Job", "Task", "State", "Set", "Info", "Node", "Value"}), w.number)
}

// doc adds what every declaration may carry.
func (w *writer) doc(m *mapping, deprecated bool) {
	if !w.has(Docs) {
		return
	}
	if w.chance(4) {
		m.add("doc", pick(w, []value{
			text("One sentence."), text("with: colon # and hash"), text("it's \"quoted\" \\ and `ticked`"), text("名前 */ // x"),
			lines{"Two", "", "  lines."}, text(""), text("true"), text(strings.TrimSpace(strings.Repeat("long text ", 14))),
		}))
	}
	if deprecated && w.chance(12) {
		m.add("deprecated", text("use something else"))
	}
}

func (w *writer) goName(m *mapping, prefix string) {
	if w.has(GoNames) && w.chance(15) {
		w.number++
		m.add("go", raw(fmt.Sprintf("%s%05d", prefix, w.number)))
	}
}

func (w *writer) typeDecl(m *mapping) {
	t := &named{name: w.pascal(), index: len(w.types)}
	kinds := []string{"new", "new", "struct", "struct", "enum"}
	if w.has(Unions) {
		kinds = append(kinds, "union")
	}
	body := &mapping{}
	switch t.kind = pick(w, kinds); t.kind {
	case "new":
		expr, shape, base := w.expr(t.index, false)
		body.add("type", text(expr))
		t.shape = shape
		if base != nil {
			t.sample, t.narrowed = base.sample, base.narrowed
		}
		if w.has(Constraints) && !t.narrowed && w.chance(2) {
			t.sample, t.narrowed = w.constrain(body, shape)
		}
	case "struct":
		w.types = append(w.types, t) // it may refer to itself
		body.add("fields", w.fields(t.index))
		w.types = w.types[:len(w.types)-1]
	case "enum":
		body.add("enum", w.enum(t))
		w.closed(body)
	case "union":
		w.types = append(w.types, t)
		body.add("union", w.union(t.index))
		w.types = w.types[:len(w.types)-1]
		w.closed(body)
	}
	w.types = append(w.types, t)
	w.doc(body, true)
	if len(body.pairs) == 1 && t.kind == "new" && w.chance(2) {
		m.add(t.name, body.pairs[0].value)
		return
	}
	w.goName(body, "Renamed")
	m.add(t.name, body)
}

func (w *writer) closed(m *mapping) {
	if w.chance(3) {
		m.add("closed", raw(pick(w, []string{"true", "true", "false"})))
	}
}

func (w *writer) enum(t *named) value {
	n := pick(w, []int{1, 2, 3, 5, 23, 24})
	detailed := w.chance(2)
	m, l := &mapping{}, list{}
	for range n {
		w.number++
		name := fmt.Sprintf(pick(w, []string{"v%d", "in-progress %d", "%d", "a.b/c: %d", "yes%d", "名 %d"}), w.number)
		t.values = append(t.values, name)
		l = append(l, text(name))
		details := &mapping{}
		if detailed {
			w.doc(details, true)
		}
		switch {
		case len(details.pairs) > 0:
			m.addText(name, details)
		case w.chance(2):
			m.addText(name, text("Means "+fmt.Sprint(w.number)+"."))
		default:
			m.addText(name, raw(""))
		}
	}
	t.sample = text(pick(w, t.values)).inline()
	if detailed {
		return m
	}
	return l
}

// union writes variants. The first one holds nothing that leads back, so the
// type has values.
func (w *writer) union(index int) value {
	m := &mapping{}
	used := make(map[string]bool)
	for i := range pick(w, []int{1, 2, 3, 7, 24}) {
		name := w.name("")
		if w.chance(4) {
			limit := index
			m.add(name, w.fields(limit))
			continue
		}
		expr, _, base := w.expr(index, i > 0)
		if base != nil && expr == base.name {
			if used[expr] {
				expr = "list<" + expr + ">"
			}
			used[expr] = true
		}
		m.add(name, text(expr))
	}
	return m
}

func (w *writer) errorDecl(m *mapping) string {
	name := w.pascal() + "Failed"
	body := &mapping{}
	if w.chance(2) {
		body.add("retry", raw(pick(w, []string{"true", "false"})))
	}
	if w.chance(2) {
		body.add("fields", w.fields(len(w.types)))
	}
	w.doc(body, true)
	m.add(name, body)
	return name
}

func (w *writer) command(m *mapping, failures []string) {
	name := w.name("")
	if w.chance(2) {
		name = pick(w, []string{"job.", "worker.", "a.b_c."}) + name
	}
	body := &mapping{}
	w.doc(body, true)
	if w.chance(2) {
		body.add("dir", raw(pick(w, []string{"client->server", "server->client", "client<->server", "client->client"})))
	}
	if !w.chance(4) {
		body.add("payload", w.body())
	}
	if w.chance(2) {
		body.add("reply", w.body())
		if len(failures) > 0 && w.chance(2) {
			l := list{}
			for _, i := range w.Perm(len(failures))[:w.IntN(len(failures)+1)] {
				l = append(l, raw(failures[i]))
			}
			body.add("errors", l)
		}
		if w.has(Idempotence) && w.chance(3) {
			body.add("idempotent", raw("true"))
		}
	}
	m.add(name, body)
}

// body returns a payload or reply.
func (w *writer) body() value {
	var structs []string
	for _, t := range w.types {
		if t.kind == "struct" {
			structs = append(structs, t.name)
		}
	}
	if len(structs) > 0 && w.chance(3) {
		return raw(pick(w, structs))
	}
	return w.fields(len(w.types))
}

// fields returns the fields of a struct that comes after index types.
func (w *writer) fields(index int) value {
	n := pick(w, []int{0, 1, 2, 3, 4, 6})
	switch {
	case w.chance(30):
		n = pick(w, []int{23, 24})
	case w.has(LargeStructs) && w.chance(150):
		n = pick(w, []int{255, 256})
	}
	m := &mapping{}
	for range n {
		m.add(w.name(""), w.field(index))
	}
	return m
}

func (w *writer) field(index int) value {
	optional := w.chance(3)
	expr, shape, base := w.expr(index, optional)
	body := &mapping{}
	if optional {
		body.add("type", text("opt<"+expr+">"))
	} else {
		body.add("type", text(expr))
	}
	sample := ""
	if base != nil {
		sample = base.sample
	}
	if w.has(Constraints) && (base == nil || !base.narrowed) && w.chance(3) {
		sample, _ = w.constrain(body, shape)
	} else if sample == "" && (base == nil || !base.narrowed) {
		sample = w.anyDefault(shape)
	}
	if w.has(Defaults) && optional && sample != "" && w.chance(2) {
		body.add("default", raw(sample))
	}
	if w.has(Secrets) && w.chance(15) {
		body.add("secret", raw("true"))
	}
	if w.has(Borrows) && shape.scalar == "bytes" && w.chance(2) {
		body.add("borrow", raw("true"))
	}
	w.doc(body, true)
	if len(body.pairs) == 1 && w.chance(2) {
		return body.pairs[0].value
	}
	return body
}

var scalars = []string{
	"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
	"string", "bytes", "timestamp", "duration", "uuid", "any",
}

// expr returns a type expression, its shape, and the named type it is, if it is
// one as a whole. Names of types from index on stand only where they may: with
// anywhere, or inside of lists and maps.
func (w *writer) expr(index int, anywhere bool) (string, shape, *named) {
	switch n := w.IntN(10); {
	case n < 5 || len(w.types) == 0 && n < 8:
		s := pick(w, scalars)
		return s, shape{scalar: s}, nil
	case n < 8:
		known := w.types
		if !anywhere {
			known = w.types[:min(index, len(w.types))]
		}
		if len(known) == 0 {
			return "string", shape{scalar: "string"}, nil
		}
		t := pick(w, known)
		s := t.shape
		s.enum = s.enum || t.kind == "enum"
		return t.name, s, t
	case n == 8:
		expr, elem, _ := w.expr(index, anywhere)
		return "list<" + expr + ">", shape{list: true, elem: &elem}, nil
	}
	expr, _, _ := w.expr(index, anywhere)
	return "map<" + expr + ">", shape{table: true}, nil
}

// comparable reports whether unique is possible for lists of s.
func (s shape) comparable() bool {
	return s.enum || s.scalar != "" && s.scalar != "any"
}

// constrain adds constraints, and returns a value that meets them.
func (w *writer) constrain(m *mapping, s shape) (sample string, narrowed bool) {
	before := len(m.pairs)
	switch {
	case slices.Contains(scalars[1:11], s.scalar), s.scalar == "duration":
		sample = w.numeric(m, s.scalar)
	case s.scalar == "string":
		sample = w.textual(m)
	case s.scalar == "bytes", s.table:
		m.add("len", raw(pick(w, lens)))
	case s.list:
		if w.chance(2) {
			m.add("len", raw(pick(w, lens)))
		}
		if s.elem.comparable() && w.chance(2) {
			m.add("unique", raw("true"))
		}
	}
	return sample, len(m.pairs) > before
}

var lens = []string{"0..", "..0", "0", "1", "1..", "..1", "1..1", "0..23", "..24", "2..255", "..256", "16", "1..65536", "..2147483647", "2.."}
