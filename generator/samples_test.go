package generator

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

func mustLoad(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte(text)}}, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSamplesMeetConstraints goes through constraints that values are hard to
// find for.
func TestSamplesMeetConstraints(t *testing.T) {
	for _, typ := range []string{
		`{type: string, pattern: '[0-9a-f]{8}-[0-9a-f]{4}', len: 13}`,
		`{type: string, pattern: '(ab|cd)*e', len: 7}`,
		`{type: string, pattern: '[a-z]+(\.[a-z]+)+', len: 40..50}`,
		`{type: string, pattern: '\d{1,3}(\.\d{1,3}){3}', format: ip}`,
		`{type: string, pattern: '.*\p{Han}.*', len: 3..}`,
		`{type: string, pattern: '(?i)x{3,5}y?', len: ..4}`,
		`{type: string, pattern: '/srv/.+', format: path}`,
		`{type: list<Word>, unique: true, len: 60}`,
		`{type: list<int8>, unique: true, len: 100}`,
		`{type: map<Word>, len: 200}`,
		`{type: uint64, range: 18446744073709551615}`,
		`{type: float32, range: 0.1..0.1}`,
		`{type: duration, range: 1ns}`,
		`{type: bytes, len: 2048}`,
	} {
		s := mustLoad(t, "ipcio: 1\nprotocol: p\ntypes: {Word: {type: string, pattern: '[a-z]{2}'}}\ncommands: {c: {payload: {v: "+typ+"}}}\n")
		var m sampler
		samples := m.samplesOf(s.Commands[0].Payload.Fields)
		if len(samples) == 0 {
			t.Errorf("%s: no value was found", typ)
		}
	}
}

// TestSamplesOfRandomSchemas shows how many structs values are found for, of
// those that have any.
func TestSamplesOfRandomSchemas(t *testing.T) {
	structs, without := 0, 0
	for seed := range uint64(60) {
		s := mustLoad(t, string(schematest.Random(seed, schematest.Options{Without: schematest.LargeStructs})))
		var m sampler
		for _, typ := range s.Types {
			if typ.Kind != schema.Struct {
				continue
			}
			structs++
			if len(m.samplesOf(typ.Fields)) == 0 {
				without++
			}
		}
	}
	if structs < 60 || without*100 > structs {
		t.Errorf("no value was found for %d of %d structs", without, structs)
	}
}

// TestTypesWithoutSamplesAreNamed shows that a struct is not left out silently.
func TestTypesWithoutSamplesAreNamed(t *testing.T) {
	s := mustLoad(t, "ipcio: 1\nprotocol: p\ntypes: {None: {fields: {more: {type: list<None>, len: 1..}}}}\ncommands: {c: {payload: None}}\n")
	files, err := Generate(s, Options{Tests: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name == "commands"+TestSuffix {
			if text := string(f.Content); !strings.Contains(text, "func TestNoneCBOR(t *testing.T) {\n\tt.Skip(\"ipcio-gen found no None") {
				t.Errorf("the test file is\n%s", text)
			}
			return
		}
	}
	t.Error("there is no test file")
}
