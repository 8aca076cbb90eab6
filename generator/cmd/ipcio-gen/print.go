package main

import (
	"bytes"
	"io"
	"os"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// wantsColour reports whether w is a terminal whose user did not object: see
// no-color.org.
func wantsColour(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// The colours of a terminal.
const (
	red   = "\x1b[31m"
	cyan  = "\x1b[36m"
	reset = "\x1b[0m"
)

// printFindings writes findings for people, in colours if there is a terminal.
func (t *tool) printFindings(found schema.Diagnostics) error {
	if !t.colour {
		return found.Render(t.err)
	}
	var plain bytes.Buffer
	if err := found.Render(&plain); err != nil {
		return err
	}
	for line := range strings.Lines(plain.String()) {
		if _, err := io.WriteString(t.err, colourLine(line)); err != nil {
			return err
		}
	}
	return nil
}

// colourLine colours a line of a rendered finding. What it takes for a part by
// mistake only has another colour.
func colourLine(line string) string {
	if before, after, ok := strings.Cut(line, ": error["); ok {
		code, rest, _ := strings.Cut(after, "]")
		return before + ": " + red + "error[" + code + "]" + reset + rest
	}
	if before, after, ok := strings.Cut(line, "= hint:"); ok {
		return before + cyan + "= hint:" + reset + after
	}
	return line
}
