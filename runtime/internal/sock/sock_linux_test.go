package sock

import (
	"encoding/binary"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestDialFullBacklogIsBusy(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	fd := bareSocket(t, filepath.Join(dir, "x.sock"), 1)
	t.Cleanup(func() { syscall.Close(fd) })
	for range 10 {
		c, err := Dial(t.Context(), dir, "x")
		if err == nil {
			t.Cleanup(func() { c.Close() })
			continue
		}
		if !IsBusy(err) || IsAbsent(err) {
			t.Errorf("got %v, want busy", err)
		}
		// A starter without the lock file's word must not take this server for a dead one.
		if _, err := Listen(t.Context(), dir, "x"); !errors.Is(err, ErrInUse) {
			t.Errorf("Listen: %v, want ErrInUse", err)
		}
		return
	}
	t.Fatal("the backlog was never full")
}

// TestListenRefusesWhatItCannotJudge: a datagram socket cannot be asked whether somebody uses it.
func TestListenRefusesWhatItCannotJudge(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "x.sock")
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer other.Close()
	if _, err := Listen(t.Context(), dir, "x"); !errors.Is(err, syscall.EPROTOTYPE) {
		t.Errorf("got %v, want EPROTOTYPE", err)
	}
	if fi, err := os.Lstat(path); err != nil || fi.Mode().Type() != fs.ModeSocket {
		t.Errorf("the socket is gone: %v", err)
	}
}

// TestDescriptors counts what Listen opens, checks that a program started meanwhile inherits none of it, and that Close
// gives all of it back. It is not parallel: descriptors belong to the whole process.
func TestDescriptors(t *testing.T) {
	dir := tempDir(t)
	mustListen(t, dir, "warmup").Close() // opens the poller's own
	before := descriptors(t)
	l := mustListen(t, dir, "x")
	client := mustDial(t, dir, "x")
	server, err := l.Accept()
	must(t, err)
	open := descriptors(t)
	if got := len(open) - len(before); got != 5 {
		t.Errorf("%d descriptors more, want 5: the directory, the lock file, the listener and two ends: %v", got, open)
	}

	var inherited map[string]string
	startChild(t, "descriptors", nil).result(t, &inherited)
	ours := map[string]bool{}
	for fd, target := range open {
		if before[fd] != target {
			ours[target] = true
		}
	}
	for fd, target := range inherited {
		if ours[target] {
			t.Errorf("a child inherited descriptor %s, %s", fd, target)
		}
	}

	must(t, client.Close())
	must(t, server.Close())
	must(t, l.Close())
	// Failures must not leak either.
	must(t, os.Mkdir(filepath.Join(dir, "y.sock"), 0o700))
	for range 20 {
		if _, err := Listen(t.Context(), dir, "y"); !errors.Is(err, ErrInsecure) {
			t.Fatal(err)
		}
		if _, err := Dial(t.Context(), dir, "x"); !IsAbsent(err) {
			t.Fatal(err)
		}
	}
	if after := descriptors(t); len(after) != len(before) {
		t.Errorf("%d descriptors, before it were %d: %v", len(after), len(before), after)
	}
}

func descriptors(t *testing.T) map[string]string {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	targets := map[string]string{}
	for _, e := range list {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			targets[e.Name()] = target
		}
	}
	return targets
}

// TestPrivilegedProcessIgnoresTheEnvironment runs the test binary with rights that its caller does not have.
func TestPrivilegedProcessIgnoresTheEnvironment(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, test := range map[string]struct {
		mode    os.FileMode
		gain    func(path string) error
		args    []string
		uid     int
		euid    int
		hostile bool // the environment decides
	}{
		"setuid":            {mode: 0o755 | fs.ModeSetuid, uid: nobody, euid: 0},
		"setuid, then root": {mode: 0o755 | fs.ModeSetuid, args: []string{"become"}},
		"setgid":            {mode: 0o755 | fs.ModeSetgid, uid: nobody, euid: nobody},
		"file capabilities": {mode: 0o755, gain: grantNetBind, uid: nobody, euid: nobody},
		"none":              {mode: 0o755, uid: nobody, euid: nobody, hostile: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			binary := publicCopy(t, test.mode)
			if test.gain != nil {
				if err := test.gain(binary); err != nil {
					t.Skipf("this file system or user namespace refuses file capabilities: %v", err)
				}
			}
			var got resolved
			startChild(t, "resolve", test.args, as(nobody), runs(binary), func(c *exec.Cmd) {
				c.Env = append(c.Env, "IPCIO_DIR=/hostile", "XDG_RUNTIME_DIR=/hostile", "TMPDIR=/hostile")
			}).result(t, &got)
			if got.EUID != test.euid && test.mode&fs.ModeSetuid != 0 {
				t.Skip("this file system is mounted nosuid")
			}
			want := resolved{UID: test.uid, EUID: test.euid, Dir: "/hostile"}
			if !test.hostile {
				none := resolver{getenv: func(string) string { return "" }, runUser: "/run/user", tmp: "/tmp", euid: test.euid}
				want.Dir, _ = none.dir("")
			}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// grantNetBind gives the program at path CAP_NET_BIND_SERVICE, as setcap(8) does: a version 2 vfs_cap_data.
func grantNetBind(path string) error {
	const (
		revision2AndEffective = 0x02000001
		netBindService        = 1 << 10
	)
	data := make([]byte, 20)
	binary.LittleEndian.PutUint32(data, revision2AndEffective)
	binary.LittleEndian.PutUint32(data[4:], netBindService)
	return syscall.Setxattr(path, "security.capability", data, 0)
}

func TestAtSecure(t *testing.T) {
	t.Parallel()
	const word = strconv.IntSize / 8
	vector := func(words ...uint64) (b []byte) {
		for _, w := range words {
			if word == 4 {
				b = binary.NativeEndian.AppendUint32(b, uint32(w))
			} else {
				b = binary.NativeEndian.AppendUint64(b, w)
			}
		}
		return b
	}
	for name, test := range map[string]struct {
		auxv []byte
		want bool
	}{
		"empty":     {nil, false},
		"set":       {vector(6, 4096, 23, 1, 0, 0), true},
		"not set":   {vector(6, 4096, 23, 0, 0, 0), false},
		"a value":   {vector(6, 23, 0, 0), false},
		"after end": {vector(0, 0, 23, 1), false},
		"cut":       {vector(23, 1)[:2*word-1], false},
	} {
		if got := atSecure(test.auxv); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestGainedCapabilities(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status string
		want   bool
	}{
		"none":               {"Name:\tx\nCapInh:\t0\nCapPrm:\t0000000000000000\nCapAmb:\t0000000000000000\n", false},
		"from the file":      {"CapPrm:\t0000000000000400\nCapAmb:\t0000000000000000\n", true},
		"ambient":            {"CapPrm:\t0000000000000400\nCapAmb:\t0000000000000400\n", false},
		"ambient and more":   {"CapPrm:\t0000000000000401\nCapAmb:\t0000000000000400\n", true},
		"unknown, be strict": {"Name:\tx\n", true},
		"garbled, be strict": {"CapPrm:\tzz\nCapAmb:\t0\n", true},
	} {
		if got := gainedCapabilities([]byte(test.status)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestNoUmask: the umask is the whole process's, so a library that changes it even for a moment changes the files that
// other goroutines create.
func TestNoUmask(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	must(t, err)
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		must(t, err)
		checked++
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && strings.EqualFold(id.Name, "umask") {
				t.Errorf("%s uses %s", name, id.Name)
			}
			return true
		})
	}
	if checked == 0 {
		t.Error("no source was checked")
	}
}
