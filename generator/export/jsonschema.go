package export

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// JSONSchema returns a JSON Schema (draft 2020-12) that defines every type,
// payload, reply and error under $defs, named as the package doc says. It
// describes the values as JSON, and has nothing to say about a whole document:
// refer to the definition that is meant, such as "#/$defs/job.submit-payload".
func JSONSchema(s *schema.Schema) []byte {
	root := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", urn(s)},
		{"title", s.Protocol + " " + strconv.Itoa(s.Version)},
	}.with("description", s.Doc)
	return marshal(append(root, member{"$defs", jsonSchemas{"#/$defs/"}.all(s)}))
}

// urn returns a name for the protocol and its version.
func urn(s *schema.Schema) string {
	return "urn:ipcio:" + s.Protocol + ":" + strconv.Itoa(s.Version)
}

// jsonSchemas writes JSON Schemas that are the same in draft 7, which AsyncAPI
// is based on, and in 2020-12: nothing stands beside $ref.
type jsonSchemas struct {
	prefix string // of a reference to a definition
}

func (w jsonSchemas) all(s *schema.Schema) object {
	all := object{}
	for _, d := range definitions(s) {
		all = append(all, member{d.name, w.definition(d)})
	}
	return all
}

func (w jsonSchemas) ref(name string) object { return object{{"$ref", w.prefix + name}} }

func (w jsonSchemas) definition(d definition) object {
	if d.isAlias() {
		return w.ref(d.typ.Name)
	}
	about := object{}
	if d.typ.Command == nil {
		about = annotations(d.meta)
	}
	if d.name != d.typ.Name && about.get("description") == nil {
		about = append(object{{"description", strings.ToUpper(d.about[:1]) + d.about[1:] + "."}}, about...)
	}
	if d.error != nil {
		about = about.with("x-retry", d.error.Retry)
	}
	return annotate(w.typ(d.typ), about)
}

// typ returns the schema of what a type consists of.
func (w jsonSchemas) typ(t *schema.Type) object {
	switch t.Kind {
	case schema.NewType:
		return w.constrained(t.Base, t.Constraints)
	case schema.Enum:
		return enumSchema(t)
	case schema.Union:
		return w.union(t)
	}
	return w.fields(t.Fields)
}

func (w jsonSchemas) fields(fields []*schema.Field) object {
	o := object{{"type", "object"}}
	properties := object{}
	var required []string
	for _, f := range fields {
		about := annotations(f.Meta)
		if f.Default != nil && !f.Secret {
			about = append(about, member{"default", jsonValue(f.Default)})
		}
		about = about.with("x-secret", f.Secret)
		properties = append(properties, member{f.Name, annotate(w.constrained(f.Type, f.Constraints), about)})
		if !f.Optional {
			required = append(required, f.Name)
		}
	}
	return o.with("properties", properties).with("required", texts(required))
}

// enumSchema lists the values with what is known about them.
func enumSchema(t *schema.Type) object {
	var values []any
	for _, v := range t.Values {
		values = append(values, annotate(object{{"const", v.Value}}, annotations(v.Meta)))
	}
	if !t.Closed {
		values = append(values, object{{"description", "Any other value: the enum is open."}})
	}
	return object{{"type", "string"}, {"anyOf", values}}
}

// union is an object with exactly one member.
func (w jsonSchemas) union(t *schema.Type) object {
	variants := object{}
	for _, v := range t.Variants {
		variants = append(variants, member{v.Name, annotate(w.expr(v.Type), annotations(v.Meta))})
	}
	o := object{{"type", "object"}, {"minProperties", 1}, {"maxProperties", 1}, {"properties", variants}}
	if t.Closed {
		o = append(o, member{"additionalProperties", false})
	}
	return o
}

func (w jsonSchemas) expr(e *schema.Expr) object {
	switch e.Kind {
	case schema.ScalarExpr:
		return scalarSchema(e.Scalar)
	case schema.NamedExpr:
		return w.ref(typeName(e.Named))
	case schema.ListExpr:
		return object{{"type", "array"}, {"items", w.expr(e.Elem)}}
	}
	return object{{"type", "object"}, {"additionalProperties", w.expr(e.Elem)}}
}

