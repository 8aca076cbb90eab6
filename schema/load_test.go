package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

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
		{"commands", MaxCommands, func(n int) fstest.MapFS { return spread("commands", n, "  c%d: {}\n") }, "more than 10000 commands"},
		{"depth", maxExprDepth, nested, "types are nested more than 32 deep"},
		{"type name", maxNameLength, func(n int) fstest.MapFS {
			return one(header + "types: {" + strings.Repeat("A", n) + ": bool}\n")
		}, "type name is 64 bytes long; at most 63 are possible"},
		{"command name", maxCommandLength, func(n int) fstest.MapFS {
			return one(header + "commands: {" + strings.Repeat("a", n) + ": {}}\n")
		}, "command name is 129 bytes long; at most 128 are possible"},
		{"errors", MaxErrors, func(n int) fstest.MapFS {
			return one(header + "errors:\n" + names(n, "  E%d: {}\n"))
		}, "more than 1000 errors"},
		{"reserved", MaxReserved, func(n int) fstest.MapFS {
			return one(header + "reserved:\n" + names(n, "  - A.b%d\n"))
		}, "more than 10000 reserved paths"},
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
	if err := ds.Render(&out); err != nil || !strings.HasSuffix(out.String(), "\nat least 200 more findings are not shown\n") {
		t.Errorf("Render does not say that it is not all: %v", err)
	}
}

// TestLimitsAreReportedOnce proves that the declarations beyond a limit are not
// each a finding.
func TestLimitsAreReportedOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString(header + "types:\n")
	for i := range 2 * MaxTypes {
		fmt.Fprintf(&b, "  T%d: bool\n", i)
	}
	ds := findings(t, one(b.String()))
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
		begin := cpuTime()
		n2, d := parse(src)
		if d != nil {
			t.Fatal(d)
		}
		l := &loader{schema: &Schema{}, root: true, src: src, types: map[string]*Type{}, errors: map[string]*Error{}, commands: map[string]*Command{}}
		l.header(n2)
		l.check()
		if len(l.found) > 0 || len(l.schema.Types[0].Fields) != n {
			t.Fatalf("%v", l.found)
		}
		return cpuTime() - begin
	}
	load(1000)
	if took := load(100_000); took > 5*time.Second*raceFactor {
		t.Errorf("100,000 fields took %v", took)
	} else {
		t.Logf("100,000 fields took %v", took)
	}
}
