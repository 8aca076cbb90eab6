package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A directory holds the files of an outbox. Tests have others, which fail and
// lose what was not synced.
type directory interface {
	list() ([]string, error)
	read(name string) ([]byte, error)
	create(name string) (file, error) // for reading and writing; it must not exist
	open(name string) (file, error)   // for reading
	rename(from, to string) error
	remove(name string) error
	sync() error // what was created, renamed and removed
	close() error
}

type file interface {
	ReadAt(b []byte, off int64) (int, error)
	WriteAt(b []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// osDirectory is a directory of the system, which this process has locked.
type osDirectory struct {
	root *os.Root
	lock *os.File
}

const lockName = "lock"

// openDirectory makes the directory if it is missing, and locks it.
func openDirectory(path string) (_ *osDirectory, err error) {
	if path == "" {
		return nil, errors.New("outbox: no directory is named")
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	defer func() {
		if err != nil {
			root.Close()
		}
	}()
	info, err := root.Stat(".")
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("outbox: the directory %q holds the secret of a session and is open to others (mode %04o): use one of its own, with mode 0700", path, info.Mode().Perm())
	}
	lock, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("outbox: lock %q: %w", path, err)
	}
	return &osDirectory{root: root, lock: lock}, nil
}

func (d *osDirectory) list() ([]string, error) {
	dir, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

func (d *osDirectory) read(name string) ([]byte, error) { return d.root.ReadFile(name) }

func (d *osDirectory) create(name string) (file, error) {
	return d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d *osDirectory) open(name string) (file, error) { return d.root.Open(name) }

func (d *osDirectory) rename(from, to string) error { return d.root.Rename(from, to) }

func (d *osDirectory) remove(name string) error { return d.root.Remove(name) }

func (d *osDirectory) sync() error {
	dir, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// close gives the lock up: a lock ends with its file.
func (d *osDirectory) close() error { return errors.Join(d.lock.Close(), d.root.Close()) }
