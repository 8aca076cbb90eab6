package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const header = "ipcio: 1\nprotocol: p\n"

// one returns a file system with a root file.
func one(text string) fstest.MapFS {
	return fstest.MapFS{"commands.yaml": {Data: []byte(text)}}
}

// mustLoad loads a schema that is fine.
func mustLoad(t *testing.T, text string) *Schema {
	t.Helper()
	s, err := Load(one(text), "commands.yaml")
	if err != nil {
		t.Fatalf("Load: %v\n%s", err, text)
	}
	return s
}

// findings loads a schema that is not.
func findings(t *testing.T, fsys fs.FS) Diagnostics {
	t.Helper()
	s, err := Load(fsys, "commands.yaml")
	ds, ok := errors.AsType[Diagnostics](err)
	if !ok || len(ds) == 0 || s != nil {
		t.Fatalf("Load = %v, %v; want nil and Diagnostics", s, err)
	}
	return ds
}

func TestLoadFileTrouble(t *testing.T) {
	if _, err := Load(fstest.MapFS{}, "commands.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing root: %v; want fs.ErrNotExist", err)
	}
	denied := failingFS{one(header + "include: [a.yaml]\n"), "a.yaml", fs.ErrPermission}
	_, err := Load(denied, "commands.yaml")
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("unreadable include: %v; want fs.ErrPermission and the file's name", err)
	}
	if _, ok := errors.AsType[Diagnostics](err); ok {
		t.Error("an unreadable file is reported as a mistake in the schema")
	}
	if _, err := Load(fstest.MapFS{"d/commands.yaml": {Data: []byte("")}}, "d"); err == nil {
		t.Error("a directory was read as a schema")
	}
}

type failingFS struct {
	fstest.MapFS
	name string
	err  error
}

func (f failingFS) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	return f.MapFS.Open(name)
}

// TestLoadFolder proves that includes and positions are relative to the root
// file, wherever that is.
func TestLoadFolder(t *testing.T) {
	s, err := Load(fstest.MapFS{
		"api/v1/commands.yaml":     {Data: []byte(header + "include: [common.yaml, parts/x.yaml]\n")},
		"api/v1/common.yaml":       {Data: []byte("ipcio: 1\ntypes: {A: uuid}\n")},
		"api/v1/parts/x.yaml":      {Data: []byte("ipcio: 1\ncommands: {x: {payload: {a: A}}}\n")},
		"common.yaml":              {Data: []byte("broken")},
		"api/v1/parts/common.yaml": {Data: []byte("broken")},
	}, "api/v1/commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"commands.yaml", "common.yaml", "parts/x.yaml"}, s.Files); diff != "" {
		t.Error(diff)
	}
	if got, want := s.Commands[0].Payload.Fields[0].Type.Pos, (Position{"parts/x.yaml", 2, 29}); got != want {
		t.Errorf("position %v, want %v", got, want)
	}
	if line, ok := s.Excerpt(s.Types[0].Pos); !ok || line != "types: {A: uuid}" {
		t.Errorf("Excerpt = %q, %v", line, ok)
	}
}

