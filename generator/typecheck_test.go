package generator_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/longtest"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

// A typeChecker checks generated packages as the compiler does, without one. It
// may be used concurrently.
type typeChecker struct {
	mu sync.Mutex // guards imports
	// imports reads what the go command compiled of the packages that generated
	// code imports.
	imports types.Importer
}

// newTypeChecker returns the typeChecker of all tests, which has what generated
// code imports compiled first.
func newTypeChecker(t testing.TB) *typeChecker {
	t.Helper()
	c, err := theTypeChecker()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var theTypeChecker = sync.OnceValues(func() (*typeChecker, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}",
		"github.com/ipcio/ipcio-go/runtime/ipcio", "github.com/ipcio/ipcio-go/runtime/codec/codectest", "context", "errors", "os", "testing", "time")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	compiled := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		compiled[path] = file
	}
	c := &typeChecker{}
	c.imports = importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		file := compiled[path]
		if file == "" {
			return nil, fmt.Errorf("%s is not among the packages that generated code imports", path)
		}
		return os.Open(file)
	})
	return c, nil
})

// Import implements types.Importer.
func (c *typeChecker) Import(path string) (*types.Package, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.imports.Import(path)
}

// check returns what the compiler would say of a package: at most 10 errors.
func (c *typeChecker) check(files []generator.File) (*types.Package, error) {
	fset := token.NewFileSet() // what was parsed stays in one
	var parsed []*ast.File
	for _, f := range files {
		file, err := parser.ParseFile(fset, f.Name, f.Content, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, file)
	}
	var found []error
	config := types.Config{Importer: c, Error: func(err error) {
		if len(found) < 10 {
			found = append(found, err)
		}
	}}
	pkg, err := config.Check("example.com/checked", fset, parsed, nil)
	// The compiler refuses what is not used; the checker says so as well.
	if len(found) > 0 {
		return pkg, errors.Join(found...)
	}
	return pkg, err
}

var (
	typecheckSchemas = flag.Int("typecheck.schemas", 1000, "random schemas whose Go is checked")
	typecheckSeed    = flag.Uint64("typecheck.seed", 1, "the first seed")
	typecheckTime    = flag.Duration("typecheck.time", 0, "begin no further schema after this time; 0 means no limit")
)

// TestRandomSchemasTypeCheck shows that whatever passes the checks of a schema
// becomes Go without an error, and that what schematest writes passes them.
func TestRandomSchemasTypeCheck(t *testing.T) {
	n := *typecheckSchemas
	if testing.Short() {
		n /= 20
	}
	checker := newTypeChecker(t)
	run := longtest.Begin(t, *typecheckTime)
	run.Note("seed", fmt.Sprint("from ", *typecheckSeed))
	var (
		wg           sync.WaitGroup
		next, failed atomic.Int64
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() < 10 && !run.Over(); i = next.Add(1) - 1 {
				seed := *typecheckSeed + uint64(i)
				files, err := randomPackage(seed)
				var pkg *types.Package
				if err == nil {
					pkg, err = checker.check(files)
				}
				if err != nil {
					failed.Add(1)
					run.Fail(fmt.Sprintf("-typecheck.seed=%d -typecheck.schemas=1", seed), err)
					continue
				}
				run.Add("schemas", 1)
				run.Add("declarations", pkg.Scope().Len())
				for _, f := range files {
					run.Add("lines", bytes.Count(f.Content, []byte("\n")))
				}
			}
		})
	}
	wg.Wait()
}

// randomPackage returns what a random schema becomes, of every 50th with tests.
func randomPackage(seed uint64) ([]generator.File, error) {
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: schematest.Random(seed, schematest.Options{})}}, "commands.yaml")
	if err != nil {
		return nil, err
	}
	return generator.Generate(s, generator.Options{Tests: seed%50 == 0})
}
