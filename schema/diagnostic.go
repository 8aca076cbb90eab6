package schema

import (
	"cmp"
	"slices"
	"strings"
)

// MaxDiagnostics is the number of findings one [Load] reports at most. What
// would come after them is mostly the consequence of the first ones. The last
// finding says how many were left out.
const MaxDiagnostics = 50

// maxCollected is the number of findings after which a Load ends: what is left
// out is counted so far only.
const maxCollected = 250

// A Severity says how bad a finding is.
type Severity uint8

// The severities.
const (
	SeverityError   Severity = iota // the schema cannot be used
	SeverityWarning                 // the schema can be used

	severityNote // of a change that harms nobody
)

// String returns the word that [Diagnostics.WriteText] prints.
func (s Severity) String() string {
	switch s {
	case SeverityWarning:
		return "warning"
	case severityNote:
		return "note"
	}
	return "error"
}

// A Diagnostic is one finding about a schema, with the source line it is
// about, so that showing it needs no file. The texts may hold whatever the
// schema file holds; [Diagnostics.WriteText] makes them safe for a terminal.
type Diagnostic struct {
	Code     Code
	Severity Severity
	Message  string // what is wrong, in one line
	Pos      Position
	Length   int    // of the marked text in runes, never beyond the end of the line; at least 1
	Excerpt  string // the line of Pos without its line break; "" if it is not known
	Label    string // why it is wrong here, printed beside the mark; "" if Message says it all
	Notes    []Note // other places that belong to it
	Hint     string // what to type instead; "" if there is nothing to suggest
	LeftOut  int    // findings after this one that are not reported; only ever on the last of [MaxDiagnostics]
}

// A Note is another place that explains a [Diagnostic], such as the first of
// two declarations.
type Note struct {
	Message string
	Pos     Position
	Length  int    // as in Diagnostic
	Excerpt string // as in Diagnostic
}

// Error returns the place, the severity, the code and the message in one line.
func (d Diagnostic) Error() string {
	return d.Pos.String() + ": " + d.Severity.String() + "[" + string(d.Code) + "]: " + printable(d.Message)
}

// Diagnostics are the findings about a schema, sorted by place: the root file
// first, then the included files in their order. As an error it is never
// empty; find it in an error with [errors.AsType] or [errors.As].
type Diagnostics []Diagnostic

// Error returns one line per finding, without excerpts. See
// [Diagnostics.WriteText] for the form people want to read.
func (ds Diagnostics) Error() string {
	var b strings.Builder
	for i, d := range ds {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(d.Error())
	}
	return b.String()
}

// NewDiagnostic returns an error about the text at pos in one of the files of
// s, with its excerpt. It is how rules outside of this package, such as those
// about Go names, report in the same form. A length of 0 marks the whole word
// at pos. A position outside of the files gives a diagnostic without excerpt.
func (s *Schema) NewDiagnostic(code Code, pos Position, length int, message string) Diagnostic {
	excerpt, length := s.mark(pos, length)
	return Diagnostic{Code: code, Message: message, Pos: pos, Length: length, Excerpt: excerpt}
}

// NewNote returns a note about the text at pos, as [Schema.NewDiagnostic].
func (s *Schema) NewNote(pos Position, length int, message string) Note {
	excerpt, length := s.mark(pos, length)
	return Note{Message: message, Pos: pos, Length: length, Excerpt: excerpt}
}

// Excerpt returns the line of a schema file that pos is on, without its line
// break, and whether there is one.
func (s *Schema) Excerpt(pos Position) (line string, ok bool) {
	for _, src := range s.sources {
		if src.file == pos.File && pos.Line >= 1 && pos.Line <= len(src.lines) {
			return src.lines[pos.Line-1], true
		}
	}
	return "", false
}

// SortDiagnostics returns ds in the order of the files of s, without exact
// repetitions and cut to [MaxDiagnostics], of which the last says how many
// were left out. The argument is not changed.
func (s *Schema) SortDiagnostics(ds Diagnostics) Diagnostics {
	return sortDiagnostics(ds, s.Files)
}

func sortDiagnostics(ds Diagnostics, files []string) Diagnostics {
	order := make(map[string]int, len(files))
	for i, f := range files {
		order[f] = i
	}
	sorted := slices.Clone(ds)
	slices.SortStableFunc(sorted, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(order[a.Pos.File], order[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message),
		)
	})
	sorted = slices.CompactFunc(sorted, func(a, b Diagnostic) bool {
		return a.Pos == b.Pos && a.Code == b.Code && a.Message == b.Message
	})
	if left := len(sorted) - MaxDiagnostics; left > 0 {
		left += sorted[len(sorted)-1].LeftOut
		sorted = sorted[:MaxDiagnostics]
		sorted[MaxDiagnostics-1].LeftOut = left
	}
	return sorted
}

// mark returns the line of pos and the length to mark on it.
func (s *Schema) mark(pos Position, length int) (excerpt string, n int) {
	line, ok := s.Excerpt(pos)
	if !ok {
		return "", max(length, 1)
	}
	if length <= 0 {
		length = wordLength(line, pos.Column)
	}
	return line, clampMark(line, pos.Column, length)
}
