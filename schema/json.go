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
	for _, t := range s.Types {
		out.Types = append(out.Types, jsonType{Name: t.Name, jsonShape: shapeOf(t), jsonMeta: metaOf(t.Meta)})
	}
	for _, c := range s.Commands {
		out.Commands = append(out.Commands, jsonCommand{
			Name: c.Name, jsonMeta: metaOf(c.Meta), Direction: c.Direction.String(),
			Payload: bodyOf(c.Payload), Reply: bodyOf(c.Reply), Fingerprint: c.Fingerprint(),
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
	Commands []jsonCommand `json:"commands"`
}

type jsonMeta struct {
	Doc        string `json:"doc,omitempty"`
	Deprecated string `json:"deprecated,omitempty"`
}

// A jsonShape has exactly one of its first three members.
type jsonShape struct {
	Type   string       `json:"type,omitempty"` // of a new type, or the name of a struct
	Fields *[]jsonField `json:"fields,omitempty"`
	Enum   []jsonValue  `json:"enum,omitempty"`
	Closed bool         `json:"closed,omitempty"`
}

type jsonType struct {
	Name string `json:"name"`
	jsonMeta
	jsonShape
}

type jsonField struct {
	Name string `json:"name"`
	jsonMeta
	Type     string `json:"type"`
	Optional bool   `json:"optional,omitempty"`
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
	Fingerprint string     `json:"fingerprint"`
}

func metaOf(m Meta) jsonMeta { return jsonMeta{m.Doc, m.Deprecated} }

func shapeOf(t *Type) jsonShape {
	var s jsonShape
	switch t.Kind {
	case NewType:
		s.Type = t.Base.String()
	case Struct:
		fields := make([]jsonField, 0, len(t.Fields))
		for _, f := range t.Fields {
			fields = append(fields, jsonField{f.Name, metaOf(f.Meta), f.Type.String(), f.Optional})
		}
		s.Fields = &fields
	case Enum:
		for _, v := range t.Values {
			s.Enum = append(s.Enum, jsonValue{v.Value, metaOf(v.Meta)})
		}
		s.Closed = t.Closed
	}
	return s
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
