package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ipcio/ipcio-go/generator"
)

// outDir is the directory that is written to. It is an os.Root, so that
// nothing outside of it is ever reached, not even through a symbolic link.
type outDir struct {
	name string
	root *os.Root

	// before is called before each operation that changes the directory. Tests
	// fail and end the program there; it is nil in the program.
	before func(operation, name string) error
}

func openDir(name string) (*outDir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("cannot open the output directory: %w", err)
	}
	return &outDir{name: name, root: root}, nil
}

// close gives the directory back. There is nothing to lose: every file was
// closed, and its error reported, before.
func (d *outDir) close() { _ = d.root.Close() }

// path returns the path of a file for a message.
func (d *outDir) path(name string) string { return filepath.Join(d.name, name) }

// A change is one file that is not as it should be.
type change struct {
	name     string
	old, new []byte // nil if there is no file
}

// A plan is what has to change, sorted by name.
type plan []change

func (p plan) empty() bool { return len(p) == 0 }

// compare returns what has to change so that the directory holds files and no
// other generated ones. A file that has our suffix and not our header is an
// error, as is one that is no regular file.
func (d *outDir) compare(files []generator.File) (plan, error) {
	found, err := d.generated()
	if err != nil {
		return nil, err
	}
	var p plan
	for _, f := range files {
		old, ok := found[f.Name]
		delete(found, f.Name)
		if !ok || !bytes.Equal(old, f.Content) {
			p = append(p, change{name: f.Name, old: old, new: f.Content})
		}
	}
	for name, old := range found {
		p = append(p, change{name: name, old: old})
	}
	slices.SortFunc(p, func(a, b change) int { return strings.Compare(a.name, b.name) })
	return p, nil
}

// generated returns the content of the files with our suffix.
func (d *outDir) generated() (map[string][]byte, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("cannot list the output directory: %w", err)
	}
	found := map[string][]byte{}
	for _, e := range entries {
		suffix := generator.Suffix
		if strings.HasSuffix(e.Name(), generator.TestSuffix) {
			suffix = generator.TestSuffix
		}
		if !strings.HasSuffix(e.Name(), suffix) || isTemporary(e.Name()) {
			continue
		}
		if !e.Type().IsRegular() {
			return nil, fmt.Errorf("%s is no regular file: remove it, or write to another directory with -o", d.path(e.Name()))
		}
		content, err := d.root.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("cannot read what was generated before: %w", err)
		}
		if !bytes.HasPrefix(content, []byte(generator.Header)) {
			return nil, fmt.Errorf("%s was not written by ipcio-gen: rename it, since names that end in %s belong to the generator",
				d.path(e.Name()), suffix)
		}
		found[e.Name()] = content
	}
	return found, nil
}

// apply writes what is new and then removes what is not needed any more.
func (d *outDir) apply(p plan) error {
	for _, c := range p {
		if c.new != nil {
			if err := d.write(c.name, c.new); err != nil {
				return fmt.Errorf("cannot write %s: %w", d.path(c.name), err)
			}
		}
	}
	for _, c := range p {
		if c.new == nil {
			if err := d.step("remove", c.name); err != nil {
				return fmt.Errorf("cannot remove %s, which is not needed any more: %w", d.path(c.name), err)
			}
			if err := d.root.Remove(c.name); err != nil {
				return fmt.Errorf("cannot remove %s, which is not needed any more: %w", d.path(c.name), err)
			}
		}
	}
	return nil
}

// tempPrefix begins the names of files being written. Go ignores files that
// begin with a dot.
const tempPrefix = ".ipcio-gen-"

func isTemporary(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// staleAge is how long nobody has written to a temporary file that belongs to
// nobody any more: no run takes so long, not even one that was stopped a while.
const staleAge = time.Hour

// sweep removes what runs that were killed left behind: files with the name of
// a temporary file for a generated one, which hold the beginning of one, and
// which are older than staleAge, so that no run that is at work loses its file.
// What cannot be removed stays for the next run: it is in nobody's way.
func (d *outDir) sweep(now time.Time) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if !isTemporary(e.Name()) || !e.Type().IsRegular() ||
			!strings.HasSuffix(e.Name(), generator.Suffix) && !strings.HasSuffix(e.Name(), generator.TestSuffix) {
			continue
		}
		if info, err := e.Info(); err != nil || now.Sub(info.ModTime()) < staleAge {
			continue
		}
		if d.isOurs(e.Name()) && d.step("sweep", e.Name()) == nil {
			_ = d.root.Remove(e.Name())
		}
	}
}

// isOurs reports whether a file holds the beginning of a generated one, which
// may be nothing at all.
func (d *outDir) isOurs(name string) bool {
	f, err := d.root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	begin, err := io.ReadAll(io.LimitReader(f, int64(len(generator.Header))))
	return err == nil && strings.HasPrefix(generator.Header, string(begin))
}

// step begins an operation.
func (d *outDir) step(operation, name string) error {
	if d.before == nil {
		return nil
	}
	return d.before(operation, name)
}

// write replaces a file in one step: whoever reads it sees the old content or
// the new, whole, and so does who looks after a power failure. A run that is
// killed leaves a temporary file at most, which Go ignores and a later run removes.
func (d *outDir) write(name string, content []byte) error {
	temp := tempPrefix + rand.Text() + "-" + name
	if err := d.step("create", temp); err != nil {
		return err
	}
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err = d.step("write", temp); err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = d.step("sync", temp)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = d.step("rename", name)
	}
	if err == nil {
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, d.root.Remove(temp))
	}
	return nil
}

// print writes the plan as a unified diff from what is there to what should
// be.
func (p plan) print(w io.Writer) {
	for _, c := range p {
		from, to := "a/"+c.name, "b/"+c.name
		if c.old == nil {
			from = "/dev/null"
		}
		if c.new == nil {
			to = "/dev/null"
		}
		unifiedDiff(w, from, to, string(c.old), string(c.new))
	}
}

// summary says which files the plan is about.
func (p plan) summary() string {
	var missing, changed, stale []string
	for _, c := range p {
		switch {
		case c.old == nil:
			missing = append(missing, c.name)
		case c.new == nil:
			stale = append(stale, c.name)
		default:
			changed = append(changed, c.name)
		}
	}
	var parts []string
	for _, part := range []struct {
		word  string
		names []string
	}{{"missing", missing}, {"changed", changed}, {"not needed any more", stale}} {
		if len(part.names) > 0 {
			parts = append(parts, part.word+": "+strings.Join(part.names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}
