package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// A row is one line of a table of the file.
type row struct {
	start   time.Time
	commit  string
	machine string
	repeat  string
	done    tally
	took    time.Duration
	end     string // how it ended, if not well
}

// The columns of a table.
const (
	columns   = "| Date (UTC) | Commit | Machine | Command | Done | Took | Failures |"
	underline = "|---|---|---|---|---|---|---|"
)

// String returns the line.
func (r *row) String() string {
	found := r.done.found()
	switch {
	case found == "" && r.end == "":
		found = "none"
	case found == "":
		found = r.end
	case r.end != "":
		found = r.end + ": " + found
	}
	done := r.done.done()
	if done == "" {
		done = "nothing was counted"
	}
	cells := []string{
		r.start.Format("2006-01-02 15:04"), r.commit, r.machine, "`" + strings.ReplaceAll(short(r.repeat), "`", "'") + "`",
		done, r.took.Round(time.Second).String(), found,
	}
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(strings.Join(strings.Fields(c), " "), "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// commit returns the commit of the tree that holds file, with a mark if
// anything but file itself has been changed.
func commit(file string) string {
	dir, base := filepath.Split(file)
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	head, err := git("rev-parse", "--short=10", "HEAD")
	if err != nil {
		return "unknown"
	}
	if changed, err := git("status", "--porcelain", "--", ":/", ":(exclude)"+base); err != nil || changed != "" {
		return head + "+dirty"
	}
	return head
}

func machine() string {
	return fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// enter adds a row on top of the table of a section. Two commands that end at
// the same time wait for each other.
func enter(file, section, row string) error {
	unlock, err := lock(file)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return replace(file, insert(old, section, row))
}

// insert returns the text with a row on top of the table of a section. A
// section that does not exist comes last.
func insert(text []byte, section, row string) []byte {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	at := -1 // where the row goes
	inside := false
	for i, line := range lines {
		if strings.HasPrefix(line, "## ") {
			if inside {
				break // the section has no table
			}
			inside = strings.TrimSpace(line[len("## "):]) == section
		}
		if inside {
			at = i + 1
			if line == underline {
				return join(lines[:at], []string{row}, lines[at:])
			}
		}
	}
	table := []string{"", columns, underline, row}
	if at < 0 {
		return join(lines, []string{"", "## " + section}, table)
	}
	for at > 0 && lines[at-1] == "" {
		at--
	}
	return join(lines[:at], table, lines[at:])
}

func join(parts ...[]string) []byte {
	var b bytes.Buffer
	for _, lines := range parts {
		for _, line := range lines {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// replace replaces a file in one step.
func replace(file string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// How long another command may take to enter its row, which is milliseconds.
const (
	lockTries = 500
	lockPause = 20 * time.Millisecond
)

// lock waits until no other command changes the file.
func lock(file string) (unlock func(), err error) {
	name := file + ".lock"
	for range lockTries {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			return func() { _ = errors.Join(f.Close(), os.Remove(name)) }, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		time.Sleep(lockPause)
	}
	return nil, fmt.Errorf("%s has been there for %v: remove it if no other ledger runs", name, lockTries*lockPause)
}
