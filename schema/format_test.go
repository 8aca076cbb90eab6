package schema

import (
	"errors"
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/schema/schematest"
)

var random = flag.Uint64("random", 200, "random schemas for the laws of Format")

// TestFormat shows the layout.
func TestFormat(t *testing.T) {
	for _, tc := range []struct{ name, src, want string }{
		{"blanks", "ipcio:   1\nprotocol:    p   \ntypes:\n      A:    uuid\n", "ipcio: 1\nprotocol: p\ntypes:\n  A: uuid\n"},
		{"flow", "types: { A : {type:   string,len: 1..2 } }\n", "types: {A: {type: string, len: 1..2}}\n"},
		{"flow over lines", "include: [\n  a.yaml,\n  b.yaml,\n]\n", "include: [a.yaml, b.yaml]\n"},
		{"flow with a comment", "include: [ # these\n  a.yaml, # first\n  b.yaml\n  # last\n]\n", "include:    # these\n  - a.yaml  # first\n  - b.yaml\n# last\n"},
		{"long flow", "A: {fields: {" + strings.Repeat("a: b, ", 20) + "c: d}}\n", "A:\n  fields:\n    " + strings.Repeat("a: b\n    ", 20) + "c: d\n"},
		{"list", "include:\n- a\n-   b\n# next\ntypes: {}\n", "include:\n  - a\n  - b\n# next\ntypes: {}\n"},
		{"quotes", "a: \"x\"\nb: 'no'\nc: \"it's\"\nd: 'opt<string>'\ne: \"a: b\"\nf: \"a\\tb\"\n\"g\": h\n",
			"a: x\nb: 'no'\nc: 'it''s'\nd: opt<string>\ne: 'a: b'\nf: \"a\\tb\"\ng: h\n"},
		{"numbers stay", "a: 017\nb: \"017\"\nc: 1.50\nd: ~\ne:\n", "a: 017\nb: '017'\nc: 1.50\nd: ~\ne:\n"},
		{"empty values", "enum: {a: , b: , 'c' : x}\n", "enum: {a: , b: , c: x}\n"},
		{"folded", "doc: a\n  b\n  c\n", "doc: a b c\n"},
		{"block text", "a:\n    doc: |-\n        one\n          two\n\n        three\n\n\n    x: y\n", "a:\n  doc: |-\n    one\n      two\n\n    three\n\n  x: y\n"},
		{"block text, indented", "doc: |3\n     one\n   two\n", "doc: |2\n    one\n  two\n"},
		{"block text that keeps", "doc: |+\n one\n\n\nx: y\n", "doc: |+\n  one\n\n\nx: y\n"},
		{"aligned comments", "ipcio: 1 # a\nprotocol: p     # b\nx: y\nz: 1 # c\n", "ipcio: 1     # a\nprotocol: p  # b\nx: y\nz: 1  # c\n"},
		{"comments", "# top\n\n\n# more\nipcio: 1\n\n\n\ntypes:\n\n      # first\n      A: uuid\n      # of types\n   # end\n# commands\ncommands: {}\n# last\n",
			"# top\n\n# more\nipcio: 1\n\ntypes:\n  # first\n  A: uuid\n  # of types\n# end\n# commands\ncommands: {}\n# last\n"},
		{"# in texts", "a: 'x # y' # c\nb: x#y\nc: |\n  # text\n# comment\n", "a: 'x # y'  # c\nb: x#y\nc: |\n  # text\n# comment\n"},
		{"windows", "\ufeffipcio: 1\r\nprotocol: p\r\n", "ipcio: 1\nprotocol: p\n"},
		{"document", "--- # a\nipcio: 1\n... # b\n", "# a\nipcio: 1  # b\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Format([]byte(tc.src))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Error(diff)
			}
			formatLaws(t, []byte(tc.src))
		})
	}
}

func TestFormatRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		src  string
		code Code
	}{
		"syntax":                 {"a: b: c\n", E0001},
		"a list":                 {"- a\n", E0110},
		"a list in a list":       {"a:\n  - - b\n", E0110},
		"number key":             {"1: a\n", E0005},
		"number key in brackets": {"a: {1: a}\n", E0005},
		"too large":              {"#" + strings.Repeat("x", MaxFileSize), E0112},
		"anchor":                 {"a: &b c\n", E0006},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := Format([]byte(tc.src))
			ds, ok := errors.AsType[Diagnostics](err)
			if !ok || len(ds) != 1 || ds[0].Code != tc.code || out != nil {
				t.Errorf("Format = %q, %v; want %s", out, err, tc.code)
			}
		})
	}
}

