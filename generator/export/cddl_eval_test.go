package export_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// An evaluator holds the rules of a CDDL document. It knows what CDDL writes and
// nothing else of RFC 8610: anything unknown is an error, so that the exporter
// cannot widen the language unnoticed.
type evaluator struct {
	rules map[string]*node
	order []string
}

// A node is a type or a group of CDDL.
type node struct {
	op       string // "/", "..", ".and" …, "name", "int", "float", "text", "tag", "[", "{", "//", "group", "entry"
	text     string
	subs     []*node
	key      *node // of an entry
	cut      bool  // of an entry: the key is followed by a colon
	min, max int   // occurrence of an entry
	number   float64
}

var cddlToken = regexp.MustCompile(`^(?:;[^\n]*|\s+|("(?:[^"\\]|\\.)*")|(#6\.[0-9]+)|(-?[0-9]+\.[0-9]+(?:e[-+]?[0-9]+)?)|([0-9]*\*[0-9]*)|(-?[0-9]+)|([A-Za-z_@$](?:[-.]*[A-Za-z0-9_@$])*)|(\.\.|\.[a-z]+|=>|//|[][{}()=/:,?]))`)

// tokens splits a document. A token keeps its kind as a first character:
// " text, # tag, f float, * occurrence, i integer, n name, p punctuation.
func tokens(doc string) ([]string, error) {
	var list []string
	for rest := doc; rest != ""; {
		m := cddlToken.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("no token of CDDL: %.40q", rest)
		}
		rest = rest[len(m[0]):]
		for i, kind := range []string{"", "#", "f", "*", "i", "n", "p"} {
			if m[i+1] != "" {
				list = append(list, kind+m[i+1])
			}
		}
	}
	return list, nil
}

type cddlParser struct {
	list []string
	err  error
}

func (p *cddlParser) peek(i int) string {
	if i >= len(p.list) {
		return ""
	}
	return p.list[i]
}

func (p *cddlParser) take() string {
	t := p.peek(0)
	if t != "" {
		p.list = p.list[1:]
	}
	return t
}

func (p *cddlParser) accept(t string) bool {
	if p.peek(0) != t {
		return false
	}
	p.list = p.list[1:]
	return true
}

func (p *cddlParser) expect(t string) {
	if got := p.take(); got != t && p.err == nil {
		p.err = fmt.Errorf("found %q instead of %q", got, t)
	}
}

