//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layout is a hostile or careless state of the directory, made in base and named by what it returns.
type layout struct {
	root bool // takes root to make
	make func(t *testing.T, base string) (dir string)
	// What the error has to say, "" for no error.
	server, client string
}

func layouts() map[string]layout {
	mode := func(perm os.FileMode) func(*testing.T, string) string {
		return func(t *testing.T, base string) string {
			dir := filepath.Join(base, "d")
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Chmod(dir, perm))
			return dir
		}
	}
	owned := func(perm os.FileMode) func(*testing.T, string) string {
		return func(t *testing.T, base string) string {
			dir := mode(perm)(t, base)
			must(t, os.Chown(dir, nobody, nobody))
			return dir
		}
	}
	const open, writable, foreign = "open to others: chmod 700", "others can write to it: chmod 700", "belongs to uid 65534"
	return map[string]layout{
		"private":            {make: mode(0o700)},
		"private and setgid": {make: mode(0o700 | fs.ModeSetgid)},
		"others may search":  {make: mode(0o701), server: open},
		"group may search":   {make: mode(0o710), server: open},
		"others may read":    {make: mode(0o755), server: open},
		"group may write":    {make: mode(0o720), server: open, client: writable},
		"others may write":   {make: mode(0o702), server: open, client: writable},
		"like tmp":           {make: mode(0o777 | fs.ModeSticky), server: open, client: writable},
		"foreign":            {root: true, make: owned(0o700), server: foreign, client: foreign},
		"foreign and open":   {root: true, make: owned(0o777), server: foreign, client: foreign},
		"symbolic link": {server: "is a symbolic link", client: "is a symbolic link",
			make: func(t *testing.T, base string) string {
				link := filepath.Join(base, "link")
				must(t, os.Symlink(mode(0o700)(t, base), link))
				return link
			}},
		"symbolic link with a slash": {server: "is a symbolic link", client: "is a symbolic link",
			make: func(t *testing.T, base string) string {
				link := filepath.Join(base, "link")
				must(t, os.Symlink(mode(0o700)(t, base), link))
				return link + "/"
			}},
		"dangling symbolic link": {server: "is a symbolic link", client: "is a symbolic link",
			make: func(t *testing.T, base string) string {
				link := filepath.Join(base, "link")
				must(t, os.Symlink(filepath.Join(base, "none"), link))
				return link
			}},
		"regular file": {server: "is a regular file", client: "is a regular file",
			make: func(t *testing.T, base string) string {
				file := filepath.Join(base, "file")
				must(t, os.WriteFile(file, nil, 0o700))
				return file
			}},
		"named pipe": {server: "is a named pipe", client: "is a named pipe",
			make: func(t *testing.T, base string) string {
				pipe := filepath.Join(base, "pipe")
				must(t, syscall.Mkfifo(pipe, 0o700))
				return pipe
			}},
		"socket": {server: "is a socket", client: "is a socket",
			make: func(t *testing.T, base string) string {
				path := filepath.Join(base, "s")
				fd := bareSocket(t, path, 1)
				t.Cleanup(func() { syscall.Close(fd) })
				return path
			}},
		"symbolic link above": {
			make: func(t *testing.T, base string) string {
				link := filepath.Join(base, "link")
				must(t, os.Symlink(mode(0o700)(t, base), link))
				must(t, os.Mkdir(filepath.Join(link, "below"), 0o700))
				return filepath.Join(link, "below")
			}},
	}
}

func TestHostileDirectories(t *testing.T) {
	t.Parallel()
	for name, layout := range layouts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if layout.root {
				needRoot(t)
			}
			base := tempDir(t)
			dir := layout.make(t, base)
			before := snapshot(t, base)

			refused(t, "EnsureDir", EnsureDir(dir), layout.server)
			l, err := Listen(t.Context(), dir, "d")
			refused(t, "Listen", err, layout.server)
			if err == nil {
				must(t, l.Close())
			}
			// Without a server a good directory leads to the absent socket.
			_, err = Dial(t.Context(), dir, "d")
			if layout.client == "" {
				if !IsAbsent(err) {
					t.Errorf("Dial: %v, want an absent server", err)
				}
			} else {
				refused(t, "Dial", err, layout.client)
			}
			if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
				t.Errorf("something was changed or left (-before +after):\n%s", diff)
			}
		})
	}
}

// refused checks that err wraps ErrInsecure and says why, or is nil if why is empty.
func refused(t *testing.T, what string, err error, why string) {
	t.Helper()
	switch {
	case why == "":
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	case !errors.Is(err, ErrInsecure) || !strings.Contains(err.Error(), why):
		t.Errorf("%s: %v; want an ErrInsecure that says %q", what, err, why)
	}
}

// snapshot maps every path below dir to its mode and owner.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		files[path] = fi.Mode().String() + " " + itoa(int(owner(fi)))
		return nil
	}))
	return files
}

func TestEnsureDirCreates(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	dir := filepath.Join(base, "a", "b", "c")
	for range 2 {
		must(t, EnsureDir(dir))
	}
	for path := dir; path != base; path = filepath.Dir(path) {
		fi, err := os.Lstat(path)
		must(t, err)
		if !fi.IsDir() || fi.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, want a directory with mode 0700", path, fi.Mode())
		}
	}
}

func TestEnsureDirReportsTheSystem(t *testing.T) {
	t.Parallel()
	file := filepath.Join(tempDir(t), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if err := EnsureDir(filepath.Join(file, "below")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: %v, want ENOTDIR", err)
	}
	if err := EnsureDir("/nul\x00byte"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("NUL: %v, want EINVAL", err)
	}
}

// TestDirectorySwappedWhileOpened and TestDirectorySwappedBeforeBind are what somebody who can write to a parent of the
// directory tries between two of our system calls.
func TestDirectorySwappedWhileOpened(t *testing.T) {
	t.Parallel()
	ours, theirs := tempDir(t), tempDir(t)
	verified, err := os.Lstat(ours)
	must(t, err)
	root, err := openVerified(ours, verified)
	must(t, err)
	must(t, root.Close())
	_, err = openVerified(theirs, verified)
	refused(t, "openVerified", err, "was replaced")
}

func TestDirectorySwappedBeforeBind(t *testing.T) {
	t.Parallel()
	ours, theirs := tempDir(t), tempDir(t)
	root, err := openDir(ours)
	must(t, err)
	defer root.Close()
	l := &Listener{path: filepath.Join(theirs, "x.sock"), root: root, name: "x.sock"}
	refused(t, "bind", l.bind(t.Context()), "was replaced")
	if _, err := l.ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket still listens: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
