package generator_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// load loads a schema from files in memory.
func load(t testing.TB, files map[string]string) *schema.Schema {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	s, err := schema.Load(fsys, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// goldens returns the archives in testdata, and of each its schema files.
func goldens(t *testing.T) map[string]*archive {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	found := map[string]*archive{}
	for _, p := range paths {
		found[p] = readArchive(t, p)
	}
	return found
}

// split returns the schema files of an archive, and what they should become.
func split(ar *archive) (inputs, wants map[string]string) {
	inputs, wants = map[string]string{}, map[string]string{}
	for _, f := range ar.files {
		if name, ok := strings.CutPrefix(f.name, "want/"); ok {
			wants[name] = f.data
		} else {
			inputs[f.name] = f.data
		}
	}
	return inputs, wants
}

func TestGolden(t *testing.T) {
	for path, ar := range goldens(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			inputs, wants := split(ar)
			// An archive that has a file of tests wants them.
			tests := slices.ContainsFunc(slices.Collect(maps.Keys(wants)), func(name string) bool { return strings.HasSuffix(name, generator.TestSuffix) })
			files, err := generator.Generate(load(t, inputs), generator.Options{Tests: tests})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, f := range files {
				got[f.Name] = string(f.Content)
			}
			if *update {
				writeGolden(t, path, ar, files)
				return
			}
			if diff := cmp.Diff(wants, got); diff != "" {
				t.Errorf("run go test -update and look at the difference (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSDKs shows that the packages under version control are what the generator
// writes today.
func TestSDKs(t *testing.T) {
	roots, err := filepath.Glob("../generated/*/commands.yaml")
	if err != nil || len(roots) < 4 {
		t.Fatalf("%d SDKs: %v", len(roots), err)
	}
	for _, root := range roots {
		dir := filepath.Dir(root)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			s, err := schema.Load(os.DirFS(dir), "commands.yaml")
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			paths, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil {
				t.Fatal(err)
			}
			var opts generator.Options
			for _, p := range paths {
				name := filepath.Base(p)
				if strings.HasSuffix(name, generator.Suffix) || strings.HasSuffix(name, generator.TestSuffix) {
					content, err := os.ReadFile(p)
					if err != nil {
						t.Fatal(err)
					}
					want[name] = string(content)
					opts.Tests = opts.Tests || strings.HasSuffix(name, generator.TestSuffix)
				}
			}
			files, err := generator.Generate(s, opts)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, f := range files {
				got[f.Name] = string(f.Content)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("run make generate (-is +should be):\n%s", diff)
			}
		})
	}
}

func writeGolden(t *testing.T, path string, ar *archive, files []generator.File) {
	t.Helper()
	out := &archive{comment: ar.comment}
	for _, f := range ar.files {
		if !strings.HasPrefix(f.name, "want/") {
			out.files = append(out.files, f)
		}
	}
	for _, f := range files {
		out.files = append(out.files, archiveFile{"want/" + f.Name, string(f.Content)})
	}
	out.write(t, path)
}

// TestGoldenRuns compiles what the goldens become, and runs the tests in
// testdata/run against it: one go vet and one go test for all of them.
func TestGoldenRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	dir := newModule(t)
	for path, ar := range goldens(t) {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		inputs, _ := split(ar)
		files, err := generator.Generate(load(t, inputs), generator.Options{Tests: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			write(t, filepath.Join(dir, name, f.Name), f.Content)
		}
		tests, err := filepath.Glob(filepath.Join("testdata", "run", name, "*.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range tests {
			content, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, name, strings.TrimSuffix(filepath.Base(p), ".txt")+"_test.go"), content)
		}
	}
	goCommand(t, dir, "vet", "./...")
	goCommand(t, dir, "test", "-count=1", "./...")
}

// newModule returns the directory of a new module that uses this one.
func newModule(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(mod), "\ngo ")
	if !ok {
		t.Fatal("go.mod has no line that begins with go")
	}
	dir := t.TempDir()
	// The requirements are the same as ours, so that nothing has to be
	// resolved or downloaded.
	rest = "module example.com/goldens\n\ngo " + strings.ReplaceAll(rest, "// indirect", "")
	rest += "\nrequire github.com/ipcio/ipcio-go v0.0.0\n\nreplace github.com/ipcio/ipcio-go => " + root + "\n"
	write(t, filepath.Join(dir, "go.mod"), []byte(rest))
	write(t, filepath.Join(dir, "go.sum"), sum)
	return dir
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// goCommand runs the go command, which may use what is downloaded and no more.
func goCommand(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestContractC8Deterministic(t *testing.T) {
	runs := 100
	if testing.Short() {
		runs = 5
	}
	for path, ar := range goldens(t) {
		inputs, _ := split(ar)
		s := load(t, inputs)
		first, err := generator.Generate(s, generator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range runs {
			if i%10 == 0 {
				s = load(t, inputs)
			}
			again, err := generator.Generate(s, generator.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for j := range first {
				if len(again) != len(first) || again[j].Name != first[j].Name || !bytes.Equal(again[j].Content, first[j].Content) {
					t.Fatalf("%s: run %d differs (-first +run):\n%s", path, i, cmp.Diff(first, again))
				}
			}
		}
	}
}

// TestContractC9IsGenerated shows that tools know the files as generated ones.
func TestContractC9IsGenerated(t *testing.T) {
	for path, ar := range goldens(t) {
		inputs, _ := split(ar)
		files, err := generator.Generate(load(t, inputs), generator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), f.Name, f.Content, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if !ast.IsGenerated(parsed) || !bytes.HasPrefix(f.Content, []byte(generator.Header)) {
				t.Errorf("%s: %s does not begin as a generated file", path, f.Name)
			}
			if !fs.ValidPath(f.Name) || strings.Contains(f.Name, "/") || !strings.HasSuffix(f.Name, generator.Suffix) {
				t.Errorf("%s: the file name %q", path, f.Name)
			}
		}
	}
}

func TestOnly(t *testing.T) {
	s := load(t, map[string]string{"commands.yaml": "ipcio: 1\nprotocol: p\ncommands: {a: {}}\n"})
	for _, c := range []struct {
		only []generator.Side
		want string
	}{
		{nil, "client.ipcio.go commands.ipcio.go protocol.ipcio.go server.ipcio.go"},
		{[]generator.Side{generator.ServerSide}, "commands.ipcio.go protocol.ipcio.go server.ipcio.go"},
		{[]generator.Side{generator.ClientSide}, "client.ipcio.go commands.ipcio.go protocol.ipcio.go"},
	} {
		files, err := generator.Generate(s, generator.Options{Only: c.only})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("Only %q writes %s, want %s", c.only, got, c.want)
		}
	}
	const want = `generator: there is no side "both": use "server" or "client"`
	if _, err := generator.Generate(s, generator.Options{Only: []generator.Side{"both"}}); err == nil || err.Error() != want {
		t.Errorf("an unknown side: %v", err)
	}
}

func TestFileNames(t *testing.T) {
	for src, want := range map[string]string{
		"jobs.yaml":         "jobs.ipcio.go",
		"protocol.yaml":     "protocol_yaml.ipcio.go",
		"a\u0080\u007f.yml": "a__.ipcio.go",
		"sub/jobs.yaml":     "sub_jobs.ipcio.go",
		"client.yaml":       "client_yaml.ipcio.go",
		"server.yml":        "server_yaml.ipcio.go",
		"jobs_linux.yaml":   "jobs_linux_yaml.ipcio.go",
		"jobs_amd64.yaml":   "jobs_amd64_yaml.ipcio.go",
		"jobs_test.yaml":    "jobs_test_yaml.ipcio.go",
		"linux.yaml":        "linux.ipcio.go",
		"jobs.v2.yaml":      "jobs_v2.ipcio.go",
		"_hidden.yaml":      "hidden.ipcio.go",
		"_x.yaml":           "x.ipcio.go",
		".hidden.yaml":      "hidden.ipcio.go",
		"Aufträge 名.yaml":   "Auftr_ge__.ipcio.go",
		"../up/jobs.yaml":   "up_jobs.ipcio.go",
		"名.yaml":            "_yaml.ipcio.go",
		"a\n//go:x.yaml":    "a__go_x.ipcio.go",
		"jobs-linux.yaml":   "jobs-linux.ipcio.go",
		"jobs_linux-a.yml":  "jobs_linux-a.ipcio.go",
	} {
		s := &schema.Schema{Protocol: "p", Version: 1, Files: []string{src}}
		files, err := generator.Generate(s, generator.Options{})
		if err != nil {
			t.Errorf("%q: %v", src, err)
			continue
		}
		var got []string
		for _, f := range files {
			switch f.Name {
			case "client.ipcio.go", "server.ipcio.go", "protocol.ipcio.go":
			default:
				got = append(got, f.Name)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q is written to %q, want %s", src, got, want)
		}
	}
	s := &schema.Schema{Protocol: "p", Version: 1, Files: []string{"a_b.yaml", "a/b.yaml"}}
	const want = "generator: a_b.yaml and a/b.yaml would both be written to a_b.ipcio.go: rename one of the schema files"
	if _, err := generator.Generate(s, generator.Options{}); err == nil || err.Error() != want {
		t.Errorf("two schema files for one Go file: %v", err)
	}
}
