package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The limits of what is kept of the output of a command.
const (
	maxLine     = 64 << 10 // bytes of a line; of a longer one nothing is read
	maxKeys     = 40
	maxValues   = 8   // different values of a key that is no number
	maxFailures = 10  // that are written out; the others are counted
	maxText     = 300 // bytes of a value
)

// failure is the key of what was found.
const failure = "failure"

// A scanner passes on what is written to it, and hands over every line. It may
// be used by one goroutine at a time.
type scanner struct {
	to   io.Writer
	line func(string)

	part []byte // the line that has not ended
	skip bool   // it is too long
}

// Write implements io.Writer.
func (s *scanner) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		head, tail, ended := bytes.Cut(rest, []byte("\n"))
		if len(s.part)+len(head) > maxLine {
			s.skip = true
		}
		if !s.skip {
			s.part = append(s.part, head...)
		}
		if ended {
			s.end()
		}
		rest = tail
	}
	return s.to.Write(p)
}

// end ends the last line.
func (s *scanner) end() {
	if !s.skip && len(s.part) > 0 {
		s.line(string(s.part))
	}
	s.part, s.skip = s.part[:0], false
}

// A tally is what a command said of what it did. It may be used concurrently:
// its two outputs are read by two goroutines.
type tally struct {
	mu       sync.Mutex // guards the fields below
	entries  []*entry   // in the order in which they came
	failures []string
	more     int // failures that are not in failures
}

type entry struct {
	key    string
	number bool
	sum    int64
	values []string
}

func (t *tally) empty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries) == 0
}

// line reads one line of output. What is malformed is not counted: the line
// that was printed shows it.
func (t *tally) line(s string) {
	i := strings.Index(s, "ledger: ")
	if i < 0 || i > 0 && s[i-1] != ' ' && s[i-1] != '\t' {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := strings.TrimSpace(s[i+len("ledger: "):]); rest != ""; rest = strings.TrimSpace(rest) {
		key, after, ok := strings.Cut(rest, "=")
		if !ok || key == "" || strings.ContainsAny(key, " \t\"") {
			return
		}
		value, err := strconv.QuotedPrefix(after)
		if err == nil {
			rest = after[len(value):]
			value, err = strconv.Unquote(value)
		}
		if err != nil {
			value, rest, _ = strings.Cut(after, " ")
		}
		t.addLocked(key, short(value))
	}
}

func (t *tally) addLocked(key, value string) {
	if key == failure {
		if len(t.failures) < maxFailures {
			t.failures = append(t.failures, value)
		} else {
			t.more++
		}
		return
	}
	i := slices.IndexFunc(t.entries, func(e *entry) bool { return e.key == key })
	n, err := strconv.ParseInt(value, 10, 64)
	if i < 0 {
		if len(t.entries) < maxKeys {
			t.entries = append(t.entries, &entry{key: key, number: err == nil, sum: n, values: []string{value}})
		}
		return
	}
	switch e := t.entries[i]; {
	case e.number && err == nil && (n < 0 || e.sum <= math.MaxInt64-n):
		e.sum += n
	case len(e.values) < maxValues && !slices.Contains(e.values, value):
		e.values = append(e.values, value)
	}
}

// done returns what was done, in one line.
func (t *tally) done() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var parts []string
	for _, e := range t.entries {
		value := strings.Join(e.values, ", ")
		if e.number {
			value = grouped(e.sum)
		}
		parts = append(parts, e.key+" "+value)
	}
	return strings.Join(parts, "; ")
}

// found returns what was found, in one line.
func (t *tally) found() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := strings.Join(t.failures, "; ")
	if t.more > 0 {
		found += fmt.Sprintf("; and %d more", t.more)
	}
	return found
}

// grouped returns n with a comma between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if sign {
		return "-" + s
	}
	return s
}

// short cuts a long text.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