func scalarSchema(s schema.Scalar) object {
	if r, ok := integers[s]; ok {
		return object{{"type", "integer"}, {"minimum", json.Number(r.min)}, {"maximum", json.Number(r.max)}}
	}
	switch s {
	case schema.Bool:
		return object{{"type", "boolean"}}
	case schema.Float32, schema.Float64:
		return object{{"type", "number"}}
	case schema.Bytes:
		return object{{"type", "string"}, {"contentEncoding", "base64"}, {"pattern", "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}}
	case schema.Timestamp:
		return object{{"type", "string"}, {"format", "date-time"}}
	case schema.UUID:
		return object{{"type", "string"}, {"format", "uuid"}}
	case schema.Any:
		return object{}
	}
	return object{{"type", "string"}}
}

// constrained returns the schema of e with constraints: beside what says its
// type if that is written here, else beside a reference to it.
func (w jsonSchemas) constrained(e *schema.Expr, c *schema.Constraints) object {
	base := w.expr(e)
	if c == nil {
		return base
	}
	var all []any // what has to hold beside
	if base.get("$ref") != nil {
		all = append(all, base)
		base = object{{"type", jsonType(e)}}
	}
	set := func(key string, v any) {
		for i := range base {
			if base[i].key == key {
				base[i].value = v
				return
			}
		}
		base = append(base, member{key, v})
	}
	if r := c.Range; r != nil {
		if r.Min != nil {
			set("minimum", jsonValue(r.Min))
		}
		if r.Max != nil {
			set("maximum", jsonValue(r.Max))
		}
	}
	if n := c.Len; n != nil {
		least, most, size := lenKeys(e)
		if n.Min > 0 {
			set(least, size(n.Min))
		}
		if n.HasMax {
			set(most, size(n.Max))
		}
	}
	if c.Pattern != nil {
		if re, ok := portable(c.Pattern.Expr); ok {
			set("pattern", "^(?:"+re+")$")
		} else {
			set("$comment", "matches the RE2 expression "+c.Pattern.Expr)
		}
	}
	if c.In != nil {
		var values []any
		for _, v := range c.In {
			values = append(values, jsonValue(v))
		}
		set("enum", values)
	}
	switch c.Format {
	case schema.FormatIP:
		all = append(all, object{{"anyOf", []any{object{{"format", "ipv4"}}, object{{"format", "ipv6"}}}}})
	case schema.FormatHostname, schema.FormatURI:
		set("format", c.Format.String())
	case schema.FormatPath:
		all = append(all, object{{"pattern", `^[^\u0000]+$`}})
	}
	return base.with("uniqueItems", c.Unique).with("allOf", all)
}

// lenKeys returns the keywords for the size of e, and the size in JSON.
func lenKeys(e *schema.Expr) (least, most string, size func(uint64) uint64) {
	same := func(n uint64) uint64 { return n }
	switch u := under(e); {
	case u.Kind == schema.ListExpr:
		return "minItems", "maxItems", same
	case u.Kind == schema.MapExpr:
		return "minProperties", "maxProperties", same
	case u.Scalar == schema.Bytes:
		return "minLength", "maxLength", func(n uint64) uint64 { return (n + 2) / 3 * 4 } // base64 with padding
	}
	return "minLength", "maxLength", same
}

// jsonType returns the JSON type of an expression that has constraints.
func jsonType(e *schema.Expr) string {
	switch u := under(e); u.Kind {
	case schema.ListExpr:
		return "array"
	case schema.ScalarExpr:
		return scalarSchema(u.Scalar).get("type").(string)
	}
	return "object"
}

// annotations returns what a declaration says about itself.
func annotations(m schema.Meta) object {
	doc := m.Doc
	if m.Deprecated != "" {
		doc = strings.TrimPrefix(doc+"\n\nDeprecated: "+m.Deprecated, "\n\n")
	}
	return object{}.with("description", doc).with("deprecated", m.Deprecated != "")
}

// annotate returns o with annotations before it. A reference goes into an allOf:
// readers of draft 7 do not look at what stands beside $ref.
func annotate(o, about object) object {
	if len(about) == 0 {
		return o
	}
	if o.get("$ref") != nil {
		o = object{{"allOf", []any{o}}}
	}
	return append(about, o...)
}

// jsonValue returns a value of the schema as JSON.
func jsonValue(v *schema.Value) any {
	switch v.Scalar {
	case schema.Bool:
		return v.Bool
	case schema.Duration:
		return json.Number(strconv.FormatInt(int64(v.Duration), 10))
	case schema.String:
		return v.Text
	}
	return json.Number(v.String())
}
