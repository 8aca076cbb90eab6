package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

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

// The forms in which findings are written.
const (
	formatText   = "text"
	formatJSON   = "json"
	formatSARIF  = "sarif"
	formatGitHub = "github"
)

func findingsFormat() *choice {
	return &choice{formatText, []string{formatText, formatJSON, formatSARIF, formatGitHub}}
}

// show writes findings: as text for people to where errors go, in any other
// format to standard output, also if there are none.
func (t *tool) show(found schema.Diagnostics, format string) error {
	switch format {
	case formatJSON:
		return found.WriteJSON(t.out)
	case formatSARIF:
		return found.WriteSARIF(t.out)
	case formatGitHub:
		return found.WriteGitHub(t.out)
	}
	return found.WriteText(t.err, t.colour)
}

// findings returns the findings that err consists of, if it does, and err if
// it is anything else.
func findings(err error) (schema.Diagnostics, error) {
	if found, ok := errors.AsType[schema.Diagnostics](err); ok {
		return found, nil
	}
	return nil, err
}

// locate returns err with other names for the files, if it consists of
// findings: these name their files relative to the schema file, but people and
// editors look from the working directory.
func locate(err error, rename func(file string) string) error {
	found, ok := errors.AsType[schema.Diagnostics](err)
	if !ok {
		return err
	}
	located := slices.Clone(found)
	for i := range located {
		d := &located[i]
		d.Pos.File = rename(d.Pos.File)
		d.Notes = slices.Clone(d.Notes)
		for j := range d.Notes {
			d.Notes[j].Pos.File = rename(d.Notes[j].Pos.File)
		}
	}
	return located
}

// located is locate for the schema file of this run.
func (t *tool) located(err error) error {
	dir := filepath.ToSlash(filepath.Dir(t.file))
	return locate(err, func(file string) string { return path.Join(dir, file) })
}

// printJSON writes v as indented JSON.
func (t *tool) printJSON(v any) error {
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
