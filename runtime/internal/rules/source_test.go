package rules

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goFiles returns the Go files of the repository that are compiled: those of
// testdata are not, and runtime/bench is a module of its own.
func goFiles(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(projectFiles(t), func(f string) bool {
		return path.Ext(f) != ".go" || slices.Contains(strings.Split(f, "/"), "testdata") || strings.HasPrefix(f, "runtime/bench/")
	})
}

func parse(t *testing.T, file string, mode parser.Mode) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, read(t, file), mode)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEveryPackageHasOnePackageDoc(t *testing.T) {
	type pkg struct {
		name string
		docs []string // the files that have one
	}
	pkgs := map[string]*pkg{} // by directory
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f := parse(t, file, parser.PackageClauseOnly|parser.ParseComments)
		p := pkgs[path.Dir(file)]
		if p == nil {
			p = &pkg{name: f.Name.Name}
			pkgs[path.Dir(file)] = p
		}
		if f.Doc == nil {
			continue
		}
		p.docs = append(p.docs, path.Base(file))
		want := "Package " + p.name + " "
		if p.name == "main" {
			want = "Command " + path.Base(path.Dir(file)) + " "
		}
		if got := f.Doc.Text(); !strings.HasPrefix(strings.ReplaceAll(got, "\n", " "), want) {
			t.Errorf("%s: the package doc must begin with %q", file, want)
		}
	}
	for dir, p := range pkgs {
		if len(p.docs) != 1 {
			t.Errorf("%s: %d files have a package doc %q, want exactly one", dir, len(p.docs), p.docs)
		}
	}
}

// The YAML module is archived; one file to change is all that a move to
// another must cost.
func TestOneFileReadsYAML(t *testing.T) {
	var got []string
	for _, file := range goFiles(t) {
		for _, imp := range parse(t, file, parser.ImportsOnly).Imports {
			if p, err := strconv.Unquote(imp.Path.Value); err == nil && strings.Contains(p, "yaml") {
				got = append(got, file+" imports "+p)
			}
		}
	}
	if want := []string{"schema/parse.go imports gopkg.in/yaml.v3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The functions of jennifer that can turn text of a schema into live Go, or
// that reorder it, are called in one file, which makes that text safe.
func TestOneFileGuardsJennifer(t *testing.T) {
	const guard = "generator/file.go"
	guarded := []string{"Comment", "Commentf", "Dict", "DictFunc", "HeaderComment", "ImportAlias", "ImportName",
		"ImportNames", "NewFile", "NewFilePath", "NewFilePathName", "PackageComment", "Save"}
	called := map[string]bool{}
	for _, file := range goFiles(t) {
		if path.Dir(file) != "generator" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		f := parse(t, file, parser.SkipObjectResolution)
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(guarded, sel.Sel.Name) {
				return true
			}
			name := sel.Sel.Name
			called[name] = true
			if file != guard {
				t.Errorf("%s calls %s: only %s may, which makes the text of schemas safe", file, name, guard)
			}
			return true
		})
	}
	for _, name := range []string{"Comment", "HeaderComment", "ImportName", "NewFile"} {
		if !called[name] {
			t.Errorf("%s no longer calls %s: this rule watches the wrong functions", guard, name)
		}
	}
}

func TestNoGoFileInRuntimeItself(t *testing.T) {
	below := false
	for _, file := range goFiles(t) {
		if path.Dir(file) == "runtime" {
			t.Errorf("%s: the packages of the runtime are directories below it", file)
		}
		below = below || strings.HasPrefix(file, "runtime/")
	}
	if !below {
		t.Error("runtime/ has no Go files")
	}
}

// topLevel is the house. Each has its place in CONTRIBUTING.md.
var topLevel = []string{
	".ci", ".gitignore", ".golangci.yml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
	"SECURITY.md", "examples", "generated", "generator", "go.mod", "go.sum", "runtime", "schema",
}

func TestTopLevel(t *testing.T) {
	var got []string
	for _, file := range projectFiles(t) {
		top, _, _ := strings.Cut(file, "/")
		if !slices.Contains(got, top) {
			got = append(got, top)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, topLevel) {
		t.Errorf("the top level has\n%q, want\n%q", got, topLevel)
	}
}

// A path of the machine on which somebody worked means nothing anywhere else.
func TestNoMachinePaths(t *testing.T) {
	paths := []string{"/" + "work/", "/" + "root/", "/" + "tmp/bash_jobs", "/" + "tmp/brief"}
	for _, file := range projectFiles(t) {
		b := read(t, file)
		for i, line := range bytes.Split(b, []byte("\n")) {
			for _, p := range paths {
				if at := bytes.Index(line, []byte(p)); at == 0 || at > 0 && !wordByte(line[at-1]) {
					t.Errorf("%s:%d: a machine's path, %s", file, i+1, p)
				}
			}
		}
	}
}

// wordByte reports whether c, before a slash, makes it part of a longer path,
// as in example.com/work/.
func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '_' || c == '-'
}

// A replace directive works only for those who build here.
func TestGoModReplacesNothing(t *testing.T) {
	for i, line := range strings.Split(string(read(t, "go.mod")), "\n") {
		if f := strings.Fields(line); len(f) > 0 && f[0] == "replace" {
			t.Errorf("go.mod:%d: %s", i+1, line)
		}
	}
}
