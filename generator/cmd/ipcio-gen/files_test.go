package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestReplaceFile(t *testing.T) {
	inDir(t, map[string]string{"real/file": "old"})
	if err := os.Chmod("real/file", 0o660); err != nil { // more than any umask leaves
		t.Fatal(err)
	}
	path := "real/file"
	if err := os.Symlink(filepath.Join("real", "file"), "link"); err == nil {
		path = "link"
	} else if runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	reader, err := os.Open("real/file")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := replaceFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, "real/file"); got != "new" {
		t.Errorf("the file holds %q", got)
	}
	// Whoever had it open before keeps the old content, whole.
	if got, err := io.ReadAll(reader); err != nil || string(got) != "old" {
		t.Errorf("a reader from before sees %q, %v", got, err)
	}
	info, err := os.Stat("real/file")
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != 0o660 {
		t.Errorf("its permissions are %o", got)
	}
	if got := list(t, "real"); got != "file" {
		t.Errorf("there is %s", got)
	}
	if path == "link" {
		if info, err := os.Lstat("link"); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is no link any more: %v, %v", info, err)
		}
	}
}

func TestUpdate(t *testing.T) {
	inDir(t, nil)
	for i, c := range []struct {
		content string
		changed bool
	}{{"a", true}, {"a", false}, {"b", true}, {"", true}, {"", false}} {
		before, _ := os.Stat("file")
		changed, err := update("file", []byte(c.content))
		if err != nil || changed != c.changed || read(t, "file") != c.content {
			t.Errorf("step %d: %v, %v, %q", i, changed, err, read(t, "file"))
		}
		if after, err := os.Stat("file"); err != nil || before != nil && os.SameFile(before, after) == c.changed {
			t.Errorf("step %d: the file was replaced: %v, want %v", i, !c.changed, c.changed)
		}
	}
	if _, err := update("absent/file", nil); err == nil {
		t.Error("a file was written into a directory that does not exist")
	}
}

// TestGitOutputIsBounded checks that a file that is too large is read no
// further than to see that it is.
func TestGitOutputIsBounded(t *testing.T) {
	var b limitedBuffer
	for range 3 {
		part := strings.Repeat("x", maxGitOutput/2+1)
		if n, err := b.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	if b.Len() != maxGitOutput {
		t.Errorf("%d bytes were kept, want %d", b.Len(), maxGitOutput)
	}
}
