package schematest_test

import (
	"flag"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

var count = flag.Uint64("count", 1000, "random schemas to try")

// TestRandomLoads proves that what is written is always a schema, and that all
// of the language appears in it.
func TestRandomLoads(t *testing.T) {
	seen := make(map[string]int)
	mark := func(what string, ok bool) {
		if ok {
			seen[what]++
		}
	}
	for seed := range *count {
		text := schematest.Random(seed, schematest.Options{})
		s := load(t, seed, text)
		for _, typ := range s.Types {
			mark("union", typ.Kind == schema.Union)
			mark("closed", typ.Closed)
			markConstraints(mark, typ.Constraints)
			for _, f := range typ.Fields {
				markConstraints(mark, f.Constraints)
				mark("default", f.Default != nil)
				mark("default of an enum", f.Default != nil && f.Default.Enum != nil)
				mark("secret", f.Secret)
				mark("recursion", f.Type.Kind == schema.NamedExpr && f.Type.Named == typ)
				for scalar := schema.Bool; scalar <= schema.Any; scalar++ {
					is := f.Type.Kind == schema.ScalarExpr && f.Type.Scalar == scalar
					mark(scalar.String(), is && !f.Optional)
					mark("opt "+scalar.String(), is && f.Optional)
					in := f.Type.Elem != nil && f.Type.Elem.Kind == schema.ScalarExpr && f.Type.Elem.Scalar == scalar
					mark("list "+scalar.String(), in && f.Type.Kind == schema.ListExpr)
					mark("map "+scalar.String(), in && f.Type.Kind == schema.MapExpr)
				}
			}
			for _, v := range typ.Variants {
				mark("inline variant", v.Type.Named != nil && v.Type.Named.Variant == v)
				if v.Type.Kind == schema.ScalarExpr {
					mark("variant "+v.Type.Scalar.String(), true)
				}
			}
			if n := len(typ.Fields); n == 0 || n == 1 || n == 23 || n == 24 || n > 254 {
				mark("size "+strings.Repeat("x", min(n, 2)), typ.Kind == schema.Struct)
			}
			mark("256 fields", len(typ.Fields) == 256)
		}
		for _, c := range s.Commands {
			mark("errors", len(c.Errors) > 0)
			mark("idempotent", c.Idempotent)
		}
		mark("reserved", len(s.Reserved) > 0)
	}
	if *count < 1000 {
		return
	}
	want := []string{
		"union", "closed", "range", "len", "pattern", "format", "in", "unique", "default", "default of an enum", "secret",
		"recursion", "inline variant", "errors", "idempotent", "reserved", "256 fields",
	}
	for scalar := schema.Bool; scalar <= schema.Any; scalar++ {
		for _, place := range []string{"", "opt ", "list ", "map ", "variant "} {
			want = append(want, place+scalar.String())
		}
	}
	for _, what := range want {
		if seen[what] == 0 {
			t.Errorf("no schema has: %s", what)
		}
	}
}

func markConstraints(mark func(string, bool), c *schema.Constraints) {
	if c == nil {
		return
	}
	mark("range", c.Range != nil)
	mark("len", c.Len != nil)
	mark("pattern", c.Pattern != nil)
	mark("format", c.Format != 0)
	mark("in", c.In != nil)
	mark("unique", c.Unique)
}

func load(t *testing.T, seed uint64, text []byte) *schema.Schema {
	t.Helper()
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: text}}, "commands.yaml")
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, text)
	}
	return s
}

// TestRandomWithout proves that features can be left out.
func TestRandomWithout(t *testing.T) {
	o := schematest.Options{Types: 3, Commands: 2, Without: schematest.Unions | schematest.Errors | schematest.Constraints |
		schematest.Defaults | schematest.Secrets | schematest.Idempotence | schematest.Reserved | schematest.Comments | schematest.Docs}
	for seed := range uint64(200) {
		text := schematest.Random(seed, o)
		s := load(t, seed, text)
		if len(s.Types) > 3 || len(s.Commands) > 2 || len(s.Errors) > 0 || len(s.Reserved) > 0 {
			t.Fatalf("seed %d: too much\n%s", seed, text)
		}
		for _, word := range []string{"union:", "range:", "len:", "pattern:", "in:", "unique:", "default:", "secret:", "idempotent:", "doc:", "#"} {
			if strings.Contains(string(text), " "+word) || strings.Contains(string(text), "{"+word) {
				t.Fatalf("seed %d: there is %s\n%s", seed, word, text)
			}
		}
	}
}

func TestRandomIsStable(t *testing.T) {
	a, b := schematest.Random(7, schematest.Options{}), schematest.Random(7, schematest.Options{})
	if string(a) != string(b) {
		t.Error("one seed gives two schemas")
	}
	if string(a) == string(schematest.Random(8, schematest.Options{})) {
		t.Error("two seeds give one schema")
	}
}