// TestLimits proves each limit at its border: the last value that is allowed
// and the first that is not.
func TestLimits(t *testing.T) {
	names := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	// Types and commands do not fit into one file in bulk, so they are spread.
	spread := func(section string, n int, format string) fstest.MapFS {
		fsys := one(header + "include: [a.yaml]\n" + section + ":\n" + names(n/2, format))
		fsys["a.yaml"] = &fstest.MapFile{Data: []byte("ipcio: 1\n" + section + ":\n" + names(n-n/2, "  "+"Z"+strings.TrimSpace(format)+"\n"))}
		if section == "commands" {
			fsys["a.yaml"] = &fstest.MapFile{Data: []byte("ipcio: 1\n" + section + ":\n" + names(n-n/2, "  z"+strings.TrimSpace(format)+"\n"))}
		}
		return fsys
	}
	pad := func(n int) fstest.MapFS {
		return one(header + "#" + strings.Repeat("x", n-len(header)-2) + "\n")
	}
	includes := func(n int) fstest.MapFS {
		fsys := one(header + "include: [" + names(n, "f%d.yaml, ") + "]\n")
		for i := range n {
			fsys[fmt.Sprintf("f%d.yaml", i)] = &fstest.MapFile{Data: []byte("ipcio: 1\n")}
		}
		return fsys
	}
	nested := func(n int) fstest.MapFS {
		return one(header + "types:\n  A: " + strings.Repeat("list<", n-1) + "bool" + strings.Repeat(">", n-1) + "\n")
	}
	for _, tc := range []struct {
		name    string
		most    int
		build   func(n int) fstest.MapFS
		message string
	}{
		{"file size", MaxFileSize, pad, "the file is larger than 256 KiB"},
		{"includes", MaxIncludes, includes, "more than 64 included files"},
		{"types", MaxTypes, func(n int) fstest.MapFS { return spread("types", n, "  T%d: bool\n") }, "more than 4000 types"},
		{"commands", MaxCommands, func(n int) fstest.MapFS { return spread("commands", n, "  c%d: {}\n") }, "more than 2000 commands"},
		{"depth", maxExprDepth, nested, "types are nested more than 32 deep"},
		{"type name", maxNameLength, func(n int) fstest.MapFS {
			return one(header + "types: {" + strings.Repeat("A", n) + ": bool}\n")
		}, "type name is 64 bytes long; at most 63 are possible"},
		{"command name", maxCommandLength, func(n int) fstest.MapFS {
			return one(header + "commands: {" + strings.Repeat("a", n) + ": {}}\n")
		}, "command name is 129 bytes long; at most 128 are possible"},
		{"enum value", maxEnumValueLength, func(n int) fstest.MapFS {
			return one(header + "types: {A: {enum: [" + strings.Repeat("a", n) + "]}}\n")
		}, "enum value is 256 bytes long; at most 255 are possible"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Load(tc.build(tc.most), "commands.yaml"); err != nil {
				t.Errorf("%d: %v", tc.most, err)
			}
			ds := findings(t, tc.build(tc.most+1))
			if len(ds) != 1 || ds[0].Code != E0112 || ds[0].Message != tc.message {
				t.Errorf("%d: %v; want one E0112 %q", tc.most+1, ds, tc.message)
			}
		})
	}
}

// TestManyFindings proves that a Load reports no more than its limit, and that
// what it reports is the beginning of the file.
func TestManyFindings(t *testing.T) {
	var b strings.Builder
	b.WriteString(header + "types:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  T%d: Missing%d\n", i, i)
	}
	ds := findings(t, one(b.String()))
	if len(ds) != MaxDiagnostics {
		t.Fatalf("%d findings, want %d", len(ds), MaxDiagnostics)
	}
	for i, d := range ds {
		if d.Pos.Line != 4+i {
			t.Fatalf("finding %d is on line %d, want %d", i, d.Pos.Line, 4+i)
		}
	}
	var out strings.Builder
	if err := ds.Render(&out); err != nil || !strings.HasSuffix(out.String(), "\nonly the first 50 are shown\n") {
		t.Errorf("Render does not say that it is not all: %v", err)
	}
}