// formatLaws proves of one file: formatting twice is formatting once, the
// schema is the same, and so are the comments. It reports whether the file can
// be formatted.
func formatLaws(t *testing.T, src []byte) bool {
	t.Helper()
	once, err := Format(src)
	if err != nil {
		if ds, ok := errors.AsType[Diagnostics](err); !ok || len(ds) == 0 {
			t.Errorf("Format: %v\n%s", err, src)
		}
		return false
	}
	twice, err := Format(once)
	if err != nil || string(twice) != string(once) {
		t.Errorf("formatting twice (%v):\n%s\nfrom\n%s", err, cmp.Diff(string(once), string(twice)), src)
	}
	before, after := contentOf(t, src), contentOf(t, once)
	if !slices.Equal(before, after) {
		t.Errorf("the schema changed: %s\nfrom\n%s\nto\n%s", cmp.Diff(before, after), src, once)
	}
	before, after = commentsOf(t, src), commentsOf(t, once)
	if !slices.Equal(before, after) {
		t.Errorf("comments: %s\nfrom\n%s\nto\n%s", cmp.Diff(before, after), src, once)
	}
	return true
}

// withoutPositions cuts the places out of a dump: they do not survive.
func withoutPositions(dump string) string {
	var b strings.Builder
	for {
		i := strings.Index(dump, ".yaml:")
		if i < 0 {
			return b.String() + dump
		}
		b.WriteString(dump[:i])
		dump = strings.TrimLeft(dump[i+len(".yaml:"):], ":0123456789")
	}
}

// contentOf returns the model of a root file without positions, or the codes
// of what is wrong with it.
func contentOf(t *testing.T, src []byte) []string {
	t.Helper()
	s, err := Load(fstest.MapFS{"commands.yaml": {Data: src}, "a.yaml": {Data: []byte("ipcio: 1\n")}}, "commands.yaml")
	if err == nil {
		return strings.Split(withoutPositions(dump(s)), "\n")
	}
	ds, ok := errors.AsType[Diagnostics](err)
	if !ok {
		t.Fatal(err)
	}
	if len(ds) == MaxDiagnostics {
		return nil // which are reported depends on the places
	}
	var codes []string
	for _, d := range ds {
		codes = append(codes, string(d.Code))
	}
	slices.Sort(codes)
	return codes
}

func commentsOf(t *testing.T, src []byte) []string {
	t.Helper()
	file := newSource("", src)
	root, d := parse(file)
	if d != nil {
		t.Fatal(d)
	}
	var texts []string
	for _, c := range layoutOf(file, root).comments {
		texts = append(texts, c.text)
	}
	slices.Sort(texts)
	return texts
}

// TestFormatGoldens proves the laws for every schema of testdata.
func TestFormatGoldens(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	formatted := 0
	for _, path := range paths {
		for _, f := range readArchive(t, path).files {
			if strings.HasSuffix(f.name, ".yaml") && formatLaws(t, []byte(f.data)) {
				formatted++
			}
		}
	}
	if formatted < 60 {
		t.Errorf("only %d files could be formatted", formatted)
	}
}

// TestFormatRandom proves the laws for schemas nobody thought of, in all
// layouts.
func TestFormatRandom(t *testing.T) {
	for seed := range *random {
		if src := schematest.Random(seed, schematest.Options{Types: 8, Commands: 4}); !formatLaws(t, src) || t.Failed() {
			t.Fatalf("seed %d cannot be formatted, or breaks a law", seed)
		}
	}
}

// FuzzFormat proves the laws for whatever can be formatted.
func FuzzFormat(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no goldens: %v", err)
	}
	for _, path := range paths {
		for _, file := range readArchive(f, path).files {
			if strings.HasSuffix(file.name, ".yaml") {
				f.Add([]byte(file.data))
			}
		}
	}
	for seed := range uint64(20) {
		f.Add(schematest.Random(seed, schematest.Options{Types: 3, Commands: 2, Without: schematest.LargeStructs}))
	}
	f.Fuzz(func(t *testing.T, src []byte) { formatLaws(t, src) })
}
