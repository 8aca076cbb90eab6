package readme_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/examples/internal/proc"
)

const module = "github.com/ipcio/ipcio-go"

var root = filepath.Join("..", "..")

// A code block of the README, and one under the name of its file.
var (
	anyBlock   = regexp.MustCompile("(?m)^```[a-z]+$")
	namedBlock = regexp.MustCompile("(?ms)^\\*\\*([a-z_/.]+)\\*\\*\n\n```[a-z]+\n(.*?)^```$")
)

// The README's files are a module of a user: they are written, generated,
// vetted and run.
func TestReadme(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := namedBlock.FindAllStringSubmatch(string(text), -1)
	if all := len(anyBlock.FindAllString(string(text), -1)); len(blocks) != all || all == 0 {
		t.Fatalf("%d of the README's %d code blocks have a file name above them", len(blocks), all)
	}
	dir := t.TempDir()
	for _, b := range blocks {
		file := filepath.Join(dir, filepath.FromSlash(b[1]))
		write(t, file, b[2])
	}
	// A second person: the same program under another name.
	bob := strings.Replace(read(t, filepath.Join(dir, "client", "main.go")), `Name: "ann"`, `Name: "bob"`, 1)
	bob = strings.Replace(bob, `Name: "Ann"`, `Name: "Bob"`, 1)
	write(t, filepath.Join(dir, "bob", "main.go"), bob)

	makeModule(ctx, t, dir)
	run(ctx, t, dir, "go", "generate", "./greeter")
	// What the generator wrote decides what is needed.
	run(ctx, t, dir, "go", "mod", "tidy")
	run(ctx, t, dir, "go", "vet", "./...")
	if out := run(ctx, t, dir, "gofmt", "-l", "."); out != "" {
		t.Errorf("not formatted: %s", out)
	}
	bin := t.TempDir()
	run(ctx, t, dir, "go", "build", "-o", bin+string(filepath.Separator), "./server", "./client", "./bob")

	sockets, err := os.MkdirTemp("", "ipcio") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sockets)
	t.Setenv("IPCIO_DIR", sockets)

	// In any order: the client waits for its server.
	client, server := start(ctx, t, bin, "client"), start(ctx, t, bin, "server")
	// The reply and the broadcast come on two lanes, so in any order as well.
	var got []string
	for range 2 {
		line, err := client.Expect(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	slices.Sort(got)
	if want := []string{"Hello, Ann!", "visitor 1: Ann"}; !slices.Equal(got, want) {
		t.Errorf("the client printed %q, want %q", got, want)
	}
	other := start(ctx, t, bin, "bob")
	for _, visitor := range []*proc.Process{client, other} {
		for line := ""; line != "visitor 2: Bob"; {
			if line, err = visitor.Expect(ctx, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range []*proc.Process{client, other, server} {
		if err := p.Interrupt(); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(ctx); err != nil {
			t.Error(err)
		}
	}
}

// makeModule makes dir a module of its own that uses this checkout, by the
// commands of the README but for the version, which the replacement stands
// for.
func makeModule(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	run(ctx, t, dir, "go", "mod", "init", "example.com/hello")
	run(ctx, t, dir, "go", "mod", "edit", "-require", module+"@v0.0.0", "-replace", module+"="+here,
		"-tool", module+"/generator/cmd/ipcio-gen")
	// The sums are those of this module, so that nothing needs to be looked up
	// that is not there already.
	write(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join(root, "go.sum")))
	run(ctx, t, dir, "go", "mod", "tidy", "-e") // the generated package is not there yet
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func run(ctx context.Context, t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

func start(ctx context.Context, t *testing.T, bin, program string) *proc.Process {
	t.Helper()
	p, err := proc.Start(ctx, func(line string) { t.Logf("%s: %s", program, line) }, proc.Path(bin, program))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}
