package schema

import (
	"bytes"
	"encoding/json"
)

// JSON returns the schema with its docs as one compact JSON object, for
// programs that ask a running peer what it understands. Equal schemas give
// equal bytes. Types and commands stand in the order of the files; absent
// members mean empty. Positions and Go options are not part of it.
func (s *Schema) JSON() []byte {
	out := jsonSchema{
		Language: languageVersion, Protocol: s.Protocol, Version: s.Version, Doc: s.Doc,
		Types: []jsonType{}, Commands: []jsonCommand{},
	}
	for _, r := range s.Reserved {
		out.Reserved = append(out.Reserved, r.Path)
	}
	for _, e := range s.Errors {
		out.Errors = append(out.Errors, jsonError{e.Name, metaOf(e.Meta), e.Retry, fieldsOf(e.Fields)})
	}
	for _, t := range s.Types {
		out.Types = append(out.Types, jsonType{Name: t.Name, jsonShape: shapeOf(t), jsonMeta: metaOf(t.Meta)})
	}
	for _, c := range s.Commands {
		out.Commands = append(out.Commands, jsonCommand{
			Name: c.Name, jsonMeta: metaOf(c.Meta), Direction: c.Direction.String(),
			Payload: bodyOf(c.Payload), Reply: bodyOf(c.Reply), Errors: errorNames(c.Errors),
			Idempotent: c.Idempotent, Fingerprint: c.Fingerprint(),
		})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // list<string> stays readable
	if err := enc.Encode(out); err != nil {
		panic("schema: " + err.Error()) // only strings, numbers and lists: cannot fail
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

type jsonSchema struct {
	Language int           `json:"ipcio"`
	Protocol string        `json:"protocol"`
	Version  int           `json:"version"`
	Doc      string        `json:"doc,omitempty"`
	Types    []jsonType    `json:"types"`
	Errors   []jsonError   `json:"errors,omitempty"`
	Commands []jsonCommand `json:"commands"`
	Reserved []string      `json:"reserved,omitempty"`
}

type jsonMeta struct {
	Doc        string `json:"doc,omitempty"`
	Deprecated string `json:"deprecated,omitempty"`
}

// A jsonShape has exactly one of type, fields, enum and union.
type jsonShape struct {
	Type string `json:"type,omitempty"` // of a new type, or the name of a struct
	jsonConstraints
	Fields *[]jsonField  `json:"fields,omitempty"`
	Enum   []jsonValue   `json:"enum,omitempty"`
	Union  []jsonVariant `json:"union,omitempty"`
	Closed bool          `json:"closed,omitempty"`
}

// jsonConstraints are written as in a schema; the elements of in are texts,
// whatever their type, because numbers of JSON are not exact everywhere.
type jsonConstraints struct {
	Range   string   `json:"range,omitempty"`
	Len     string   `json:"len,omitempty"`
	Pattern *string  `json:"pattern,omitempty"`
	Format  string   `json:"format,omitempty"`
	In      []string `json:"in,omitempty"`
	Unique  bool     `json:"unique,omitempty"`
}

type jsonVariant struct {
	Name string `json:"name"`
	jsonShape
}

type jsonError struct {
	Name string `json:"name"`
	jsonMeta
	Retry  bool        `json:"retry,omitempty"`
	Fields []jsonField `json:"fields,omitempty"`
}

type jsonType struct {
	Name string `json:"name"`
	jsonMeta
	jsonShape
}

type jsonField struct {
	Name string `json:"name"`
	jsonMeta
	Type     string  `json:"type"`
	Optional bool    `json:"optional,omitempty"`
	Default  *string `json:"default,omitempty"` // a text, whatever its type
	Secret   bool    `json:"secret,omitempty"`
	Borrow   bool    `json:"borrow,omitempty"`
	jsonConstraints
}

type jsonValue struct {
	Value string `json:"value"`
	jsonMeta
}

type jsonCommand struct {
	Name string `json:"name"`
	jsonMeta
	Direction   string     `json:"dir"`
	Payload     *jsonShape `json:"payload,omitempty"`
	Reply       *jsonShape `json:"reply,omitempty"`
	Errors      []string   `json:"errors,omitempty"`
	Idempotent  bool       `json:"idempotent,omitempty"`
	Fingerprint string     `json:"fingerprint"`
}

func metaOf(m Meta) jsonMeta { return jsonMeta{m.Doc, m.Deprecated} }

func shapeOf(t *Type) jsonShape {
	var s jsonShape
	switch t.Kind {
	case NewType:
		s.Type = t.Base.String()
		s.jsonConstraints = constraintsOf(t.Constraints)
	case Struct:
		fields := fieldsOf(t.Fields)
		s.Fields = &fields
	case Enum:
		for _, v := range t.Values {
			s.Enum = append(s.Enum, jsonValue{v.Value, metaOf(v.Meta)})
		}
	case Union:
		for _, v := range t.Variants {
			shape := jsonShape{Type: v.Type.String()}
			if v.Type.Named != nil && v.Type.Named.Variant == v {
				shape = shapeOf(v.Type.Named)
			}
			s.Union = append(s.Union, jsonVariant{v.Name, shape})
		}
	}
	s.Closed = t.Closed
	return s
}

func fieldsOf(list []*Field) []jsonField {
	fields := make([]jsonField, 0, len(list))
	for _, f := range list {
		j := jsonField{
			Name: f.Name, jsonMeta: metaOf(f.Meta), Type: f.Type.String(), Optional: f.Optional,
			Secret: f.Secret, Borrow: f.Borrow, jsonConstraints: constraintsOf(f.Constraints),
		}
		if f.Default != nil {
			j.Default = new(f.Default.String())
		}
		fields = append(fields, j)
	}
	return fields
}

func constraintsOf(c *Constraints) (j jsonConstraints) {
	if c == nil {
		return j
	}
	if c.Range != nil {
		j.Range = c.Range.String()
	}
	if c.Len != nil {
		j.Len = c.Len.String()
	}
	if c.Pattern != nil {
		j.Pattern = &c.Pattern.Expr
	}
	for _, v := range c.In {
		j.In = append(j.In, v.String())
	}
	j.Format, j.Unique = c.Format.String(), c.Unique
	return j
}

func errorNames(list []*Error) []string {
	var names []string
	for _, e := range list {
		names = append(names, e.Name)
	}
	return names
}

// bodyOf returns a payload or reply: by name, or its fields if it has none.
func bodyOf(t *Type) *jsonShape {
	if t == nil {
		return nil
	}
	s := jsonShape{Type: t.Name}
	if t.Name == "" {
		s = shapeOf(t)
	}
	return &s
}
