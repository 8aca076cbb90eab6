//go:build linux || darwin || freebsd

package sock

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListenServesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "d")
	for range 3 { // each after the one before
		l := mustListen(t, dir, "x")
		if diff := cmp.Diff([]string{"x.lock", "x.sock"}, entries(t, dir)); diff != "" {
			t.Errorf("while serving (-want +got):\n%s", diff)
		}
		serves(t, l, dir, "x")
		must(t, l.Check())
		must(t, l.Close())
		if left := entries(t, dir); len(left) != 0 {
			t.Errorf("Close left %v", left)
		}
	}
}

func TestListenTwiceIsInUse(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	first := mustListen(t, dir, "x")
	_, err := Listen(t.Context(), dir, "x")
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), filepath.Join(dir, "x.lock")) {
		t.Errorf("got %v, want an ErrInUse that names the lock file", err)
	}
	serves(t, first, dir, "x")
	mustListen(t, dir, "y") // another domain is another matter
}

func TestListenObeysContext(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "d")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Listen(ctx, dir, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Listen: %v", err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a cancelled Listen made the directory: %v", err)
	}
	mustListen(t, dir, "x")
	if _, err := Dial(ctx, dir, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v", err)
	}
}

func TestCloseIsIdempotentAndEndsAccept(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	l := mustListen(t, dir, "x")
	client := mustDial(t, dir, "x")
	server, err := l.Accept()
	must(t, err)
	defer server.Close()

	accepted := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := l.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-accepted:
		if !errors.Is(err, net.ErrClosed) || IsTemporary(err) {
			t.Errorf("Accept: %v, want net.ErrClosed", err)
		}
	case <-time.After(patience):
		t.Fatal("Accept hangs after Close")
	}
	if err := l.Check(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Check: %v, want net.ErrClosed", err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Errorf("an accepted connection ended with the listener: %v", err)
	}
	if _, err := Dial(t.Context(), dir, "x"); !IsAbsent(err) {
		t.Errorf("Dial after Close: %v, want absent", err)
	}
}

// TestListenRemovesNothingElse puts things that are not dead sockets where the socket or the lock file belongs.
func TestListenRemovesNothingElse(t *testing.T) {
	t.Parallel()
	makers := map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"regular file": {func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("precious"), 0o600)) }, "is a regular file"},
		"directory":    {func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, "is a directory"},
		"named pipe":   {func(t *testing.T, path string) { must(t, syscall.Mkfifo(path, 0o600)) }, "is a named pipe"},
		"link to a dead socket": {func(t *testing.T, path string) {
			target := filepath.Join(filepath.Dir(path), "target")
			deadSocket(t, target)
			must(t, os.Symlink(target, path))
		}, "is a symbolic link"},
		"link to a file": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path+".target", []byte("precious"), 0o600))
			must(t, os.Symlink(path+".target", path))
		}, "is a symbolic link"},
		"dangling link": {func(t *testing.T, path string) { must(t, os.Symlink(path+".target", path)) }, "is a symbolic link"},
	}
	for name, maker := range makers {
		for _, suffix := range []string{socketSuffix, lockSuffix} {
			if name == "regular file" && suffix == lockSuffix {
				continue // that is a lock file
			}
			t.Run(name+" at "+suffix, func(t *testing.T) {
				t.Parallel()
				dir := tempDir(t)
				maker.make(t, filepath.Join(dir, "x"+suffix))
				before := snapshot(t, dir)
				_, err := Listen(t.Context(), dir, "x")
				refused(t, "Listen", err, maker.want)
				if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
					t.Errorf("Listen changed the directory (-before +after):\n%s", diff)
				}
			})
		}
	}
}

func TestListenReplacesWhatACrashLeft(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	server := startChild(t, "serve", []string{dir, "x"})
	server.line(t)

	if _, err := Listen(t.Context(), dir, "x"); !errors.Is(err, ErrInUse) {
		t.Fatalf("beside a live server of another process: %v, want ErrInUse", err)
	}
	mustDial(t, dir, "x").Close()

	server.kill(t)
	if diff := cmp.Diff([]string{"x.lock", "x.sock"}, entries(t, dir)); diff != "" {
		t.Fatalf("the killed server should have left both files (-want +got):\n%s", diff)
	}
	if _, err := Dial(t.Context(), dir, "x"); !IsAbsent(err) {
		t.Errorf("Dial to a dead server: %v, want absent", err)
	}
	l := mustListen(t, dir, "x")
	serves(t, l, dir, "x")
	must(t, l.Close())
	if left := entries(t, dir); len(left) != 0 {
		t.Errorf("Close left %v", left)
	}
}

// TestLiveServerWithoutLockFile is what a cleaner of temporary directories does to a server that runs for weeks.
func TestLiveServerWithoutLockFile(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	l := mustListen(t, dir, "x")
	must(t, os.Remove(filepath.Join(dir, "x.lock")))
	if _, err := Listen(t.Context(), dir, "x"); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want ErrInUse", err)
	}
	must(t, l.Check())
	probe, err := l.Accept() // the other starter's question
	must(t, err)
	must(t, probe.Close())
	serves(t, l, dir, "x")
	must(t, l.Close())
	if left := entries(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

var successions = flag.Int("successions", 20, "how often TestCloseLeavesTheSuccessor has a server followed by another")

func TestCloseLeavesTheSuccessor(t *testing.T) {
	t.Parallel()
	for range *successions {
		closeLeavesTheSuccessor(t)
	}
	t.Logf("ledger: successions=%d", *successions)
}

func closeLeavesTheSuccessor(t *testing.T) {
	dir := tempDir(t)
	old := mustListen(t, dir, "x")
	for _, name := range entries(t, dir) { // somebody cleaned up too eagerly
		must(t, os.Remove(filepath.Join(dir, name)))
	}
	if err := old.Check(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Check without a socket: %v, want fs.ErrNotExist", err)
	}
	successor := mustListen(t, dir, "x")
	if err := old.Check(); !errors.Is(err, ErrInsecure) {
		t.Errorf("Check with another's socket: %v, want ErrInsecure", err)
	}
	must(t, old.Close())
	must(t, successor.Check())
	serves(t, successor, dir, "x")
	if _, err := Listen(t.Context(), dir, "x"); !errors.Is(err, ErrInUse) {
		t.Errorf("the successor's lock is gone: %v", err)
	}
	must(t, successor.Close())
}

// TestDirectoryMovedWhileServing: what is reached through the open directory is cleaned, what is at the path is not touched.
func TestDirectoryMovedWhileServing(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	dir, moved := filepath.Join(base, "d"), filepath.Join(base, "moved")
	old := mustListen(t, dir, "x")
	must(t, os.Rename(dir, moved))
	if err := old.Check(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Check: %v, want fs.ErrNotExist", err)
	}
	successor := mustListen(t, dir, "x")
	must(t, old.Close())
	if left := entries(t, moved); len(left) != 0 {
		t.Errorf("left in the moved directory: %v", left)
	}
	serves(t, successor, dir, "x")
}

// TestListenModes runs Listen under umasks that would leave everything open, in a process of its own, and checks that the
// umask was not needed.
func TestListenModes(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "002", "022", "077"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			base := tempDir(t)
			var got modes
			startChild(t, "modes", []string{filepath.Join(base, "p", "d"), "x", umask}).result(t, &got)
			want := modes{Parent: 0o700, Dir: 0o700, Socket: 0o600, Lock: 0o600, Umask: umask}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
