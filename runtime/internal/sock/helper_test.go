//go:build linux || darwin || freebsd

package sock

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Tests that need another process run the test binary again. childEnv names the function of children to run there, and its
// arguments follow on the command line.
const childEnv = "IPCIO_SOCK_TEST_CHILD"

const nobody = 65534

// patience bounds every wait in the tests. Nothing takes as long unless it hangs.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		if err := children[name](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a running copy of the test binary.
type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err *strings.Builder
}

// startChild runs children[name] in another process, which is killed at the end of the test.
func startChild(t *testing.T, name string, args []string, change ...func(*exec.Cmd)) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.CommandContext(t.Context(), self, args...), err: new(strings.Builder)}
	c.Env = append(os.Environ(), childEnv+"="+name, "GORACE=atexit_sleep_ms=0")
	c.Stderr = c.err
	if c.in, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	for _, f := range change {
		f(c.Cmd)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

// line waits for a line of the child's output, without its end.
func (c *child) line(t *testing.T) string {
	t.Helper()
	timer := time.AfterFunc(patience, func() { c.Process.Kill() })
	defer timer.Stop()
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.Wait()
		t.Fatalf("child ended early: %v; it said: %s", err, c.err)
	}
	return strings.TrimSuffix(line, "\n")
}

// kill ends the child as a crash would and waits until it is gone.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
}

// result waits for the child's end and decodes its last output.
func (c *child) result(t *testing.T, into any) {
	t.Helper()
	timer := time.AfterFunc(patience, func() { c.Process.Kill() })
	defer timer.Stop()
	decodeErr := json.NewDecoder(c.out).Decode(into)
	if err := c.Wait(); err != nil || decodeErr != nil {
		t.Fatalf("child: %v, output: %v; it said: %s", err, decodeErr, c.err)
	}
}

// tempDir is t.TempDir with a path short enough for sockets.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ip")
	if err == nil && len(dir) > 50 {
		os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "ip")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func mustListen(t *testing.T, dir, domain string) *Listener {
	t.Helper()
	l, err := Listen(t.Context(), dir, domain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustDial(t *testing.T, dir, domain string) net.Conn {
	t.Helper()
	c, err := Dial(t.Context(), dir, domain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// serves proves that connections to the domain arrive at l.
func serves(t *testing.T, l *Listener, dir, domain string) {
	t.Helper()
	client := mustDial(t, dir, domain)
	defer client.Close()
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := l.ln.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatalf("the connection did not arrive: %v", err)
	}
	defer server.Close()
	got := make([]byte, 5)
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
}

// entries lists the names in dir.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// bareSocket binds and listens without this package, and leaves the file when it is closed.
func bareSocket(t *testing.T, path string, backlog int) (fd int) {
	t.Helper()
	syscall.ForkLock.RLock() // no child may be born before CloseOnExec
	defer syscall.ForkLock.RUnlock()
	return bareSocketForkLocked(t, path, backlog)
}

// deadSocket leaves a socket at path on which nobody listens.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	syscall.ForkLock.RLock() // a child between fork and exec would still listen on it
	defer syscall.ForkLock.RUnlock()
	must(t, syscall.Close(bareSocketForkLocked(t, path, 1)))
}

func bareSocketForkLocked(t *testing.T, path string, backlog int) (fd int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, backlog); err != nil {
		t.Fatal(err)
	}
	return fd
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to act as two users")
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
