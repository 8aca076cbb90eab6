package schema

import (
	"bytes"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the want sections of testdata")

// archiveFiles returns the schema files of an archive. Files named *.quoted
// hold what an archive cannot: its line breaks do not count, and \n, \r, \t and
// \xff stand for bytes.
func archiveFiles(t *testing.T, ar archive) fs.FS {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, f := range ar.files {
		name, quoted := strings.CutSuffix(f.name, ".quoted")
		if !strings.HasSuffix(name, ".yaml") {
			continue // what is expected
		}
		data := []byte(f.data)
		if quoted {
			data = unquote(f.data)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}

func unquote(text string) []byte {
	text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "")
	var b bytes.Buffer
	for text != "" {
		esc, rest, _ := strings.Cut(text, "\\x")
		b.WriteString(strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(esc))
		if len(rest) < 2 {
			break
		}
		var c byte
		for _, d := range []byte(rest[:2]) {
			c = c<<4 | byte(strings.IndexByte("0123456789abcdef", d))
		}
		b.WriteByte(c)
		text = rest[2:]
	}
	return b.Bytes()
}

// rendered returns what Load has to say: the findings, or else the model.
// With known, what CheckReserved finds; with lint, what Lint does.
func rendered(t *testing.T, fsys fs.FS, known string, lint bool) (string, Diagnostics) {
	t.Helper()
	s, err := Load(fsys, "commands.yaml")
	var ds Diagnostics
	switch {
	case err == nil && known != "":
		ds = s.CheckReserved(strings.Fields(known))
	case err == nil && lint:
		ds = Lint(s)
	case err == nil:
		return dump(s), nil
	default:
		var ok bool
		if ds, ok = errors.AsType[Diagnostics](err); !ok {
			t.Fatalf("Load: %v; want Diagnostics", err)
		}
	}
	var b strings.Builder
	if err := ds.Render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String(), ds
}

// TestGolden compares findings and models with testdata/*.txtar. The part of
// a file's name before the first "-" is the code it is about, "ok" for a model,
// or "lint" for a schema without warnings.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	produced := make(map[Code]bool)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			ar := readArchive(t, path)
			about, _, _ := strings.Cut(name, "-")
			got, ds := rendered(t, archiveFiles(t, ar), ar.file("known"), about[0] == 'W' || about == "lint")
			if (about == "ok" || about == "lint") && len(ds) > 0 {
				t.Errorf("findings in a schema that is fine:\n%s", got)
			}
			sources := make(map[string]*source)
			hit := about == "ok" || about == "lint" && len(ds) == 0
			for _, d := range ds {
				if d.Hint == "" {
					t.Errorf("%v %s %s: nothing says what to type instead", d.Pos, d.Code, d.Message)
				}
				produced[d.Code] = true
				checkMark(t, archiveFiles(t, ar), sources, d.Pos, d.Length, d.Excerpt)
				for _, n := range d.Notes {
					checkMark(t, archiveFiles(t, ar), sources, n.Pos, n.Length, n.Excerpt)
				}
				hit = hit || string(d.Code) == about
			}
			if !hit {
				t.Errorf("%s is not among the findings:\n%s", about, got)
			}
			if *update {
				writeWant(t, path, ar, got)
				return
			}
			if diff := cmp.Diff(ar.file("want"), got); diff != "" {
				t.Errorf("(-want +got; -update rewrites)\n%s", diff)
			}
		})
	}
	for _, code := range Codes() {
		if strings.HasPrefix(string(code), "E05") {
			continue // found by the generator
		}
		if !produced[code] {
			t.Errorf("no golden produces %s (%s)", code, code.Title())
		}
	}
}

func writeWant(t *testing.T, path string, ar archive, want string) {
	t.Helper()
	writePart(t, path, &ar, "want", want)
}

// writePart replaces a part of an archive, or adds it at the end.
func writePart(t *testing.T, path string, ar *archive, name, data string) {
	t.Helper()
	var files []archiveFile
	for _, f := range ar.files {
		if f.name != name {
			files = append(files, f)
		}
	}
	ar.files = append(files, archiveFile{name, data})
	if err := os.WriteFile(path, []byte(ar.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCodesAreExplained proves that Codes, by which other tests go, holds every
// code that the source declares.
func TestCodesAreExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []Code
	for _, decl := range file.Decls {
		consts, ok := decl.(*ast.GenDecl)
		if !ok || consts.Tok != token.CONST {
			continue
		}
		for _, spec := range consts.Specs {
			for _, v := range spec.(*ast.ValueSpec).Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				declared = append(declared, Code(text))
			}
		}
	}
	slices.Sort(declared)
	if diff := cmp.Diff(declared, Codes()); diff != "" || len(declared) == 0 {
		t.Errorf("(-declared +explained)\n%s", diff)
	}
}

// TestExplanations proves that every code can be explained in full.
func TestExplanations(t *testing.T) {
	for _, code := range Codes() {
		e, ok := Explain(code)
		if !ok || e.Title == "" || e.Cause == "" || e.Example == "" || e.Fix == "" || e.Example == e.Fix {
			t.Errorf("%s has no complete explanation: %+v", code, e)
		}
	}
	if _, ok := Explain("E9999"); ok || Code("E9999").Title() != "" {
		t.Error("an unknown code has an explanation")
	}
}
