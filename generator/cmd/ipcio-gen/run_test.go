package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
)

const minimal = "ipcio: 1\nprotocol: jobs\ncommands:\n  job.start: {payload: {id: uuid}}\n"

// inDir makes a directory with the given files and works in it.
func inDir(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	t.Chdir(dir)
	t.Setenv("GOPACKAGE", "")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// list returns the names of the files here, sorted.
func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// gen runs the tool and checks its exit status and what it says.
func gen(t *testing.T, status int, out, errOut string, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(args, strings.NewReader(""), &stdout, &stderr)
	if got != status || !strings.Contains(stdout.String(), out) || !strings.Contains(stderr.String(), errOut) {
		t.Fatalf("ipcio-gen %s: status %d, want %d\nstdout, want %q:\n%s\nstderr, want %q:\n%s",
			strings.Join(args, " "), got, status, out, stdout.String(), errOut, stderr.String())
	}
	if status == 0 && stderr.Len() > 0 {
		t.Errorf("ipcio-gen %s: succeeds and says %s", strings.Join(args, " "), stderr.String())
	}
	if strings.Contains(stdout.String()+stderr.String(), "\x1b") {
		t.Errorf("ipcio-gen %s: colours without a terminal", strings.Join(args, " "))
	}
}

const generated = "client.ipcio.go commands.ipcio.go commands.yaml protocol.ipcio.go server.ipcio.go"

func TestGenerateAndVerify(t *testing.T) {
	inDir(t, map[string]string{"commands.yaml": minimal})
	gen(t, 1, "+++ b/client.ipcio.go", "missing: client.ipcio.go, commands.ipcio.go", "verify")
	if got := list(t, "."); got != "commands.yaml" {
		t.Fatalf("verify wrote: %s", got)
	}
	gen(t, 0, "", "", "generate")
	if got := list(t, "."); got != generated {
		t.Fatalf("generate wrote %s, want %s", got, generated)
	}
	gen(t, 0, "", "", "verify")

	// Drift in both directions.
	before := read(t, "server.ipcio.go")
	write(t, "server.ipcio.go", strings.Replace(before, "type Server struct", "type Servant struct", 1))
	gen(t, 1, "-type Servant struct{ *ipcio.Server }\n+type Server struct{ *ipcio.Server }\n", "changed: server.ipcio.go not up to date", "verify")
	gen(t, 0, "", "", "generate")
	if got := read(t, "server.ipcio.go"); got != before {
		t.Error("generate did not repair the file")
	}
	write(t, "commands.yaml", minimal+"  job.stop: {}\n")
	gen(t, 1, "+\tCommandJobStop  = \"job.stop\"", "run ipcio-gen generate", "verify")
}

// TestGenerateAgainWritesNothing shows that a second run leaves every file as it
// is, and the directory too: nothing was created in it, not even for a moment.
func TestGenerateAgainWritesNothing(t *testing.T) {
	inDir(t, map[string]string{"commands.yaml": minimal})
	gen(t, 0, "", "", "generate", "--tests")
	past := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	stat := func(name string) os.FileInfo {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	names := append(strings.Fields(list(t, ".")), ".") // the directory last
	before := map[string]os.FileInfo{}
	for _, name := range names {
		if err := os.Chtimes(name, past, past); err != nil {
			t.Fatal(err)
		}
		before[name] = stat(name)
	}
	gen(t, 0, "", "", "generate", "--tests")
	gen(t, 0, "", "", "verify", "--tests")
	for _, name := range names {
		if now := stat(name); !os.SameFile(before[name], now) || !now.ModTime().Equal(before[name].ModTime()) {
			t.Errorf("%s was written", name)
		}
	}
	if got := list(t, "."); got != strings.Join(names[:len(names)-1], " ") {
		t.Errorf("there is %s", got)
	}
}

// TestSweep shows which files of a killed run a later one removes: none that
// another run may be writing, and none that is somebody else's.
func TestSweep(t *testing.T) {
	half := generator.Header + ", half of a file"
	stays := map[string]string{
		tempPrefix + "AAAA-young.ipcio.go":   half,
		tempPrefix + "AAAA-foreign.ipcio.go": "package mine\n",
		tempPrefix + "AAAA-commands.yaml":    "ipcio: 1\n",
		tempPrefix + "notes":                 generator.Header,
	}
	files := map[string]string{
		"commands.yaml":                            minimal,
		tempPrefix + "AAAA-half.ipcio.go":          half,
		tempPrefix + "AAAA-empty.ipcio.go":         "",
		tempPrefix + "AAAA-begun.ipcio.go":         generator.Header[:5],
		tempPrefix + "AAAA-commands_ipcio_test.go": half,
	}
	maps.Copy(files, stays)
	inDir(t, files)
	for name := range files {
		age := staleAge + time.Minute
		if strings.Contains(name, "young") {
			age = staleAge - time.Minute
		}
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	gen(t, 1, "", "", "verify") // writes nothing
	if got := len(strings.Fields(list(t, "."))); got != len(files) {
		t.Errorf("verify left %d of %d files", got, len(files))
	}
	gen(t, 0, "", "", "generate")
	want := append(slices.Collect(maps.Keys(stays)), strings.Fields(generated)...)
	slices.Sort(want)
	if got := list(t, "."); got != strings.Join(want, " ") {
		t.Errorf("there is %s\nwant %s", got, strings.Join(want, " "))
	}
}

func TestStaleFiles(t *testing.T) {
	inDir(t, map[string]string{
		"commands.yaml": minimal + "include: [more.yaml]\n", "more.yaml": "ipcio: 1\ntypes: {A: string}\n",
		"mine.go": "package jobs\n", "sub/deep.ipcio.go": "package sub\n",
	})
	gen(t, 0, "", "", "generate")
	if !strings.Contains(list(t, "."), "more.ipcio.go") {
		t.Fatalf("there is no more.ipcio.go: %s", list(t, "."))
	}
	write(t, "commands.yaml", minimal)
	gen(t, 1, "+++ /dev/null", "not needed any more: more.ipcio.go", "verify")
	gen(t, 0, "", "", "generate")
	if got := list(t, "."); got != "client.ipcio.go commands.ipcio.go commands.yaml mine.go more.yaml protocol.ipcio.go server.ipcio.go sub" {
		t.Errorf("after more.yaml is not included any more: %s", got)
	}
	if got := list(t, "sub"); got != "deep.ipcio.go" {
		t.Errorf("a folder below was touched: %s", got)
	}
	gen(t, 0, "", "", "generate", "--only", "server")
	if strings.Contains(list(t, "."), "client.ipcio.go") {
		t.Error("client.ipcio.go is still there after --only server")
	}
	gen(t, 0, "", "", "verify", "--only", "server")
}

func TestForeignFiles(t *testing.T) {
	inDir(t, map[string]string{"commands.yaml": minimal, "old.ipcio.go": "package jobs\n"})
	for _, command := range []string{"generate", "verify"} {
		gen(t, 3, "", "old.ipcio.go was not written by ipcio-gen", command)
	}
	if got := list(t, "."); got != "commands.yaml old.ipcio.go" {
		t.Errorf("something was written: %s", got)
	}
	// A link, even to a file that we wrote, is not ours to follow.
	for name, target := range map[string]string{"outside": "../outside.go", "nowhere": "/nonexistent/x", "inside": "other.go"} {
		t.Run(name, func(t *testing.T) {
			inDir(t, map[string]string{"jobs/commands.yaml": minimal, "outside.go": "package outside\n", "jobs/other.go": "package jobs\n"})
			if err := os.Symlink(target, "jobs/server.ipcio.go"); err != nil {
				t.Fatal(err)
			}
			gen(t, 3, "", "server.ipcio.go is no regular file", "generate", "-f", "jobs/commands.yaml", "-o", "jobs")
			if read(t, "outside.go") != "package outside\n" || read(t, "jobs/other.go") != "package jobs\n" {
				t.Error("the target of the link was written to")
			}
		})
	}
}

func TestSchemaErrors(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown type": {minimal + "  job.stop: {payload: {id: uid}}\n", "commands.yaml:5:28: error[E0201]"},
		"names meet":   {minimal + "  job_start: {}\n", "error[E0501]"},
		"syntax":       {"ipcio: 1\nprotocol: [\n", "error[E0012]"},
	} {
		t.Run(name, func(t *testing.T) {
			inDir(t, map[string]string{"commands.yaml": c.yaml, "server.ipcio.go": "// Code generated by ipcio-gen from commands.yaml; DO NOT EDIT.\n"})
			before := list(t, ".")
			for _, command := range []string{"check", "generate", "verify"} {
				gen(t, 1, "", c.want, command)
			}
			if got := list(t, "."); got != before {
				t.Errorf("with errors in the schema there is %s, before %s", got, before)
			}
		})
	}
	inDir(t, map[string]string{"commands.yaml": minimal})
	gen(t, 0, "", "", "check")
}

func TestUsage(t *testing.T) {
	inDir(t, map[string]string{"commands.yaml": minimal})
	for _, args := range [][]string{
		{}, {"generat"}, {"generate", "x"}, {"generate", "--nope"}, {"generate", "--only", "both"}, {"check", "-f"}, {"explain"}, {"explain", "E9999"},
	} {
		gen(t, 2, "", "ipcio-gen: ", args...)
	}
	gen(t, 3, "", "name the schema file with -f, or begin one with ipcio-gen init", "check", "-f", "absent.yaml")
	gen(t, 3, "", "cannot open the output directory", "generate", "-o", "absent")
	gen(t, 3, "", "cannot open the output directory", "generate", "-o", "commands.yaml")
	gen(t, 0, "ipcio-gen ", "", "--version")
	gen(t, 0, "E0501: two commands become one Go name", "", "explain", "e0501")
	gen(t, 0, "generate", "", "--help")
	gen(t, 0, "bash completion", "", "completion", "bash")
	if got := list(t, "."); got != "commands.yaml" {
		t.Errorf("something was written: %s", got)
	}
}

func TestPackageMismatch(t *testing.T) {
	inDir(t, map[string]string{"commands.yaml": minimal})
	t.Setenv("GOPACKAGE", "other")
	t.Setenv("GOFILE", "doc.go")
	gen(t, 3, "", "doc.go: the directive //go:generate is in package other, but the schema makes package jobs", "generate")
	t.Setenv("GOPACKAGE", "jobs")
	gen(t, 0, "", "", "generate")
}

func TestNoGit(t *testing.T) {
	inDir(t, map[string]string{"commands.yaml": minimal})
	t.Setenv("PATH", t.TempDir())
	gen(t, 3, "", `ipcio-gen: --against "git:main" needs git: `, "breaking", "--against", "git:main")
}

func TestInit(t *testing.T) {
	inDir(t, map[string]string{"my-Daemon.2/keep": ""})
	gen(t, 0, "wrote my-Daemon.2/commands.yaml", "", "init", "-f", "my-Daemon.2/commands.yaml")
	if got := read(t, "my-Daemon.2/doc.go"); got != "//go:generate go tool ipcio-gen generate\n\npackage mydaemon2\n" {
		t.Errorf("doc.go:\n%s", got)
	}
	for _, command := range []string{"check", "lint", "fmt -l", "schema --install"} {
		gen(t, 0, "", "", append(strings.Fields(command), "-f", "my-Daemon.2/commands.yaml")...)
	}
	gen(t, 3, "", "my-Daemon.2/commands.yaml exists already", "init", "-f", "my-Daemon.2/commands.yaml")
	if err := os.Remove("my-Daemon.2/commands.yaml"); err != nil {
		t.Fatal(err)
	}
	gen(t, 3, "", "my-Daemon.2/doc.go exists already", "init", "-f", "my-Daemon.2/commands.yaml")
	if got := list(t, "my-Daemon.2"); got != ".ipcio doc.go keep" {
		t.Errorf("a second init wrote half: %s", got)
	}
}

// TestFirstMinutes does what a user does: a new module, init, go generate with
// the tool of go.mod, and a program.
func TestFirstMinutes(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(read(t, filepath.Join(root, "go.mod")), "\ngo ")
	if !ok {
		t.Fatal("go.mod has no line that begins with go")
	}
	inDir(t, map[string]string{
		"go.sum": read(t, filepath.Join(root, "go.sum")),
		"go.mod": "module example.com/app\n\ngo " + rest + "\nrequire " + modulePath + " v0.0.0\n\nreplace " + modulePath + " => " + root + "\n",
		"main.go": `package main

import (
	"context"
	"fmt"

	"example.com/app/jobs"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func main() {
	_, err := jobs.NewServer(ipcio.ServerConfig{}, jobs.ServerHandlers{
		JobSubmit: func(ctx context.Context, from *jobs.Peer, p jobs.JobSubmitPayload) (jobs.JobSubmitReply, error) {
			return jobs.JobSubmitReply{}, from.EmitJobChanged(ctx, jobs.JobChangedPayload{State: jobs.JobStateQueued})
		},
	})
	fmt.Println(jobs.ProtocolName, err)
}
`,
		"jobs/.keep": "",
	})
	goCommand := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	gen(t, 0, "", "", "init", "-f", "jobs/commands.yaml")
	goCommand("generate", "./...")
	goCommand("vet", "./...")
	if got := goCommand("run", "."); got != "jobs <nil>\n" {
		t.Errorf("the program says %q", got)
	}
	gen(t, 0, "", "", "verify", "-f", "jobs/commands.yaml", "-o", "jobs")
}

func TestLeftoverTemporaryFiles(t *testing.T) {
	// What a killed run leaves behind neither stops nor enters the next one.
	inDir(t, map[string]string{"commands.yaml": minimal, tempPrefix + "1-server.ipcio.go": "half"})
	gen(t, 0, "", "", "generate")
	gen(t, 0, "", "", "verify")
}

func TestUnwritableDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	inDir(t, map[string]string{"commands.yaml": minimal, "out/keep": ""})
	if err := os.Chmod("out", 0o555); err != nil {
		t.Fatal(err)
	}
	gen(t, 3, "", "cannot write out/client.ipcio.go", "generate", "-o", "out")
}

func TestUnifiedDiff(t *testing.T) {
	numbers := func(skip ...int) string {
		var b strings.Builder
		for i := range 20 {
			if !slices.Contains(skip, i) {
				b.WriteString(strings.Repeat("x", i) + "\n")
			}
		}
		return b.String()
	}
	for name, c := range map[string]struct{ old, new string }{
		"equal": {"a\n", "a\n"}, "one line": {"a\nb\nc\n", "a\nB\nc\n"}, "from nothing": {"", "a\nb\n"}, "to nothing": {"a\n", ""},
		"no line break": {"a", "a\n"}, "both ends": {"a\nb\nc\nd\n", "X\nb\nc\nY\n"},
		"two hunks": {numbers(2), numbers(15)}, "one hunk of two": {numbers(5), numbers(11)}, "at the end": {numbers(), numbers(19)},
		"insert": {numbers(7, 8), numbers()},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			unifiedDiff(&got, "a/x", "b/x", c.old, c.new)
			dir := t.TempDir()
			write(t, filepath.Join(dir, "old"), c.old)
			write(t, filepath.Join(dir, "new"), c.new)
			cmd := exec.CommandContext(t.Context(), "diff", "--label", "a/x", "--label", "b/x", "-u", "old", "new")
			cmd.Dir = dir
			want, err := cmd.Output()
			if cmd.ProcessState == nil {
				t.Skipf("there is no diff to compare with: %v", err)
			}
			wanted := strings.ReplaceAll(string(want), "@@ -1 ", "@@ -1,1 ")
			wanted = strings.ReplaceAll(wanted, " +1 @@", " +1,1 @@")
			if wanted == "" {
				wanted = "--- a/x\n+++ b/x\n"
			}
			if diff := cmp.Diff(wanted, got.String()); diff != "" {
				t.Errorf("(-diff +ours):\n%s", diff)
			}
		})
	}
}

func TestBug(t *testing.T) {
	var errOut bytes.Buffer
	ui := &tool{err: &errOut}
	if status := ui.report(&generator.FormatError{File: "a.ipcio.go", Line: 3, Reason: "expected type"}); status != 70 {
		t.Errorf("status %d, want 70", status)
	}
	for _, want := range []string{"this is a bug in the generator; nothing was written", "a.ipcio.go", "expected type", "/issues"} {
		if !strings.Contains(errOut.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, errOut.String())
		}
	}
}

func TestColour(t *testing.T) {
	var errOut bytes.Buffer
	ui := &tool{err: &errOut, colour: true}
	found := schema.Diagnostics{{Code: schema.E0201, Message: "what", Pos: schema.Position{File: "a.yaml", Line: 1, Column: 2}}}
	if status := ui.report(found); status != exitFindings || !strings.Contains(errOut.String(), "\x1b[1;31merror[E0201]\x1b[0m") {
		t.Errorf("status %d, %q", status, errOut.String())
	}
	if wantsColour(&bytes.Buffer{}) {
		t.Error("a buffer is taken for a terminal")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if wantsColour(file) {
		t.Error("a file is taken for a terminal")
	}
}
