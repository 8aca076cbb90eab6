package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outputs are the forms of output, by the name of their part in an archive.
var outputs = []struct {
	name  string
	write func(Diagnostics, io.Writer) error
}{
	{"text", func(ds Diagnostics, w io.Writer) error { return ds.WriteText(w, false) }},
	{"color", func(ds Diagnostics, w io.Writer) error {
		var b strings.Builder
		err := ds.WriteText(&b, true)
		_, _ = io.WriteString(w, strings.ReplaceAll(b.String(), "\x1b", "ESC"))
		return err
	}},
	{"json", Diagnostics.WriteJSON},
	{"sarif", Diagnostics.WriteSARIF},
	{"github", Diagnostics.WriteGitHub},
}

// TestOutput compares every form of output with testdata/output/*.txtar.
func TestOutput(t *testing.T) {
	paths, err := filepath.Glob("testdata/output/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar := readArchive(t, path)
			s, err := Load(archiveFiles(t, ar), "commands.yaml")
			ds, ok := errors.AsType[Diagnostics](err)
			if err == nil {
				ds = Lint(s)
			} else if !ok {
				t.Fatal(err)
			}
			for _, o := range outputs {
				var b strings.Builder
				if err := o.write(ds, &b); err != nil {
					t.Fatal(err)
				}
				if o.name == "json" || o.name == "sarif" {
					if !json.Valid([]byte(b.String())) {
						t.Errorf("%s is not JSON", o.name)
					}
				}
				if *update {
					writePart(t, path, &ar, o.name, b.String())
				} else if diff := cmp.Diff(ar.file(o.name), b.String()); diff != "" {
					t.Errorf("%s (-want +got; -update rewrites)\n%s", o.name, diff)
				}
			}
		})
	}
}

// TestOutputOfNothing proves that no findings are a whole document too.
func TestOutputOfNothing(t *testing.T) {
	want := map[string]string{"text": "", "color": "", "github": "", "json": "{\n  \"findings\": [],\n  \"leftOut\": 0\n}\n"}
	for _, o := range outputs {
		var b strings.Builder
		if err := o.write(nil, &b); err != nil {
			t.Fatal(err)
		}
		if w, ok := want[o.name]; ok && b.String() != w {
			t.Errorf("%s: %q, want %q", o.name, b.String(), w)
		}
		if o.name == "sarif" && (!json.Valid([]byte(b.String())) || !strings.Contains(b.String(), `"results": []`)) {
			t.Errorf("sarif: %s", b.String())
		}
	}
}

func TestOutputReturnsWriteErrors(t *testing.T) {
	ds := findings(t, one(""))
	want := errors.New("full")
	for _, o := range outputs {
		if o.name == "color" {
			continue // the test's own writer is between
		}
		r, w := io.Pipe()
		r.CloseWithError(want)
		if err := o.write(ds, w); !errors.Is(err, want) {
			t.Errorf("%s = %v, want %v", o.name, err, want)
		}
	}
}

// TestOutputIsSafe proves that no text of a schema can end a line of a form
// that is made of lines, or start a command of its own.
func TestOutputIsSafe(t *testing.T) {
	ds := Diagnostics{{
		Code: E0001, Message: "a\n::error::b%0A\r", Hint: "x\ny", Label: "l\n::warning::", Length: 1, Excerpt: "x",
		Pos: Position{"f,line=1::\n.yaml", 1, 1}, Notes: []Note{{Message: "n\n::error::", Pos: Position{"g", 1, 1}}},
	}}
	var b strings.Builder
	if err := ds.WriteGitHub(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "\n") != 1 || !strings.HasPrefix(b.String(), "::error file=f%2Cline=1%3A%3A%0A.yaml,line=1,col=1,endColumn=2,title=E0001::a%0A::error::b%250A%0D%0A") {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	if err := ds.WriteText(&b, true); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{bold, red, yellow, cyan, reset} {
		if got := b.String(); strings.Contains(got, code) {
			b.Reset()
			b.WriteString(strings.ReplaceAll(got, code, ""))
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("an escape sequence of the schema came through: %q", b.String())
	}
}

// TestLeftOut proves that every form says how much it does not show.
func TestLeftOut(t *testing.T) {
	for n, want := range map[int]string{1: "1 more finding is not shown", 7: "7 more findings are not shown", 200: "at least 200 more findings are not shown"} {
		ds := Diagnostics{{Code: E0001, Message: "m", Pos: Position{"f", 1, 1}, Length: 1, LeftOut: n}}
		for _, o := range outputs {
			var b strings.Builder
			if err := o.write(ds, &b); err != nil {
				t.Fatal(err)
			}
			if o.name == "json" {
				want = fmt.Sprintf(`"leftOut": %d`, n)
			}
			if strings.Count(b.String(), want) != 1 {
				t.Errorf("%s of %d: %s", o.name, n, b.String())
			}
			if o.name == "json" {
				want = ds.leftOut()
			}
		}
	}
}
