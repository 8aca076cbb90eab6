//go:build linux || darwin || freebsd

package sock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxLockAttempts bounds how often a starter may find that the file it locked was unlinked meanwhile. Each time somebody
// else has served the domain and closed, so even a few are rare.
const maxLockAttempts = 100

// domainLock is the right to serve a domain, held from acquire to release.
type domainLock struct {
	root *os.Root
	name string
	file *os.File
	info os.FileInfo // of file; at name as long as the lock is held
}

// acquire takes the lock file name in root, without waiting. The error wraps ErrInUse if somebody else holds it and
// ErrInsecure if something that is not a lock file is in its place.
func acquire(ctx context.Context, root *os.Root, name string) (*domainLock, error) {
	path := filepath.Join(root.Name(), name)
	for range maxLockAttempts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		lock, err := tryAcquire(root, name)
		if err != nil {
			return nil, err
		}
		if lock != nil {
			return lock, nil
		}
	}
	return nil, fmt.Errorf("%w: %q changed hands %d times in a row: start again", ErrInUse, path, maxLockAttempts)
}

// tryAcquire makes one attempt. It returns nil without an error if the file it locked is no longer the one at name.
func tryAcquire(root *os.Root, name string) (_ *domainLock, err error) {
	file, err := openLockFile(root, name)
	if err != nil {
		return nil, err
	}
	held := false
	defer func() {
		if !held {
			err = errors.Join(err, file.Close())
		}
	}()
	switch err := flock(file, syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, fmt.Errorf("%w: a running server holds %q: stop it, or use another domain or directory",
			ErrInUse, file.Name())
	case err != nil:
		return nil, fmt.Errorf("lock %q: %w", file.Name(), err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// The file may have been unlinked by its last holder between our open and our flock.
	if held, err = leadsTo(root, name, info); !held {
		return nil, err
	}
	return &domainLock{root: root, name: name, file: file, info: info}, nil
}

// openLockFile opens or creates the lock file. It opens nothing but a regular file: opening a device can have effects, and
// a symbolic link would put the lock somewhere else.
func openLockFile(root *os.Root, name string) (*os.File, error) {
	for range maxLockAttempts {
		fi, err := root.Lstat(name)
		flags := os.O_RDWR
		switch {
		case errors.Is(err, fs.ErrNotExist):
			flags |= os.O_CREATE | os.O_EXCL
		case err != nil:
			return nil, err
		case !fi.Mode().IsRegular():
			return nil, insecuref("lock file %q is %s: remove it", filepath.Join(root.Name(), name), kind(fi))
		}
		file, err := root.OpenFile(name, flags, 0o600)
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			continue // created or removed since Lstat
		}
		return file, err
	}
	return nil, fmt.Errorf("%w: %q changed hands %d times in a row: start again",
		ErrInUse, filepath.Join(root.Name(), name), maxLockAttempts)
}

// release removes the lock file and gives up the lock, in this order.
func (l *domainLock) release() error {
	mine, err := leadsTo(l.root, l.name, l.info)
	if mine {
		err = l.root.Remove(l.name)
	}
	// Closing alone does not unlock while a child between fork and exec still has the descriptor.
	return errors.Join(err, flock(l.file, syscall.LOCK_UN), l.file.Close())
}

func flock(file *os.File, how int) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	err = raw.Control(func(fd uintptr) {
		for {
			if lockErr = syscall.Flock(int(fd), how); !errors.Is(lockErr, syscall.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, lockErr)
}
