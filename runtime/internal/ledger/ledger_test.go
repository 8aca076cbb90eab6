package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain makes the test binary the command that is run, if it is told to.
func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv("LEDGER_TEST_PRINT"); ok {
		if os.Getenv("LEDGER_TEST_CHILD") != "" { // a command that starts one which holds its output
			os.Unsetenv("LEDGER_TEST_CHILD")
			signal.Notify(make(chan os.Signal, 1), os.Interrupt) // it waits for its child, as go test does
			child := exec.Command(os.Args[0])
			child.Stdout = os.Stdout
			_ = child.Run()
			return
		}
		fmt.Print(text)
		if os.Getenv("LEDGER_TEST_WAIT") != "" {
			time.Sleep(time.Hour) // until a signal comes
		}
		if os.Getenv("LEDGER_TEST_FAIL") != "" {
			os.Exit(3)
		}
		return
	}
	os.Exit(m.Run())
}

const head = "# What was run\n\nRead this.\n"

func newFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "RELIABILITY.md")
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// changing are the parts of a row that depend on when and where it was made.
var changing = regexp.MustCompile(`(?m)^\| \d{4}-\d\d-\d\d \d\d:\d\d \| unknown \| \d+ cores, \w+/\w+, \S+ \|(.*)\| \d+s \|`)

func TestRun(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		print        string
		fail         bool
		status       int
		want, stderr string // want is the end of the file; stderr a part
	}{
		{
			name: "counts", print: "=== RUN\n    x_test.go:7: ledger: pairs=1200000 seed=7 kind=\"a b\"\nledger: pairs=34567 seed=1 kind=c\nledger: kind=c",
			want: "\n## Pairs\n\n" + columns + "\n" + underline + "\n| THEN | `make pairs` | pairs 1,234,567; seed 8; kind a b, c | TOOK | none |\n",
		},
		{
			name: "failures", print: "ledger: pairs=5\nledger: failure=\"seed 3: a|b\\nc\"\n", fail: true, status: 3,
			want: "| THEN | `make pairs` | pairs 5 | TOOK | exit status 3: seed 3: a\\|b c |\n",
		},
		{name: "nothing counted and a failure", print: "oh", fail: true, status: 3, want: "| THEN | `make pairs` | nothing was counted | TOOK | exit status 3 |\n"},
		{name: "nothing counted", print: "xledger: pairs=1\nledger: a b\nledger:c=1\n", status: 1, want: head, stderr: "nothing to enter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("LEDGER_TEST_PRINT", c.print)
			if c.fail {
				t.Setenv("LEDGER_TEST_FAIL", "1")
			}
			file := newFile(t, head)
			var stdout, stderr bytes.Buffer
			status := run([]string{"-name", "Pairs", "-file", file, "-repeat", "make pairs", "--", self}, &stdout, &stderr)
			if status != c.status || stdout.String() != c.print || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("status %d, output %q, errors %q", status, stdout.String(), stderr.String())
			}
			got := changing.ReplaceAllString(read(t, file), "| THEN |$1| TOOK |")
			if !strings.HasPrefix(got, head) || !strings.HasSuffix(got, c.want) {
				t.Errorf("the file is\n%s", got)
			}
		})
	}
}

func TestWrongUse(t *testing.T) {
	file := newFile(t, head)
	for _, args := range [][]string{
		{"-file", file, "--", "true"},
		{"-file", file, "-name", "X"},
		{"-file", file, "-name", "X\n## Y", "--", "true"},
		{"-file", file + "x", "-name", "X", "--", "true"},
		{"-nam", "X", "--", "true"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(args, &stdout, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%q: status %d, %s", args, status, stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if status := run([]string{"-file", file, "-name", "X", "--", filepath.Join(t.TempDir(), "absent")}, &stdout, &stderr); status != 1 {
		t.Errorf("a command that does not exist: status %d", status)
	}
	if got := read(t, file); !strings.Contains(got, "nothing was counted") {
		t.Errorf("a command that does not exist: the file is\n%s", got)
	}
}

// TestInterrupted shows that a row is written of a run that is ended from
// outside, with what was counted until then, and that what the command had
// started ends as well.
func TestInterrupted(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("there are no signals to send")
	}
	file := newFile(t, head)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "ledger")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin, "-name", "Long", "-file", file, "--", self)
	cmd.Env = append(os.Environ(), "LEDGER_TEST_PRINT=ledger: runs=12\n", "LEDGER_TEST_WAIT=1", "LEDGER_TEST_CHILD=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	if _, err := stdout.Read(make([]byte, 100)); err != nil { // it has begun to wait
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("it ended with %v", err)
	}
	if got := read(t, file); !strings.Contains(got, "| runs 12 |") || !strings.Contains(got, "| interrupted |") {
		t.Errorf("the file is\n%s", got)
	}
}

