package rules

import (
	"go/parser"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers says what of this module each package may import: imports run one
// way. A pattern ends in "/..." to match a package and all below it. The first
// row that matches a package counts.
var layers = []struct {
	pkg string
	may []string
}{
	{"schema", nil},
	{"schema/...", []string{"schema"}},                 // what tests need of a schema
	{"generator", []string{"schema", "runtime/codec"}}, // for the bytes that it writes as constants
	{"generator/cmd/...", []string{"generator", "generator/docs", "generator/export", "schema"}},
	{"generator/...", []string{"schema"}},

	{"runtime/codec", nil},
	{"runtime/codec/...", []string{"runtime/codec"}},                                  // what generated tests call
	{"runtime/internal/storm/...", []string{"runtime/internal/...", "runtime/ipcio"}}, // it plays the programs of users
	{"runtime/internal/...", []string{"runtime/internal/...", "runtime/codec"}},
	{"runtime/ipcio", []string{"runtime/internal/...", "runtime/codec"}},
	{"runtime/ipciotest", []string{"runtime/ipcio", "runtime/internal/poison"}},
	{"runtime/outbox", []string{"runtime/ipcio"}},

	{"generated/...", []string{"runtime/ipcio", "runtime/codec/..."}},
	{"examples/...", []string{"runtime/ipcio", "generated/...", "examples/internal/..."}},
}

func matches(pattern, pkg string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
	}
	return pattern == pkg
}

func TestImportsRunOneWay(t *testing.T) {
	used := make([]bool, len(layers))
	for _, p := range ourPackages(t) {
		i := -1
		for j, l := range layers {
			if matches(l.pkg, p.rel()) {
				i = j
				break
			}
		}
		if i < 0 {
			t.Errorf("%s: no row in layers says what it may import: add one", p.rel())
			continue
		}
		used[i] = true
		for _, imp := range p.Imports {
			if r := rel(imp); r != "" && !slices.ContainsFunc(layers[i].may, func(pat string) bool { return matches(pat, r) }) {
				t.Errorf("%s imports %s: it may import only %v of this module", p.rel(), r, layers[i].may)
			}
		}
	}
	for i, ok := range used {
		if !ok {
			t.Errorf("the row %q of layers matches no package: remove it", layers[i].pkg)
		}
	}
}

// The runtime must build and pass its tests where the generator does not.
func TestRuntimeTestsDoNotNeedTheGenerator(t *testing.T) {
	for _, p := range ourPackages(t) {
		if !strings.HasPrefix(p.rel(), "runtime/") {
			continue
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if r := rel(imp); matches("schema", r) || matches("generator/...", r) {
				t.Errorf("a test of %s imports %s: prove it where the generator is tested", p.rel(), r)
			}
		}
	}
}

// linked are the packages that a user's program links: what its own code
// imports. A program that does not use an outbox does not link one.
var linked = append([]string{"./runtime/outbox"}, linkedByAll...)

var linkedByAll = []string{"./runtime/ipcio", "./runtime/codec", "./generated/..."}

// systems are the systems that a program can be built for. What is linked may
// differ, so every rule about it is checked on each.
var systems = []string{"linux", "darwin", "freebsd", "windows"}

// thirdParty are the modules that a user's program may link beside the
// standard library.
var thirdParty = []struct{ path, reason string }{
	{"github.com/fxamacker/cbor/v2", "dynamic values and diagnostics"},
	{"github.com/x448/float16", "fxamacker/cbor needs it"},
	{"golang.org/x/sys", "peer credentials and socket options that package syscall does not have"},
}

func TestLinkedModules(t *testing.T) {
	used := make([]bool, len(thirdParty))
	for _, system := range systems {
		for _, p := range linkedPackages(t, system) {
			if p.Standard || rel(p.ImportPath) != "" {
				continue
			}
			i := slices.IndexFunc(thirdParty, func(m struct{ path, reason string }) bool {
				return matches(m.path+"/...", p.ImportPath)
			})
			if i < 0 {
				t.Errorf("on %s a program that uses ipcio links %s: only the standard library and the modules of thirdParty are allowed", system, p.ImportPath)
				continue
			}
			used[i] = true
		}
	}
	for i, ok := range used {
		if !ok {
			t.Errorf("%s (%s) is linked nowhere: remove it from thirdParty", thirdParty[i].path, thirdParty[i].reason)
		}
	}
}