func parseCDDL(doc string) (*evaluator, error) {
	list, err := tokens(doc)
	if err != nil {
		return nil, err
	}
	p := &cddlParser{list: list}
	e := &evaluator{rules: make(map[string]*node)}
	for len(p.list) > 0 && p.err == nil {
		name := p.take()
		if name[0] != 'n' || e.rules[name[1:]] != nil {
			return nil, fmt.Errorf("no new rule: %q", name)
		}
		p.expect("p=")
		e.rules[name[1:]] = p.typ()
		e.order = append(e.order, name[1:])
	}
	if p.err != nil {
		return nil, p.err
	}
	for name, n := range e.rules {
		if err := e.resolve(n); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return e, nil
}

var prelude = map[string]bool{"any": true, "bool": true, "tstr": true, "bstr": true, "float32": true, "float64": true, "tdate": true, "null": true}

func (e *evaluator) resolve(n *node) error {
	if n == nil {
		return nil
	}
	if n.op == "name" && e.rules[n.text] == nil && !prelude[n.text] {
		return fmt.Errorf("%s is not defined", n.text)
	}
	for _, sub := range append([]*node{n.key}, n.subs...) {
		if err := e.resolve(sub); err != nil {
			return err
		}
	}
	return nil
}

// typ = type1 *("/" type1)
func (p *cddlParser) typ() *node {
	n := p.type1()
	for p.accept("p/") {
		n = &node{op: "/", subs: []*node{n, p.type1()}}
	}
	return n
}

// type1 = type2 [(".." / "." control) type2]
func (p *cddlParser) type1() *node {
	n := p.type2()
	if t := p.peek(0); strings.HasPrefix(t, "p.") {
		p.take()
		n = &node{op: t[1:], subs: []*node{n, p.type2()}}
	}
	return n
}

func (p *cddlParser) type2() *node {
	t := p.take()
	if t == "" {
		p.err = fmt.Errorf("the document ends in a type")
		return &node{}
	}
	switch body := t[1:]; t[0] {
	case '"':
		n := &node{op: "text"}
		if err := json.Unmarshal([]byte(t), &n.text); err != nil { // the escapes are those of JSON
			p.fail(err)
		}
		return n
	case 'n':
		return &node{op: "name", text: body}
	case 'i':
		return &node{op: "int", text: body}
	case 'f':
		v, err := strconv.ParseFloat(body, 64)
		if err != nil {
			p.fail(err)
		}
		return &node{op: "float", number: v}
	case '#':
		p.expect("p(")
		n := &node{op: "tag", text: strings.TrimPrefix(body, "#6."), subs: []*node{p.typ()}}
		p.expect("p)")
		return n
	case 'p':
		switch body {
		case "(":
			n := p.typ()
			p.expect("p)")
			return n
		case "[", "{":
			n := &node{op: body, subs: []*node{p.group()}}
			p.expect(map[string]string{"[": "p]", "{": "p}"}[body])
			return n
		}
	}
	p.fail(fmt.Errorf("no type: %q", t))
	return &node{}
}

func (p *cddlParser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// group = entries *("//" entries)
func (p *cddlParser) group() *node {
	choice := &node{op: "//"}
	for {
		g := &node{op: "group"}
		for t := p.peek(0); t != "p]" && t != "p}" && t != "p//" && t != "" && p.err == nil; t = p.peek(0) {
			g.subs = append(g.subs, p.entry())
			p.accept("p,")
		}
		choice.subs = append(choice.subs, g)
		if !p.accept("p//") {
			return choice
		}
	}
}

// entry = [occurrence] [key (":" / "=>")] type
func (p *cddlParser) entry() *node {
	n := &node{op: "entry", min: 1, max: 1}
	switch t := p.peek(0); {
	case t == "p?":
		p.take()
		n.min = 0
	case strings.HasPrefix(t, "*"):
		p.take()
		low, high, _ := strings.Cut(t[1:], "*")
		n.min, n.max = 0, math.MaxInt
		if low != "" {
			n.min, _ = strconv.Atoi(low)
		}
		if high != "" {
			n.max, _ = strconv.Atoi(high)
		}
	}
	value := p.typ()
	switch {
	case p.accept("p:"):
		n.key, n.cut = value, true
		value = p.typ()
	case p.accept("p=>"):
		n.key = value
		value = p.typ()
	}
	n.subs = []*node{value}
	return n
}

// match reports whether a well-formed CBOR item is what a rule says.
func (e *evaluator) match(n *node, item cbor.RawMessage) bool {
	switch n.op {
	case "/":
		return e.match(n.subs[0], item) || e.match(n.subs[1], item)
	case "name":
		if r := e.rules[n.text]; r != nil {
			return e.match(r, item)
		}
		return matchPrelude(n.text, item)
	case "..":
		v, ok := integer(item)
		return ok && compareInts(n.subs[0].text, v) <= 0 && compareInts(v, n.subs[1].text) <= 0
	case "int":
		v, ok := integer(item)
		return ok && v == n.text
	case "float":
		v, ok := float(item)
		return ok && v == n.number
	case "text":
		s, ok := text(item)
		return ok && s == n.text
	case "tag":
		var tag cbor.RawTag
		return major(item) == 6 && cbor.Unmarshal(item, &tag) == nil &&
			strconv.FormatUint(tag.Number, 10) == n.text && e.match(n.subs[0], tag.Content)
	case "[":
		var items []cbor.RawMessage
		return major(item) == 4 && cbor.Unmarshal(item, &items) == nil && e.matchArray(n.subs[0], items)
	case "{":
		var items map[string]cbor.RawMessage
		return major(item) == 5 && cbor.Unmarshal(item, &items) == nil && e.matchMap(n.subs[0], items)
	}
	return e.match(n.subs[0], item) && e.control(n, item)
}

func (e *evaluator) control(n *node, item cbor.RawMessage) bool {
	arg := n.subs[1]
	switch n.op {
	case ".and":
		return e.match(arg, item)
	case ".ge", ".le":
		v, ok := float(item)
		return ok && (n.op == ".ge" && v >= arg.number || n.op == ".le" && v <= arg.number)
	case ".regexp":
		s, ok := text(item)
		return ok && regexp.MustCompile(`\A(?:`+arg.text+`)\z`).MatchString(s)
	case ".size":
		var size []byte
		switch s, isText := text(item); {
		case isText:
			size = mustMarshal(len(s))
		case major(item) == 2:
			var b []byte
			if cbor.Unmarshal(item, &b) != nil {
				return false
			}
			size = mustMarshal(len(b))
		default:
			return false
		}
		return e.match(arg, size)
	}
	panic("unknown operator " + n.op)
}

// matchArray knows groups of one entry, which is all that CDDL writes.
func (e *evaluator) matchArray(g *node, items []cbor.RawMessage) bool {
	if len(g.subs) != 1 || len(g.subs[0].subs) != 1 {
		panic("a list of several entries")
	}
	entry := g.subs[0].subs[0]
	if len(items) < entry.min || len(items) > entry.max {
		return false
	}
	for _, item := range items {
		if !e.match(entry.subs[0], item) {
			return false
		}
	}
	return true
}

func (e *evaluator) matchMap(choice *node, items map[string]cbor.RawMessage) bool {
	for _, g := range choice.subs {
		left := maps.Clone(items)
		ok, cut := e.matchGroup(g, left)
		if ok && len(left) == 0 {
			return true
		}
		if cut {
			return false // RFC 8610, section 3.5.4: no later entry may match the key
		}
	}
	return false
}

// matchGroup removes what it matches from left. cut says that a key matched
// whose value did not.
func (e *evaluator) matchGroup(g *node, left map[string]cbor.RawMessage) (ok, cut bool) {
	for _, entry := range g.subs {
		matched := 0
		for k, v := range left {
			if !e.match(entry.key, mustMarshal(k)) {
				continue
			}
			if !e.match(entry.subs[0], v) {
				if entry.cut {
					return false, true
				}
				continue
			}
			delete(left, k)
			matched++
		}
		if matched < entry.min || matched > entry.max {
			return false, false
		}
	}
	return true, false
}

func matchPrelude(name string, item cbor.RawMessage) bool {
	switch name {
	case "any":
		return true
	case "null":
		return item[0] == 0xf6
	case "bool":
		return item[0] == 0xf4 || item[0] == 0xf5
	case "float32":
		return item[0] == 0xfa
	case "float64":
		return item[0] == 0xfb
	case "tstr":
		_, ok := text(item)
		return ok
	case "bstr":
		return major(item) == 2
	case "tdate":
		return item[0] == 0xc0 && major(item[1:]) == 3
	}
	panic("not in the prelude: " + name)
}

func major(item cbor.RawMessage) byte { return item[0] >> 5 }

func integer(item cbor.RawMessage) (string, bool) {
	if major(item) > 1 {
		return "", false
	}
	var v any
	if cbor.Unmarshal(item, &v) != nil {
		return "", false
	}
	return fmt.Sprint(v), true
}

func float(item cbor.RawMessage) (v float64, ok bool) {
	return v, (item[0] == 0xfa || item[0] == 0xfb) && cbor.Unmarshal(item, &v) == nil
}

func text(item cbor.RawMessage) (s string, ok bool) {
	ok = major(item) == 3 && cbor.Unmarshal(item, &s) == nil && utf8.ValidString(s)
	return s, ok
}

// compareInts compares decimal integers of any size.
func compareInts(a, b string) int {
	x, _ := new(big.Int).SetString(a, 10)
	y, _ := new(big.Int).SetString(b, 10)
	return x.Cmp(y)
}

func mustMarshal(v any) cbor.RawMessage {
	b, err := cbor.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
