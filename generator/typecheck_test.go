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
	"time"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

// A typeChecker checks generated packages as the compiler does, without one. It
// may be used concurrently.
type typeChecker struct {
	fset *token.FileSet
	mu   sync.Mutex // guards imports
	// imports reads what the go command compiled of the packages that generated
	// code imports.
	imports types.Importer
}

// newTypeChecker returns a typeChecker, which has what generated code imports
// compiled first.
func newTypeChecker(t testing.TB) *typeChecker {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}",
		"github.com/ipcio/ipcio-go/runtime/ipcio", "github.com/ipcio/ipcio-go/runtime/codec/codectest", "context", "errors", "os", "testing", "time")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compiled := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		compiled[path] = file
	}
	c := &typeChecker{fset: token.NewFileSet()}
	c.imports = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		file := compiled[path]
		if file == "" {
			return nil, fmt.Errorf("%s is not among the packages that generated code imports", path)
		}
		return os.Open(file)
	})
	return c
}

// Import implements types.Importer.
func (c *typeChecker) Import(path string) (*types.Package, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.imports.Import(path)
}

// check returns what the compiler would say of a package: at most 10 errors.
func (c *typeChecker) check(files []generator.File) (*types.Package, error) {
	var parsed []*ast.File
	for _, f := range files {
		file, err := parser.ParseFile(c.fset, f.Name, f.Content, parser.SkipObjectResolution)
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
	pkg, err := config.Check("example.com/checked", c.fset, parsed, nil)
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
// becomes Go without an error.
func TestRandomSchemasTypeCheck(t *testing.T) {
	n := *typecheckSchemas
	if testing.Short() {
		n /= 20
	}
	checker := newTypeChecker(t)
	var (
		wg                                      sync.WaitGroup
		next, done, refused, failed, size, decl atomic.Int64
	)
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			// What was parsed stays in a FileSet, so it is not kept forever.
			checker := checker.fresh()
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() < 10; i = next.Add(1) - 1 {
				if *typecheckTime > 0 && time.Since(start) > *typecheckTime {
					return
				}
				seed := *typecheckSeed + uint64(i)
				files, err := randomPackage(seed)
				if isFindings(err) {
					refused.Add(1) // an enum Job2 with the value 3 meets a type Job23, now and then
					continue
				}
				var pkg *types.Package
				if err == nil {
					pkg, err = checker.check(files)
				}
				if err != nil {
					failed.Add(1)
					t.Errorf("-typecheck.seed=%d -typecheck.schemas=1: %v", seed, err)
					t.Logf("ledger: failure=%q", fmt.Sprintf("seed %d: %v", seed, err))
					continue
				}
				done.Add(1)
				decl.Add(int64(pkg.Scope().Len()))
				for _, f := range files {
					size.Add(int64(bytes.Count(f.Content, []byte("\n"))))
				}
			}
		})
	}
	wg.Wait()
	t.Logf("ledger: schemas=%d lines=%d declarations=%d refused-for-their-names=%d seed=%q",
		done.Load(), size.Load(), decl.Load(), refused.Load(), fmt.Sprint("from ", *typecheckSeed))
	if refused.Load() > done.Load()/5 {
		t.Errorf("the names of %d in %d schemas meet", refused.Load(), next.Load())
	}
}

// fresh returns a typeChecker with a FileSet of its own.
func (c *typeChecker) fresh() *typeChecker {
	return &typeChecker{fset: token.NewFileSet(), imports: c}
}

func randomPackage(seed uint64) ([]generator.File, error) {
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: schematest.Random(seed, schematest.Options{})}}, "commands.yaml")
	if err != nil {
		return nil, fmt.Errorf("the schema: %v", err) // not one that the generator refuses
	}
	return generator.Generate(s, generator.Options{Tests: seed%50 == 0})
}
