package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A screen prints what happens, above a prompt if it is a terminal. Its
// methods may be called concurrently.
type screen struct {
	terminal bool
	colours  bool

	mu  sync.Mutex // guards out
	out io.Writer
}

func newScreen(f *os.File) *screen {
	s := &screen{out: f}
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		s.terminal = true
		s.colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// The styles of lines.
const (
	plain = ""
	faint = "2"    // what the program says
	bold  = "1"    // what is for you alone
	red   = "1;31" // what went wrong
)

// said prints what somebody said, with the time at which the room heard it.
func (s *screen) said(at time.Time, name, text string) {
	s.line(plain, at.Local().Format("15:04")+"  "+harmless(name)+": "+harmless(text))
}

// note prints what the program itself has to say.
func (s *screen) note(format string, args ...any) {
	s.line(faint, harmless(fmt.Sprintf(format, args...)))
}

// private prints what is for this person alone.
func (s *screen) private(format string, args ...any) {
	s.line(bold, time.Now().Format("15:04")+"  "+harmless(fmt.Sprintf(format, args...)))
}

// fail prints an error.
func (s *screen) fail(format string, args ...any) {
	s.line(red, harmless(fmt.Sprintf(format, args...)))
}

func (s *screen) line(style, text string) {
	if s.colours && style != plain {
		text = "\x1b[" + style + "m" + text + "\x1b[0m"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		// The line takes the place of the prompt, which comes back below it.
		fmt.Fprintf(s.out, "\r\x1b[K%s\n> ", text)
		return
	}
	fmt.Fprintln(s.out, text)
}

// typed makes the line that was just typed go away: the room repeats it.
func (s *screen) typed() {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.out, "\x1b[1A\r\x1b[K> ")
}

// close leaves a clean line behind.
func (s *screen) close() {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.out, "\r\x1b[K")
}

// harmless replaces what could move the cursor, change colours or reorder
// text: the others in a room are not trusted with this terminal.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
