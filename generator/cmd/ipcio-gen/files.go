package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ipcio/ipcio-go/schema"
)

// readSchemaFile returns the content of a schema file, or its beginning if it
// is larger than one may be: so much that this is noticed.
func readSchemaFile(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, schema.MaxFileSize+1))
}

// update makes content of a file, unless it is that already, and reports
// whether it was not.
func update(path string, content []byte) (changed bool, err error) {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return false, nil
	}
	return true, replaceFile(path, content)
}

// replaceFile replaces or creates a file in one step: whoever reads it sees the
// old content or the new, whole, and so does who looks after a power failure.
// A file that exists keeps its permissions, and a symbolic link its place.
func replaceFile(path string, content []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := fs.FileMode(0o644)
	info, err := os.Stat(path)
	if err == nil {
		mode = info.Mode().Perm()
	}
	exists := err == nil

	temp := filepath.Join(filepath.Dir(path), tempPrefix+rand.Text()+"-"+filepath.Base(path))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if exists {
		err = f.Chmod(mode) // the umask took something away
	}
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

// A memFile is a file that is in memory.
type memFile struct {
	*bytes.Reader
	name string
}

func newMemFile(name string, content []byte) *memFile {
	return &memFile{bytes.NewReader(content), filepath.Base(name)}
}

func (f *memFile) Close() error               { return nil }
func (f *memFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memFile) Name() string               { return f.name }
func (f *memFile) Mode() fs.FileMode          { return 0o444 }
func (f *memFile) ModTime() time.Time         { return time.Time{} }
func (f *memFile) IsDir() bool                { return false }
func (f *memFile) Sys() any                   { return nil }

// An overlay is a file system with another content of one file.
type overlay struct {
	fs.FS
	name    string
	content []byte
}

// Open opens a file for reading.
func (o overlay) Open(name string) (fs.File, error) {
	if name == o.name {
		return newMemFile(name, o.content), nil
	}
	return o.FS.Open(name)
}