func TestInsert(t *testing.T) {
	table := columns + "\n" + underline + "\n"
	for _, c := range []struct{ name, text, want string }{
		{"first section", "# T\n", "# T\n\n## S\n\n" + table + "row\n"},
		{"newest first", "# T\n\n## S\n\n" + table + "old\n\n## U\n\n" + table + "other\n", "# T\n\n## S\n\n" + table + "row\nold\n\n## U\n\n" + table + "other\n"},
		{"last of two", "## R\n\n" + table + "other\n\n## S\n\nText.\n\n" + table + "old\n", "## R\n\n" + table + "other\n\n## S\n\nText.\n\n" + table + "row\nold\n"},
		{"without a table", "## S\n\nText.\n\n## U\n\n" + table, "## S\n\nText.\n\n" + table + "row\n\n## U\n\n" + table},
		{"without a table, last", "## S\n\nText.\n", "## S\n\nText.\n\n" + table + "row\n"},
		{"no other name", "## S 2\n\n" + table, "## S 2\n\n" + table + "\n## S\n\n" + table + "row\n"},
	} {
		if diff := cmp.Diff(c.want, string(insert([]byte(c.text), "S", "row"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestEnterConcurrently shows that no row of several commands is lost.
func TestEnterConcurrently(t *testing.T) {
	file := newFile(t, head)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := enter(file, fmt.Sprint("S", i%2), fmt.Sprintf("| row %d |", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := read(t, file)
	for i := range 20 {
		if !strings.Contains(got, fmt.Sprintf("| row %d |\n", i)) {
			t.Errorf("row %d is missing", i)
		}
	}
	if strings.Count(got, underline) != 2 {
		t.Errorf("the file is\n%s", got)
	}
}

func TestCommit(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	write := func(name, content string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("sub/RELIABILITY.md", head)
	write("code", "1")
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	clean := regexp.MustCompile(`^[0-9a-f]{10}$`)
	if got := commit(file); !clean.MatchString(got) {
		t.Errorf("a clean tree is %q", got)
	}
	write("sub/RELIABILITY.md", head+"more")
	if got := commit(file); !clean.MatchString(got) {
		t.Errorf("with a new row it is %q", got)
	}
	write("code", "2")
	if got := commit(file); !regexp.MustCompile(`^[0-9a-f]{10}\+dirty$`).MatchString(got) {
		t.Errorf("a changed tree is %q", got)
	}
}

func TestScannerIsBounded(t *testing.T) {
	var lines []string
	s := &scanner{to: new(bytes.Buffer), line: func(l string) { lines = append(lines, l) }}
	long := strings.Repeat("x", maxLine)
	for _, part := range []string{"a", "b\n", long, "y\n", "c\n\n", long + "\nd"} {
		if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
		if len(s.part) > maxLine {
			t.Fatalf("%d bytes are kept", len(s.part))
		}
	}
	s.end()
	if diff := cmp.Diff([]string{"ab", "c", long, "d"}, lines); diff != "" {
		t.Error(diff)
	}
	var many tally
	for i := range 100 {
		many.line(fmt.Sprintf("ledger: key%d=%s failure=f%d", i, strings.Repeat("v", 1000), i))
	}
	if got := many.done(); len(got) > maxKeys*(maxText+20) {
		t.Errorf("%d bytes of what was done", len(got))
	}
	if got := many.found(); !strings.HasSuffix(got, "f9; and 90 more") {
		t.Errorf("found %s", got)
	}
}
