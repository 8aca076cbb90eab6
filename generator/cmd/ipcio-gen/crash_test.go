package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/longtest"
)

var crashKills = flag.Int("crash.kills", 15, "how often the program is killed while it generates")

// What holds when generate ends in the middle, whatever ends it: each generated
// file is the old one or the new one, whole, or it is missing where one of the
// two sets does not have it. verify tells a mixed set from a whole one, and the
// next generate completes it. No other file is touched. The set as a whole is
// not replaced in one step: file systems have no such thing for the files of a
// directory that others live in.

// crashSchemas are two versions of a schema: files change, one comes and one
// goes.
var crashSchemas = [2]map[string]string{
	{
		"commands.yaml": "ipcio: 1\nprotocol: jobs\ninclude: [more.yaml]\ncommands:\n  job.start: {payload: {id: uuid}}\n",
		"more.yaml":     "ipcio: 1\ntypes: {A: string}\n", "other.yaml": "ipcio: 1\ntypes: {B: {type: string, len: 1..3}}\n",
	},
	{
		"commands.yaml": "ipcio: 1\nprotocol: jobs\ninclude: [other.yaml]\ncommands:\n  job.stop: {payload: {id: uuid}, reply: {}}\n",
		"more.yaml":     "ipcio: 1\ntypes: {A: string}\n", "other.yaml": "ipcio: 1\ntypes: {B: {type: string, len: 1..3}}\n",
	},
}

// foreign are files that are not the generator's.
var foreign = map[string]string{
	"mine.go": "package jobs\n", "ipcio.go": "package jobs\n", ".ipcio-gen-notes": "mine", "sub/deep.ipcio.go": "package sub\n",
}

// crashSets returns what the two versions become.
func crashSets(t *testing.T) (sets [2][]generator.File) {
	t.Helper()
	for i, files := range crashSchemas {
		fsys := fstest.MapFS{}
		for name, content := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(content)}
		}
		s, err := schema.Load(fsys, "commands.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if sets[i], err = generator.Generate(s, generator.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	return sets
}

// inspect checks a directory after a crash on the way from one set to another,
// and reports whether it holds files of both.
func inspect(t *testing.T, from, to []generator.File) (mixed bool) {
	t.Helper()
	content := func(set []generator.File, name string) string {
		for _, f := range set {
			if f.Name == name {
				return string(f.Content)
			}
		}
		return ""
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), generator.Suffix) && !isTemporary(e.Name()) {
			found[e.Name()] = read(t, e.Name())
		}
	}
	old, fresh := 0, 0
	for _, set := range [][]generator.File{from, to} {
		for _, f := range set {
			before, after := content(from, f.Name), content(to, f.Name)
			got := found[f.Name]
			if got != before && got != after {
				t.Errorf("%s is neither the old file nor the new one: %d bytes", f.Name, len(got))
			}
			if before != after {
				old += b2i(got == before)
				fresh += b2i(got == after)
			}
			defer delete(found, f.Name)
		}
	}
	for name := range found {
		if content(from, name) == "" && content(to, name) == "" {
			t.Errorf("there is %s", name)
		}
	}
	for name, want := range foreign {
		if got := read(t, filepath.FromSlash(name)); got != want {
			t.Errorf("%s is %q now", name, got)
		}
	}
	return old > 0 && fresh > 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// errCrash stands for the end of the program: nothing of it runs any more.
var errCrash = errors.New("the program ends here")

