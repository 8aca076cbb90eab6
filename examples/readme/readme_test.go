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
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b[2]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	writeModule(t, dir)

	run(ctx, t, dir, "go", "generate", "./greeter")
	run(ctx, t, dir, "go", "vet", "./...")
	if out := run(ctx, t, dir, "gofmt", "-l", "."); out != "" {
		t.Errorf("not formatted: %s", out)
	}
	bin := t.TempDir()
	run(ctx, t, dir, "go", "build", "-o", bin+string(filepath.Separator), "./server", "./client")

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
	for _, p := range []*proc.Process{client, server} {
		if err := p.Interrupt(); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(ctx); err != nil {
			t.Error(err)
		}
	}
}

// writeModule makes dir a module that uses this checkout. Its requirements
// are those of this module, so that nothing needs to be looked up.
func writeModule(t *testing.T, dir string) {
	t.Helper()
	here, err := filepath.Abs(root)
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
	text := strings.Replace(string(mod), "module "+module+"\n", "module example.com/hello\n", 1) +
		"\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + here + "\n"
	for name, content := range map[string]string{"go.mod": text, "go.sum": string(sum)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
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
