package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/ipcio/ipcio-go"

// root is the repository's directory, as seen from this package.
var root = filepath.Join("..", "..", "..")

// A goPackage is what these tests read of the output of go list.
type goPackage struct {
	Dir          string
	ImportPath   string
	Name         string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// rel returns the package's path below the module: "runtime/ipcio".
func (p *goPackage) rel() string { return rel(p.ImportPath) }

// rel returns the path of one of our packages below the module, or "".
func rel(path string) string {
	r, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return r
}

// ours returns every package of the module.
var ours = sync.OnceValues(func() ([]*goPackage, error) { return goList(nil, "./...") })

func ourPackages(t *testing.T) []*goPackage {
	t.Helper()
	pkgs, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// goList runs go list -json with args in the repository, env added to the
// environment.
func goList(env []string, args ...string) ([]*goPackage, error) {
	fields := "-json=Dir,ImportPath,Name,Standard,Imports,TestImports,XTestImports"
	out, err := run(env, "go", append([]string{"list", fields}, args...)...)
	if err != nil {
		return nil, err
	}
	var pkgs []*goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(goPackage)
		err := dec.Decode(p)
		if err == io.EOF {
			return pkgs, nil
		}
		if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
}

// run runs a command in the repository and returns its standard output.
func run(env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, errors.New(cmd.String() + ": " + err.Error() + "\n" + string(e.Stderr))
	}
	return out, err
}

// projectFiles returns the files of the repository, slash-separated and
// sorted: what git has or would take, or every file where there is no
// checkout, as in a module that was downloaded.
func projectFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		out, err := run(nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
		if err != nil {
			t.Fatal(err)
		}
		for f := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
			// The index still has what was deleted and not yet committed.
			if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(f))); err == nil {
				files = append(files, f)
			}
		}
	} else {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			f, err := filepath.Rel(root, path)
			files = append(files, filepath.ToSlash(f))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) == 0 {
		t.Fatal("no files found")
	}
	slices.Sort(files)
	return files
}

// read returns the content of a file of the repository.
func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
