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
	case formatSARIF, formatGitHub:
		inRepository := located(found, repositoryPaths())
		if format == formatSARIF {
			return inRepository.WriteSARIF(t.out)
		}
		return inRepository.WriteGitHub(t.out)
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
	return located(found, rename)
}

func located(found schema.Diagnostics, rename func(file string) string) schema.Diagnostics {
	renamed := slices.Clone(found)
	for i := range renamed {
		d := &renamed[i]
		d.Pos.File = rename(d.Pos.File)
		d.Notes = slices.Clone(d.Notes)
		for j := range d.Notes {
			d.Notes[j].Pos.File = rename(d.Notes[j].Pos.File)
		}
	}
	return renamed
}

// repositoryPaths returns what makes a path relative to the working directory
// relative to the root of the repository, as those want it who show findings
// beside the source. A path that leads out of the repository stays as it is, and
// so do all if there is none.
func repositoryPaths() func(file string) string {
	same := func(file string) string { return file }
	here, err := os.Getwd()
	if err != nil {
		return same
	}
	root := os.Getenv("GITHUB_WORKSPACE")
	if root == "" || !inside(root, here) {
		root = here
		for {
			if _, err := os.Lstat(filepath.Join(root, ".git")); err == nil {
				break
			}
			parent := filepath.Dir(root)
			if parent == root {
				return same
			}
			root = parent
		}
	}
	return func(file string) string {
		abs := filepath.FromSlash(file)
		if !filepath.IsAbs(abs) {
			abs = filepath.Join(here, abs)
		}
		if rel, err := filepath.Rel(root, abs); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
		return file
	}
}

// inside reports whether a directory is another one or below it.
func inside(root, dir string) bool {
	rel, err := filepath.Rel(root, dir)
	return err == nil && filepath.IsLocal(rel)
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