// adversaries are files that are as large as possible, each a way to make a
// parser or a rule do too much.
func adversaries() map[string]string {
	fill := func(head string, unit func(i int) string, tail string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; ; i++ {
			u := unit(i)
			if b.Len()+len(u)+len(tail) > MaxFileSize {
				b.WriteString(tail)
				return b.String()
			}
			b.WriteString(u)
		}
	}
	same := func(s string) func(int) string { return func(int) string { return s } }
	numbered := func(format string) func(int) string {
		return func(i int) string { return fmt.Sprintf(format, i) }
	}
	struct1 := header + "types: {A: {fields: {"
	return map[string]string{
		"one line of fields":      fill(struct1, numbered("f%d: bool, "), "}}}\n"),
		"one line, wide letters":  fill(struct1+"名: bool, ", numbered("f%d: bool, "), "}}}\n"),
		"lines of fields":         fill(header+"types:\n  A:\n    fields:\n", numbered("      f%d: bool\n"), ""),
		"short keys":              fill(header+"go:\n", numbered(" %x:\n"), ""),
		"same key":                fill(header+"types:\n  A:\n    fields:\n", same("      f: bool\n"), ""),
		"unknown types":           fill(struct1, numbered("f%d: T%[1]d, "), "}}}\n"),
		"unknown types, nested":   fill(header+"types:\n", numbered("  T%d: list<S%[1]d>\n"), ""),
		"chain":                   fill(header+"types:\n", func(i int) string { return fmt.Sprintf("  T%d: {fields: {a: T%d}}\n", i, (i+1)%3999) }, ""),
		"enum values":             fill(header+"types: {A: {enum: [", numbered("v%d, "), "]}}\n"),
		"open lists":              fill(header+"include: ", same("["), "\n"),
		"lists":                   fill(header+"include: ", same("[],"), "\n"),
		"list items":              fill(header+"include:\n", same("- - - - "), "\n"),
		"open type":               fill(header+"types:\n  A: ", same("list<"), "\n"),
		"closed type":             fill(header+"types:\n  A: ", same(">"), "\n"),
		"cut types":               fill(struct1, numbered("f%d: map<string, bool>, "), "}}}\n"),
		"cut type without end":    fill(struct1+"a: map<string, ", numbered("f%d, "), "}}}\n"),
		"quotes":                  fill(header+"doc: ", same("''"), "\n"),
		"open quote":              fill(header+"doc: \"", same("\\\\"), "\n"),
		"escapes":                 fill(header+"types: {A: \"", same("\\x61"), "\"}\n"),
		"comments":                fill(header, same("#\n"), ""),
		"comments behind":         fill(header+"types:\n", numbered("  A%d: bool # x\n"), ""),
		"empty lines":             fill(header+"doc: a\n", same("\n"), "x: 1\n"),
		"text of many lines":      fill(header+"doc: a\n", same(" b\n"), ""),
		"block text":              fill(header+"doc: |\n", same("  b\n"), "\tx\n"),
		"carriage returns":        fill(header, same("\r"), ""),
		"anchors":                 fill(header+"types:\n", numbered("  A%d: &a%[1]d bool\n"), ""),
		"question marks":          fill(header+"types: {", same("a?, "), "}\n"),
		"colons":                  fill(header+"types: {a", same(":"), "}\n"),
		"mapping in mapping":      fill(header+"types: ", same("{a: "), "\n"),
		"documents":               fill(header, same("---\n"), ""),
		"tabs":                    fill(header+"types:\n", same("\t"), "a: b\n"),
		"includes":                fill(header+"include: [", numbered("a%d, "), "]\n"),
		"commands":                fill(header+"commands:\n", numbered("  c%d: {payload: {a: bool}}\n"), ""),
		"long unknown key":        fill(header, same("a"), ": 1\n"),
		"long unknown type":       fill(header+"types: {A: ", same("a"), "}\n"),
		"long name":               fill(header+"types: {", same("A"), ": bool}\n"),
		"invalid text":            fill(header, same("\xff"), "\n"),
		"flow list in many lines": fill(header+"include: [\n", same("a,\n"), "]\n"),
	}
}

// TestAdversaries proves that no file of legal size takes long, and that the
// findings about it stand inside of it.
func TestAdversaries(t *testing.T) {
	for name, text := range adversaries() {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			s, err := Load(one(text), "commands.yaml")
			took := time.Since(begin)
			t.Logf("%v for %d bytes: %.100v", took, len(text), err)
			if limit := 2 * time.Second * raceFactor; took > limit {
				t.Errorf("took %v, want less than %v", took, limit)
			}
			checkOutcome(t, one(text), s, err)
			if s != nil {
				begin := time.Now()
				_ = s.Fingerprint()
				if took := time.Since(begin); took > 2*time.Second*raceFactor {
					t.Errorf("the fingerprint took %v", took)
				}
			}
		})
	}
}

// TestLimitsAreReportedOnce proves that the declarations beyond a limit are not
// each a finding.
func TestLimitsAreReportedOnce(t *testing.T) {
	ds := findings(t, one(adversaries()["commands"]))
	if len(ds) != 1 || ds[0].Code != E0112 {
		t.Errorf("%d findings: %v; want one", len(ds), ds[0])
	}
}

// TestManyKeys proves that the cost of a mapping grows with its size and not
// with the square of it, in a file larger than the limit of Load.
func TestManyKeys(t *testing.T) {
	load := func(n int) time.Duration {
		var b strings.Builder
		b.WriteString(header + "types: {A: {fields: {")
		for i := range n {
			fmt.Fprintf(&b, "f%d: bool, ", i)
		}
		b.WriteString("}}}\n")
		src := newSource("commands.yaml", []byte(b.String()))
		begin := time.Now()
		n2, d := parse(src)
		if d != nil {
			t.Fatal(d)
		}
		l := &loader{schema: &Schema{}, root: true, src: src, types: map[string]*Type{}, commands: map[string]*Command{}}
		l.header(n2)
		l.check()
		if len(l.found) > 0 || len(l.schema.Types[0].Fields) != n {
			t.Fatalf("%v", l.found)
		}
		return time.Since(begin)
	}
	load(1000)
	if took := load(100_000); took > 5*time.Second*raceFactor {
		t.Errorf("100,000 fields took %v", took)
	} else {
		t.Logf("100,000 fields took %v", took)
	}
}

