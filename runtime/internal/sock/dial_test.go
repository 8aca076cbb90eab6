//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDialAbsent(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	for name, dir := range map[string]string{
		"no directory": filepath.Join(base, "none"),
		"no socket":    base,
	} {
		_, err := Dial(t.Context(), dir, "x")
		if !IsAbsent(err) || IsBusy(err) || !strings.Contains(err.Error(), filepath.Join(dir, "x.sock")) {
			t.Errorf("%s: %v, want absent, with the path", name, err)
		}
	}
	crashed(t, base, "x")
	if _, err := Dial(t.Context(), base, "x"); !IsAbsent(err) {
		t.Errorf("dead socket: %v, want absent", err)
	}
}

func TestDialRefusesBadNames(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{"", "../x", "X", "a\x00b"} {
		if _, err := Dial(t.Context(), "/tmp", domain); err == nil {
			t.Errorf("%q was dialled", domain)
		}
		if _, err := Listen(t.Context(), "/tmp", domain); err == nil {
			t.Errorf("%q was served", domain)
		}
	}
}

// TestDialImpostor lets a process of another user listen in a directory that looks right.
func TestDialImpostor(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := tempDir(t)
	binary := publicCopy(t, 0o755)
	must(t, os.Chown(dir, nobody, nobody))
	impostor := startChild(t, "impostor", []string{filepath.Join(dir, "x.sock")}, as(nobody), runs(binary))
	impostor.line(t)
	must(t, os.Chown(dir, 0, 0))

	c, err := Dial(t.Context(), dir, "x")
	if err == nil {
		c.Close()
	}
	refused(t, "Dial", err, "the server runs as uid 65534")
	var received int
	impostor.result(t, &received)
	if received != 0 {
		t.Errorf("the impostor received %d bytes", received)
	}
}

// TestDialAsAnotherUser: the directory keeps other users out even if they skip every check of this package.
func TestDialAsAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	base := tempDir(t)
	must(t, os.Chmod(base, 0o755))
	dir := filepath.Join(base, "d")
	l := mustListen(t, dir, "x")
	must(t, os.Chmod(l.Addr().String(), 0o777)) // not what protects it
	binary := publicCopy(t, 0o755)
	intruder := startChild(t, "connect", []string{l.Addr().String()}, as(nobody), runs(binary))
	var errno syscall.Errno
	intruder.result(t, &errno)
	if errno != syscall.EACCES {
		t.Errorf("connect as another user: %v, want EACCES", errno)
	}
}

func TestPeerCredentials(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	l := mustListen(t, dir, "x")
	client := mustDial(t, dir, "x")
	server, err := l.Accept()
	must(t, err)
	defer server.Close()
	for side, c := range map[string]net.Conn{"client": client, "server": server} {
		got, err := PeerCredentials(c)
		must(t, err)
		want := Credentials{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), PID: int32(os.Getpid())}
		if got.PID == 0 {
			want.PID = 0 // a system that does not tell
		}
		if got != want {
			t.Errorf("%s sees %+v, want %+v", side, got, want)
		}
	}
	must(t, client.Close())
	if _, err := PeerCredentials(client); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed connection: %v, want net.ErrClosed", err)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := PeerCredentials(a); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("net.Pipe: %v, want errors.ErrUnsupported", err)
	}
}

func TestDisconnectsOfARealSocket(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	l := mustListen(t, dir, "x")
	pair := func() (client, server net.Conn) {
		client = mustDial(t, dir, "x")
		server, err := l.Accept()
		must(t, err)
		t.Cleanup(func() { server.Close() })
		return client, server
	}
	buf := make([]byte, 1)
	check := func(what string, err error) {
		t.Helper()
		if err == nil || !DisconnectError(err) {
			t.Errorf("%s: %v, want a disconnect", what, err)
		}
	}

	client, server := pair()
	must(t, server.Close())
	_, err := client.Read(buf)
	check("read after the peer closed", err)
	_, err = client.Write(buf)
	check("write after the peer closed", err)

	client, server = pair()
	_, err = client.Write(buf)
	must(t, err)
	must(t, server.Close()) // with that byte unread
	_, err = client.Read(buf)
	check("read after the peer closed with unread data", err)

	client, _ = pair()
	must(t, client.Close())
	_, err = client.Read(buf)
	check("read after our own close", err)
}

// as runs a child as another user.
func as(uid uint32) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		c.Dir = "/"
	}
}

// runs makes a child run another copy of the test binary.
func runs(binary string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Path = binary }
}

// publicCopy copies the test binary to where every user may run it.
func publicCopy(t *testing.T, mode os.FileMode) string {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	data, err := os.ReadFile(self)
	must(t, err)
	dir := tempDir(t)
	must(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "test")
	// A child born while the file is open for writing would make it "text file busy".
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	must(t, os.WriteFile(path, data, 0o700))
	must(t, os.Chmod(path, mode))
	return path
}
