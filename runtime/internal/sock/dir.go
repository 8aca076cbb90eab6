//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// EnsureDir makes dir, and the parents it lacks, with mode 0700, and then verifies it: a directory and not a symbolic
// link, owned by the effective user, closed to group and others. Otherwise the error wraps [ErrInsecure]. An existing
// directory is never changed.
func EnsureDir(dir string) error {
	root, err := openDir(dir)
	if err != nil {
		return err
	}
	return root.Close()
}

// openDir is EnsureDir that keeps the verified directory open. Everything done through the result happens in the
// directory that was verified, even if its path has come to lead elsewhere.
func openDir(dir string) (*os.Root, error) {
	dir = filepath.Clean(dir) // "link/" would follow the link
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("create socket directory: %w", err)
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("socket directory: %w", err)
	}
	if err := verifyServerDir(dir, fi); err != nil {
		return nil, err
	}
	return openVerified(dir, fi)
}

// openVerified opens dir if it still is the directory that verified describes.
func openVerified(dir string, verified os.FileInfo) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("socket directory: %w", err)
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(opened, verified) {
		err = insecuref("socket directory %q was replaced while it was opened: another user can write to a parent of it; "+
			"use a directory whose parents are safe", dir)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

func makeDir(dir string) error {
	_, err := os.Lstat(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // another starter was faster; what it made is verified like any other
}

// verifyServerDir decides whether a server may put its socket into dir. Nobody else may even look inside: that is what
// makes the permissions of the socket irrelevant.
func verifyServerDir(dir string, fi os.FileInfo) error {
	if err := verifyIsDir(dir, fi); err != nil {
		return err
	}
	if uid, euid := owner(fi), os.Geteuid(); uid != uint32(euid) {
		return insecuref("socket directory %q belongs to uid %d, this process runs as uid %d: use another directory",
			dir, uid, euid)
	}
	if perm := fi.Mode().Perm(); perm&0o077 != 0 {
		return insecuref("socket directory %q has mode %#o and is open to others: chmod 700 it, or use another directory",
			dir, perm)
	}
	return nil
}

// verifyClientDir decides whether a client may look for a server in dir: nobody but its owner can have put a socket there,
// and its owner is the effective user or root.
func verifyClientDir(dir string, fi os.FileInfo) error {
	if err := verifyIsDir(dir, fi); err != nil {
		return err
	}
	if uid, euid := owner(fi), os.Geteuid(); !trusted(uid) {
		return insecuref("socket directory %q belongs to uid %d, neither root nor uid %d of this process: use another directory",
			dir, uid, euid)
	}
	if perm := fi.Mode().Perm(); perm&0o022 != 0 {
		return insecuref("socket directory %q has mode %#o and others can write to it: chmod 700 it, or use another directory",
			dir, perm)
	}
	return nil
}

func verifyIsDir(dir string, fi os.FileInfo) error {
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		return insecuref("socket directory %q is a symbolic link: name the directory it leads to", dir)
	case !fi.IsDir():
		return insecuref("socket directory %q is %s: remove it, or use another directory", dir, kind(fi))
	}
	return nil
}

// trusted reports whether a process or file of uid is as good as our own.
func trusted(uid uint32) bool {
	return uid == 0 || uid == uint32(os.Geteuid())
}

func insecuref(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInsecure}, args...)...)
}

// kind names the type of a file for a message.
func kind(fi os.FileInfo) string {
	switch mode := fi.Mode(); {
	case mode.IsRegular():
		return "a regular file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	default:
		return "a device"
	}
}

// leadsTo reports whether name in root is the file want, without following a symbolic link. A missing file is not an error.
//
// Inode numbers are used again, so the answer holds only while something keeps want's inode alive: an open descriptor, or
// for a socket the listener that is bound to it.
func leadsTo(root *os.Root, name string, want os.FileInfo) (bool, error) {
	fi, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(fi, want), err
}
