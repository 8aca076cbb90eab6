package schema

import (
	"io"
	"strings"
)

// Rename sets how files are called in what the report writes from now on. They
// are relative to the schema file, but people and programs look from where they
// are. old says that a file is one of the old schema.
func (r *Report) Rename(rename func(file string, old bool) string) { r.rename = rename }

// place returns where a change is, for those who read the report.
func (r *Report) place(c *Change) Position {
	pos := c.Pos
	if r.rename != nil && pos.File != "" {
		pos.File = r.rename(pos.File, c.InOld)
	}
	return pos
}

// diagnostics returns the changes as findings. What is gone has a place in the
// old schema only, which those who read these forms do not have: it is a finding
// about the schema file as a whole.
func (r *Report) diagnostics() Diagnostics {
	var ds Diagnostics
	for i := range r.Changes {
		c := &r.Changes[i]
		d := Diagnostic{Code: c.Rule.ID, Message: c.Message, Pos: r.place(c), Hint: c.Hint}
		switch c.Severity() {
		case "warning":
			d.Severity = SeverityWarning
		case "note":
			d.Severity = severityNote
		}
		if c.Pos.IsValid() && !c.InOld {
			d.Excerpt, d.Length = r.new.mark(c.Pos, 0)
		} else {
			d.Pos = Position{}
			if len(r.new.Files) > 0 {
				d.Pos.File = r.place(&Change{Pos: Position{File: r.new.Files[0]}}).File
			}
		}
		var remarks []string
		for _, w := range c.Witnesses {
			remarks = append(remarks, w.String())
		}
		if c.Verdict != AnyOrder {
			remarks = append(remarks, "order: "+c.Verdict.String())
		}
		d.Label = strings.Join(remarks, "; ")
		ds = append(ds, d)
	}
	return ds
}

// WriteGitHub writes the changes as [Diagnostics.WriteGitHub] writes findings:
// an error for each that fails, else a warning or a notice. It returns the first
// error of w.
func (r *Report) WriteGitHub(w io.Writer) error { return r.diagnostics().WriteGitHub(w) }

// WriteSARIF writes the changes as [Diagnostics.WriteSARIF] writes findings. It
// returns the first error of w.
func (r *Report) WriteSARIF(w io.Writer) error { return r.diagnostics().WriteSARIF(w) }