// banned are packages that a user's program must not link, not even by way of
// another package.
var banned = []struct{ path, reason string }{
	{"net/http", "megabytes, and an import that registers nothing but is expected to serve something"},
	{"crypto/tls", "the socket is local and the kernel says who is there"},
	{"os/exec", "a library starts no processes"},
	{"testing", "it registers flags; helpers for tests belong in a package of their own"},
	{"flag", "flags are the program's"},
	{"expvar", "it publishes on the default HTTP server"},
	{"plugin", "it makes the linker keep everything"},
	{"github.com/dave/jennifer/jen", "only the generator writes Go"},
	{"gopkg.in/yaml.v3", "only the schema loader reads YAML"},
	{"github.com/spf13/cobra", "only commands have command lines"},
	{"github.com/google/go-cmp/cmp", "only tests compare; it may panic"},
}

func TestBannedPackagesAreNotLinked(t *testing.T) {
	for _, b := range banned {
		if _, err := goList(nil, "-deps=false", b.path); err != nil {
			t.Errorf("the ban on %s forbids nothing, as there is no such package: %v", b.path, err)
		}
	}
	for _, system := range systems {
		pkgs := linkedPackages(t, system)
		for _, b := range banned {
			i := slices.IndexFunc(pkgs, func(p *goPackage) bool { return p.ImportPath == b.path })
			if i < 0 {
				continue
			}
			var by []string
			for _, p := range pkgs {
				if slices.Contains(p.Imports, b.path) {
					by = append(by, p.ImportPath)
				}
			}
			t.Errorf("on %s a program that uses ipcio links %s: %s; imported by %v", system, b.path, b.reason, by)
		}
	}
}

// linkedPackages returns all packages that linked ones depend on, and
// themselves.
func linkedPackages(t *testing.T, system string) []*goPackage {
	t.Helper()
	pkgs, err := goList([]string{"GOOS=" + system, "CGO_ENABLED=0"}, append([]string{"-deps"}, linked...)...)
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// What writes files is linked by those who ask for it.
func TestOutboxIsLinkedOnlyByThoseWhoUseIt(t *testing.T) {
	for _, system := range systems {
		pkgs, err := goList([]string{"GOOS=" + system, "CGO_ENABLED=0"}, append([]string{"-deps"}, linkedByAll...)...)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(pkgs, func(p *goPackage) bool { return p.rel() == "runtime/outbox" }) {
			t.Errorf("on %s every program that uses ipcio links runtime/outbox", system)
		}
	}
}

// owners says which packages may name a third-party module at all, so that it
// can be replaced in one place. tests says whether tests may as well.
var owners = []struct {
	path  string
	may   []string
	tests bool
}{
	{"gopkg.in/yaml.v3", []string{"schema"}, false},
	{"github.com/dave/jennifer", []string{"generator"}, false},
	{"github.com/spf13/cobra", []string{"generator/cmd/..."}, false},
	{"github.com/fxamacker/cbor/v2", []string{"runtime/ipcio", "runtime/internal/wire"}, true},
	{"golang.org/x/sys", []string{"runtime/internal/sock"}, true},
}

// The imports are read from the files, because what go list says is true of
// one system.
func TestThirdPartyModulesHaveOwners(t *testing.T) {
	named := make([]bool, len(owners))
	for _, file := range goFiles(t) {
		test := strings.HasSuffix(file, "_test.go")
		for _, spec := range parse(t, file, parser.ImportsOnly).Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range owners {
				if !matches(o.path+"/...", imp) || test && o.tests {
					continue
				}
				named[i] = true
				if !slices.ContainsFunc(o.may, func(pat string) bool { return matches(pat, path.Dir(file)) }) {
					t.Errorf("%s imports %s: only %v may", file, imp, o.may)
				}
			}
		}
	}
	for i, ok := range named {
		if !ok {
			t.Errorf("no file imports %s: remove its row from owners", owners[i].path)
		}
	}
}
