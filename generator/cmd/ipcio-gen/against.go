package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// What --against takes: a word, or one of these and what belongs to it.
const (
	againstLock   = "lock"
	againstGit    = "git:"
	againstFile   = "file:"
	againstDomain = "domain:"
)

// former returns what reads the schema to compare with. Its own error is about
// the flag only.
func (c *comparison) former() (read func() (*schema.Schema, error), err error) {
	switch {
	case c.against == againstLock:
		return c.fromLock, nil
	case strings.HasPrefix(c.against, againstGit):
		rev := strings.TrimPrefix(c.against, againstGit)
		// git takes what begins with - for a flag, and what has a colon for a file.
		if rev == "" || rev[0] == '-' || strings.ContainsAny(rev, ":\n") {
			return nil, usageError{fmt.Errorf("--against %q names no revision: write for example git:main", c.against)}
		}
		return func() (*schema.Schema, error) { return c.fromGit(rev) }, nil
	case strings.HasPrefix(c.against, againstFile):
		name := strings.TrimPrefix(c.against, againstFile)
		if name == "" {
			return nil, usageError{fmt.Errorf("--against %q names no file: write for example file:old/commands.yaml", c.against)}
		}
		return func() (*schema.Schema, error) { return fromFile(name) }, nil
	case strings.HasPrefix(c.against, againstDomain):
		return nil, usageError{fmt.Errorf("--against %q: this version cannot compare with a running domain: take lock, git:REV or file:PATH", c.against)}
	}
	return nil, usageError{fmt.Errorf("--against takes lock, git:REV or file:PATH, not %q", c.against)}
}

func (c *comparison) fromLock() (*schema.Schema, error) {
	s, err := readLock(c.lockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: write it at a release with ipcio-gen lock, or compare with --against git:REV", err)
	}
	return s, err
}

func fromFile(name string) (*schema.Schema, error) {
	if filepath.Ext(name) == lockSuffix {
		return readLock(name)
	}
	dir, base := filepath.Dir(name), filepath.Base(name)
	s, err := schema.Load(os.DirFS(dir), base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return s, locate(err, func(file string) string { return path.Join(filepath.ToSlash(dir), file) })
}

// fromGit reads the schema file as it is in a revision.
func (c *comparison) fromGit(rev string) (*schema.Schema, error) {
	dir, base := filepath.Dir(c.file), filepath.Base(c.file)
	commit, err := git(dir, nil, "rev-parse", "--verify", rev+"^{commit}")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("--against %q needs git: %w: install it, or compare with --against lock", c.against, err)
	case err != nil:
		return nil, fmt.Errorf("cannot find the revision %s: %w: fetch it first if it is on another machine", rev, err)
	}
	s, err := schema.Load(gitFS{dir, strings.TrimSpace(string(commit))}, base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not in the revision %s: there is nothing to compare with", c.file, rev)
	}
	return s, locate(err, func(file string) string { return rev + ":" + path.Join(filepath.ToSlash(dir), file) })
}

// maxGitOutput bounds what is read of git: the largest schema file, one byte
// more, so that a larger one is noticed, and the line before it.
const maxGitOutput = schema.MaxFileSize + 1 + 1024

// git runs git in a directory and returns the beginning of what it writes, at
// most maxGitOutput bytes.
func git(dir string, in io.Reader, args ...string) ([]byte, error) {
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	var out, errOut limitedBuffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &errOut
	err := cmd.Run()
	if said := strings.TrimSpace(errOut.String()); err != nil && said != "" {
		line, _, _ := strings.Cut(said, "\n")
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, line)
	}
	if err != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}

// A limitedBuffer keeps the first maxGitOutput bytes.
type limitedBuffer struct{ bytes.Buffer }

// Write takes all of p.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(maxGitOutput-b.Len(), 0))])
	return len(p), nil
}

// gitFS holds the files of a commit, below a directory of the work tree.
type gitFS struct{ dir, commit string }

// Open reads a file. A path that is no file there does not exist.
func (g gitFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) || strings.Contains(name, "\n") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	// cat-file --batch alone says in a form for programs whether there is such
	// a file: "<id> blob <size>", or something else.
	out, err := git(g.dir, strings.NewReader(g.commit+":./"+name+"\n"), "cat-file", "--batch")
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	r := bufio.NewReader(bytes.NewReader(out))
	head, err := r.ReadString('\n')
	words := strings.Fields(head)
	if err != nil || len(words) != 3 || words[1] != "blob" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	content, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return newMemFile(name, content), nil
}