// TestCrashAtEveryOperation ends generate before each operation that changes
// the directory, once as if the program was killed and once with an error of
// the file system.
func TestCrashAtEveryOperation(t *testing.T) {
	sets := crashSets(t)
	from, to := sets[0], sets[1]
	mixed, points := 0, 0
	for _, killed := range []bool{true, false} {
		for stop := 0; ; stop++ {
			inDir(t, foreign)
			apply := func(files []generator.File, before func(string, string) error) (err error) {
				d, err := openDir(".")
				if err != nil {
					t.Fatal(err)
				}
				defer d.close()
				d.before = before
				defer func() {
					if r := recover(); r == errCrash {
						err = errCrash
					} else if r != nil {
						panic(r)
					}
				}()
				p, err := d.compare(files)
				if err != nil {
					return err
				}
				return d.apply(p)
			}
			if err := apply(from, nil); err != nil {
				t.Fatal(err)
			}
			operations, at := 0, ""
			err := apply(to, func(operation, name string) error {
				if operations++; operations <= stop {
					return nil
				}
				at = operation + " " + strings.TrimPrefix(name, tempPrefix)
				if killed {
					panic(errCrash)
				}
				return errCrash
			})
			if err == nil {
				if operations != stop {
					t.Fatalf("%d operations, and nothing ended before number %d", operations, stop)
				}
				break
			}
			points++
			if !errors.Is(err, errCrash) {
				t.Errorf("before %s: %v", at, err)
			}
			mixed += b2i(inspect(t, from, to))
			if !killed {
				noTemporaryFiles(t)
			}
			// The next run completes it.
			if err := apply(to, nil); err != nil {
				t.Errorf("killed %v before %s, the next run: %v", killed, at, err)
			}
			d, err := openDir(".")
			if err != nil {
				t.Fatal(err)
			}
			if p, err := d.compare(to); err != nil || !p.empty() {
				t.Errorf("killed %v before %s, after the next run: %v %s", killed, at, err, p.summary())
			}
			d.close()
		}
	}
	if points < 30 || mixed == 0 {
		t.Errorf("it ended at %d places, %d times with a mixed set", points, mixed)
	}
}

// noTemporaryFiles checks that an error leaves nothing behind.
func noTemporaryFiles(t *testing.T) {
	t.Helper()
	names, err := fs.Glob(os.DirFS("."), tempPrefix+"*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := foreign[name]; !ok {
			t.Errorf("%s is left behind", name)
		}
	}
}

// TestSameProcessNumber shows that the temporary file of a killed run does not
// stop the next one, even if both have the same number, as the processes of a
// container have.
func TestSameProcessNumber(t *testing.T) {
	inDir(t, map[string]string{"commands.yaml": minimal, fmt.Sprintf("%s%d-server.ipcio.go", tempPrefix, os.Getpid()): "half"})
	gen(t, 0, "", "", "generate")
	gen(t, 0, "", "", "verify")
}

// TestKilled kills the program at random moments of generate.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	name := "ipcio-gen"
	if os.PathSeparator == '\\' {
		name += ".exe"
	}
	bin := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sets := crashSets(t)
	inDir(t, foreign)
	generate := func(version int) *exec.Cmd {
		for name, content := range crashSchemas[version] {
			write(t, name, content)
		}
		return exec.Command(bin, "generate")
	}
	start := time.Now()
	if out, err := generate(0).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	full := time.Since(start) // how long a run takes here, more or less
	rng := rand.New(rand.NewPCG(1, 2))
	run := longtest.Begin(t, 0)
	killed := 0
	for i := 0; killed < *crashKills; i++ {
		if i > 10**crashKills {
			t.Fatalf("%d of %d runs were killed before they were done", killed, i)
		}
		from, to := i%2, 1-i%2
		cmd := generate(to)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rng.Int64N(int64(full))), func() { _ = cmd.Process.Kill() })
		ended := cmd.Wait()
		timer.Stop()
		run.Add("kills", b2i(ended != nil))
		run.Add("completed-before", b2i(ended == nil))
		run.Add("mixed-sets", b2i(inspect(t, sets[from], sets[to])))
		killed += b2i(ended != nil)
		if out, err := generate(to).CombinedOutput(); err != nil {
			t.Fatalf("kill %d: the next run: %v\n%s", i, err, out)
		}
		if out, err := exec.Command(bin, "verify").CombinedOutput(); err != nil {
			t.Fatalf("kill %d: after the next run: %v\n%s", i, err, out)
		}
	}
	// What it left behind goes when it is old enough.
	left, err := filepath.Glob(tempPrefix + "*" + generator.Suffix)
	if err != nil {
		t.Fatal(err)
	}
	run.Add("temporary-files", len(left))
	old := time.Now().Add(-staleAge)
	for _, name := range left {
		if err := os.Chtimes(name, time.Time{}, old); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(bin, "generate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	noTemporaryFiles(t)
}