// checkOutcome proves what must hold for every Load.
func checkOutcome(t *testing.T, fsys fs.FS, s *Schema, err error) {
	t.Helper()
	if err == nil {
		checkModel(t, s)
		return
	}
	ds, ok := errors.AsType[Diagnostics](err)
	if !ok {
		t.Fatalf("Load: %v; want Diagnostics", err)
	}
	if len(ds) == 0 || len(ds) > MaxDiagnostics {
		t.Errorf("%d findings", len(ds))
	}
	sources := make(map[string]*source)
	for _, d := range ds {
		checkMark(t, fsys, sources, d.Pos, d.Length, d.Excerpt)
		for _, n := range d.Notes {
			checkMark(t, fsys, sources, n.Pos, n.Length, n.Excerpt)
		}
		if d.Code.Title() == "" || d.Message == "" {
			t.Errorf("%v: without code or message", d)
		}
	}
	var b strings.Builder
	if err := ds.Render(&b); err != nil {
		t.Error(err)
	}
	for _, r := range b.String() {
		if r != '\n' && visible(r) != r {
			t.Fatalf("rendered text holds %U", r)
		}
	}
}

// checkMark proves that a mark is inside the line it is on.
func checkMark(t *testing.T, fsys fs.FS, sources map[string]*source, pos Position, length int, excerpt string) {
	t.Helper()
	src := sources[pos.File]
	if src == nil {
		data, err := fs.ReadFile(fsys, pos.File)
		if err != nil {
			t.Fatalf("%v is in no file: %v", pos, err)
		}
		if len(data) > MaxFileSize {
			data = nil
		}
		src = newSource(pos.File, data)
		sources[pos.File] = src
	}
	if pos.Line < 1 || pos.Line > len(src.lines) || src.line(pos.Line) != excerpt {
		t.Fatalf("%v: the excerpt is not line %d of %d: %.100q", pos, pos.Line, len(src.lines), excerpt)
	}
	n := utf8.RuneCountInString(excerpt)
	if pos.Column < 1 || pos.Column > n+1 || length < 1 || pos.Column+length > max(n+1, pos.Column+1) {
		t.Errorf("%v+%d is outside of its line of %d", pos, length, n)
	}
}

// checkModel proves that a model is as its documentation promises.
func checkModel(t *testing.T, s *Schema) {
	t.Helper()
	widths := make(map[Position]int) // by file and line
	at := func(p Position) {
		t.Helper()
		line := Position{File: p.File, Line: p.Line}
		if _, ok := widths[line]; !ok {
			text, ok := s.Excerpt(p)
			if !ok {
				t.Errorf("%v is on no line", p)
			}
			widths[line] = utf8.RuneCountInString(text)
		}
		if p.Column < 1 || p.Column > widths[line]+1 {
			t.Errorf("%v is outside of the files", p)
		}
	}
	var expr func(e *Expr)
	expr = func(e *Expr) {
		at(e.Pos)
		switch e.Kind {
		case ListExpr, MapExpr:
			expr(e.Elem)
		case NamedExpr:
			if e.Named.Name == "" || e.Named.Kind == 0 {
				t.Errorf("%v: reference to nothing", e.Pos)
			}
		case ScalarExpr:
			if e.Scalar.String() == "" {
				t.Errorf("%v: no scalar", e.Pos)
			}
		}
	}
	check := func(typ *Type) {
		at(typ.Pos)
		switch typ.Kind {
		case NewType:
			expr(typ.Base)
		case Struct:
			for _, f := range typ.Fields {
				at(f.Pos)
				expr(f.Type)
			}
		case Enum:
			if len(typ.Values) == 0 {
				t.Errorf("%v: no values", typ.Pos)
			}
			for _, v := range typ.Values {
				at(v.Pos)
			}
		}
	}
	if !isSnake(s.Protocol) || s.Version < 1 {
		t.Errorf("protocol %q version %d", s.Protocol, s.Version)
	}
	for _, typ := range s.Types {
		check(typ)
	}
	for _, c := range s.Commands {
		at(c.Pos)
		for _, body := range []*Type{c.Payload, c.Reply} {
			if body != nil {
				if body.Kind != Struct {
					t.Errorf("%s: the payload or reply is no struct", c.Name)
				}
				check(body)
			}
		}
	}
}
