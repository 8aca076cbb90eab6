package export

import (
	"bytes"
	"encoding/json"
)

// An object is a JSON object whose members keep their order.
type object []member

// A member has an object, a []any, a text, a bool, an integer or a json.Number
// as its value.
type member struct {
	key   string
	value any
}

// with returns o and one more member, unless its value says nothing: "", false
// or an empty object or list.
func (o object) with(key string, value any) object {
	switch v := value.(type) {
	case string:
		if v == "" {
			return o
		}
	case bool:
		if !v {
			return o
		}
	case object:
		if len(v) == 0 {
			return o
		}
	case []any:
		if len(v) == 0 {
			return o
		}
	}
	return append(o, member{key, value})
}

// get returns the value of a member, or nil.
func (o object) get(key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// MarshalJSON writes the members in order. It is called by [marshal], which
// switches the escapes for HTML off; json.Marshal would compact and escape the
// result once more.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, encode(m.key)...), ':')
		b = append(b, encode(m.value)...)
	}
	return append(b, '}'), nil
}

// encode returns v as JSON that stays readable: list<string> is not escaped.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("export: " + err.Error()) // only the values of a member: cannot fail
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// marshal returns o as a JSON document for people too: indented, with one line
// feed at the end.
func marshal(o object) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, encode(o), "", "  "); err != nil {
		panic("export: " + err.Error()) // encode writes valid JSON
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// texts returns a list of texts as a JSON value.
func texts(list []string) []any {
	values := make([]any, len(list))
	for i, s := range list {
		values[i] = s
	}
	return values
}
