package generator_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
)

// The standard schema has n calls whose payloads and replies have 6 fields
// each, so that it has 2 n payloads. Files of a schema have a size limit, so
// that there is one for each 1,000 calls.
func standardSchema(n int) map[string]string {
	const fields = "{a: string, b: int64, c: list<string>, d: opt<timestamp>, e: uuid, f: bool}"
	const perFile = 1000
	files := map[string]string{}
	root := "ipcio: 1\nprotocol: large\n"
	var includes []string
	for first := 0; first < n; first += perFile {
		var b strings.Builder
		b.WriteString("commands:\n")
		for i := first; i < min(first+perFile, n); i++ {
			name := strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%05d", i))
			fmt.Fprintf(&b, "  c.%s:\n    payload: %s\n    reply: %s\n", name, fields, fields)
		}
		if n <= perFile {
			root += b.String()
			break
		}
		file := fmt.Sprintf("part%d.yaml", first/perFile)
		files[file] = "ipcio: 1\n" + b.String()
		includes = append(includes, file)
	}
	if includes != nil {
		root += "include: [" + strings.Join(includes, ", ") + "]\n"
	}
	files["commands.yaml"] = root
	return files
}

func generateStandard(t testing.TB, n int) []generator.File {
	t.Helper()
	files, err := generator.Generate(load(t, standardSchema(n)), generator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestBudgetOfCode counts what the compiler has to read for a payload, with
// its part of the methods of both sides.
func TestBudgetOfCode(t *testing.T) {
	const calls = 200
	lines, functions := 0, 0
	for _, f := range generateStandard(t, calls) {
		lines += bytes.Count(f.Content, []byte("\n"))
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name, f.Content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.FuncDecl, *ast.FuncLit:
				functions++
			}
			return true
		})
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", f.Name)
			}
		}
	}
	if got, most := lines/(2*calls), 60; got > most {
		t.Errorf("%d lines for a payload, want at most %d", got, most)
	}
	// The five methods of its type, and for a call the handler, what registers
	// it, Emit and Call.
	if got, most := float64(functions)/(2*calls), 7.5; got > most {
		t.Errorf("%.2f functions for a payload, want at most %.1f", got, most)
	}
	t.Logf("%d lines and %.2f functions for a payload", lines/(2*calls), float64(functions)/(2*calls))
}

// TestPartsAreFormattedAsTheWhole shows that a file which is formatted in parts
// is what gofmt makes of the whole.
func TestPartsAreFormattedAsTheWhole(t *testing.T) {
	for _, f := range generateStandard(t, 300) {
		whole, err := format.Source(f.Content)
		if err != nil || !bytes.Equal(whole, f.Content) {
			t.Errorf("%s is not formatted: %v", f.Name, err)
		}
	}
}

// TestBudgetOfMemory shows that what generating takes grows with the schema
// and no faster.
func TestBudgetOfMemory(t *testing.T) {
	taken := func(calls int) float64 {
		s := load(t, standardSchema(calls))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := generator.Generate(s, generator.Options{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / float64(calls)
	}
	small, large := taken(50), taken(500)
	if large > 1.5*small {
		t.Errorf("a call of 500 takes %.0f bytes to generate, one of 50 takes %.0f", large, small)
	}
	// The race detector's own memory is not counted.
	if most := float64(512 << 10); large > most && !raceDetector {
		t.Errorf("a call takes %.0f bytes to generate, want at most %.0f", large, most)
	}
}

// BenchmarkBudget measures what a payload of the standard schema costs the
// compiler, in CPU time of the go command and its children, and how long
// generating takes. The package that is compiled is new each time; what it
// imports was compiled before.
func BenchmarkBudget(b *testing.B) {
	b.Run("compile", func(b *testing.B) {
		const calls = 200
		dir := newModule(b)
		files := generateStandard(b, calls)
		writePackage := func(name string, files []generator.File, salt int) {
			for _, f := range files {
				content := append(bytes.Clone(f.Content), fmt.Sprintf("\n// %d %d\n", salt, time.Now().UnixNano())...)
				write(b, filepath.Join(dir, name, f.Name), content)
			}
		}
		compile := func(name string) time.Duration {
			cmd := exec.CommandContext(b.Context(), "go", "build", "./"+name)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		// What the go command itself takes, and a package without commands, does
		// not belong to a payload.
		least := generateStandard(b, 1)
		writePackage("least", least, -1)
		compile("least")
		var cpu time.Duration
		n := 0
		for b.Loop() {
			writePackage("least", least, n)
			cpu -= compile("least")
			writePackage("large", files, n)
			cpu += compile("large")
			n++
		}
		b.ReportMetric(float64(cpu.Microseconds())/1000/float64(n*(2*calls-2)), "ms-CPU/payload")
	})
	for _, calls := range []int{1000, schema.MaxCommands} {
		b.Run(fmt.Sprintf("generate/%d", calls), func(b *testing.B) {
			source := standardSchema(calls)
			for b.Loop() {
				if _, err := generator.Generate(load(b, source), generator.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
