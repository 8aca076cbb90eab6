package schema

import (
	"errors"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// This is the only file that knows the YAML library. It turns a file into
// nodes of our own and refuses, with a place, what YAML allows and the schema
// language does not. The library's decoding into Go values is never used: it
// accepts duplicate keys in places, and reads 017 as 15 and no as false.

// A node is a value in a schema file.
type node struct {
	kind  nodeKind
	text  string // scalars: the text; numbers and dates: as written
	style nodeStyle
	line  int // from 1
	col   int // from 1, in runes
	items []*node
	pairs []pair
}

type pair struct{ key, value *node }

type nodeKind uint8

const (
	nullNode nodeKind = iota + 1 // nothing, ~ or null
	textNode
	boolNode
	numberNode
	dateNode
	listNode
	mapNode
)

// String returns the kind as messages call it.
func (k nodeKind) String() string {
	return [...]string{
		nullNode: "nothing", textNode: "a text", boolNode: "a truth value", numberNode: "a number",
		dateNode: "a date", listNode: "a list", mapNode: "a mapping",
	}[k]
}

type nodeStyle uint8

const (
	plainStyle  nodeStyle = iota
	quotedStyle           // '…' or "…"
	blockStyle            // | or >
	flowStyle             // […] or {…}
)

// lineReader hands out one line per Read, so that the number of lines read
// tells how far the parser got when it failed: its errors do not.
type lineReader struct {
	rest string
	read int  // lines begun
	open bool // the end of the line is still in rest
}

func (r *lineReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	if !r.open {
		r.read++
	}
	// Look for the end of the line in what fits only: a long line is read in
	// many pieces.
	piece := r.rest[:min(len(p), len(r.rest))]
	end := strings.IndexAny(piece, "\r\n")
	switch {
	case end < 0:
		r.open = true
	case strings.HasPrefix(r.rest[end:], "\r\n"):
		piece = piece[:min(end+2, len(piece))]
		r.open = !strings.HasSuffix(piece, "\n")
	default:
		piece, r.open = piece[:end+1], false
	}
	r.rest = r.rest[len(piece):]
	return copy(p, piece), nil
}

// parse returns the root value of a file, or what is wrong with its YAML. It
// ends with the first finding: what follows a syntax error is guesswork.
func parse(src *source) (*node, *Diagnostic) {
	if d, bad := src.checkText(); bad {
		return nil, &d
	}
	r := &lineReader{rest: src.text}
	dec := yaml.NewDecoder(r)
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF), err == nil && isNothing(doc.Content[0]):
		d := src.finding(E0008, 1, 1, 1, "the file is empty")
		d.Hint = "begin with: ipcio: 1"
		return nil, &d
	case err != nil:
		return nil, src.syntaxError(err, r.read)
	}
	c := converter{src: src}
	root := c.convert(doc.Content[0])
	if c.found != nil {
		return nil, c.found
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case err == nil:
		d := src.finding(E0003, second.Line, second.Column, 0, "a second YAML document starts here")
		d.Hint = "put it in a file of its own and name it under `include:`"
		if isNothing(second.Content[0]) {
			d.Hint = "delete this line"
		}
		return nil, &d
	case !errors.Is(err, io.EOF):
		return nil, src.syntaxError(err, r.read)
	}
	return root, nil
}

func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == "" && n.Anchor == ""
}

// A converter turns the library's nodes into ours, up to the first finding.
type converter struct {
	src   *source
	found *Diagnostic
}

func (c *converter) convert(y *yaml.Node) *node {
	n := &node{text: y.Value, line: y.Line, col: y.Column}
	switch {
	case y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		n.style = quotedStyle
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.style = blockStyle
	case y.Style&yaml.FlowStyle != 0:
		n.style = flowStyle
	}
	if !c.allowed(y, n) {
		return n
	}
	switch y.Kind {
	case yaml.SequenceNode:
		n.kind = listNode
		n.items = make([]*node, 0, len(y.Content))
		for _, item := range y.Content {
			n.items = append(n.items, c.convert(item))
			if c.found != nil {
				return n
			}
		}
	case yaml.MappingNode:
		n.kind = mapNode
		n.pairs = make([]pair, 0, len(y.Content)/2)
		for kv := range slices.Chunk(y.Content, 2) {
			key := c.key(kv[0])
			if c.found != nil {
				return n
			}
			n.pairs = append(n.pairs, pair{key, c.convert(kv[1])})
			if c.found != nil {
				return n
			}
		}
	default:
		n.kind = scalarKind(y)
	}
	return n
}

// scalarKind returns what YAML 1.1 takes a scalar for. no, yes, on and off
// are texts here, as in YAML 1.2.
func scalarKind(y *yaml.Node) nodeKind {
	switch y.ShortTag() {
	case "!!null":
		return nullNode
	case "!!bool":
		return boolNode
	case "!!int", "!!float":
		return numberNode
	case "!!timestamp":
		return dateNode
	}
	return textNode
}

// key converts a key. Whether it must be a text is for those to say who know
// what it stands for.
func (c *converter) key(y *yaml.Node) *node {
	if y.Kind == yaml.ScalarNode && y.ShortTag() == "!!merge" {
		c.refuse(E0006, y, 0, "anchors, aliases and merge keys are not part of the schema language",
			"declare a type and use its name")
		return nil
	}
	n := c.convert(y)
	if c.found != nil {
		return nil
	}
	if n.kind == listNode || n.kind == mapNode {
		c.refuse(E0005, y, 1, "keys must be plain names, found "+n.kind.String(), "write a name, a colon and the value; a text that begins with a bracket must be quoted")
		return nil
	}
	if c.src.explicitKey(n) {
		c.refuse(E0005, y, 0, "keys must be plain names, found an explicit `?` key", "write the name, a colon and the value")
		return nil
	}
	return n
}

func (c *converter) allowed(y *yaml.Node, n *node) bool {
	switch {
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		c.refuse(E0006, y, 0, "anchors, aliases and merge keys are not part of the schema language",
			"declare a type and use its name")
	case y.Style&yaml.TaggedStyle != 0, strings.HasPrefix(c.src.rest(y.Line, y.Column), "!"):
		// The second case is the tag `!` alone, which the library drops.
		d := c.src.finding(E0007, y.Line, y.Column, 0, "")
		d.Message = "YAML tag " + quote(d.marked()) + " is not allowed"
		d.Hint = "delete the tag; a text that begins with `!` must be quoted"
		c.found = &d
	}
	return c.found == nil
}

func (c *converter) refuse(code Code, y *yaml.Node, length int, message, hint string) {
	d := c.src.finding(code, y.Line, y.Column, length, message)
	d.Hint = hint
	c.found = &d
}
