//go:build linux || darwin || freebsd

package sock

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ResolveDir returns the absolute path of the directory that holds the sockets. It creates nothing. In this order:
//
//  1. explicit, if not empty; a relative path is taken from the working directory
//  2. $IPCIO_DIR, which must be absolute
//  3. $XDG_RUNTIME_DIR/ipcio, unless that variable is relative or leads to another user's directory, as it does
//     after su(1)
//  4. /run/user/<uid>/ipcio, if /run/user/<uid> is a directory of this user
//  5. <tmp>/ipcio-<uid>, where tmp is [os.TempDir]
//
// <uid> is the effective user. A process that gained privileges when it was started (setuid, setgid, file capabilities)
// ignores the environment, which belongs to whoever started it: then 2 and 3 are skipped and tmp is /tmp.
//
// It fails if $IPCIO_DIR is relative, because processes with different working directories would miss each other, and if
// the working directory is needed and cannot be read.
func ResolveDir(explicit string) (string, error) {
	r := resolver{
		getenv:  os.Getenv,
		runUser: "/run/user",
		tmp:     os.TempDir(),
		euid:    os.Geteuid(),
	}
	if explicit == "" && privileged() {
		r.getenv = func(string) string { return "" }
		r.tmp = "/tmp"
	}
	return r.dir(explicit)
}

// resolver is what ResolveDir depends on.
type resolver struct {
	getenv  func(string) string
	runUser string
	tmp     string
	euid    int
}

func (r resolver) dir(explicit string) (string, error) {
	if explicit != "" {
		dir, err := filepath.Abs(explicit)
		if err != nil {
			return "", fmt.Errorf("socket directory %q: %w", explicit, err)
		}
		return dir, nil
	}
	if dir := r.getenv("IPCIO_DIR"); dir != "" {
		if !filepath.IsAbs(dir) {
			return "", fmt.Errorf("IPCIO_DIR=%q is not an absolute path", dir)
		}
		return filepath.Clean(dir), nil
	}
	if base := r.getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(base) && !r.foreign(base) {
		return filepath.Join(base, "ipcio"), nil
	}
	uid := strconv.Itoa(r.euid)
	if base := filepath.Join(r.runUser, uid); r.own(base) {
		return filepath.Join(base, "ipcio"), nil
	}
	tmp := r.tmp
	if !filepath.IsAbs(tmp) {
		tmp = "/tmp"
	}
	return filepath.Join(tmp, "ipcio-"+uid), nil
}

// own reports whether path is a directory of the effective user.
func (r resolver) own(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir() && owner(fi) == uint32(r.euid)
}

// foreign reports whether path exists and belongs to another user. A missing directory is not foreign: it will be created.
func (r resolver) foreign(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && owner(fi) != uint32(r.euid)
}

func owner(fi os.FileInfo) uint32 {
	return fi.Sys().(*syscall.Stat_t).Uid
}
