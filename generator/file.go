package generator

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"go/scanner"
	"strings"

	"github.com/dave/jennifer/jen"
)

// The packages that generated code imports, and the names it uses for them.
const (
	pkgContext = "context"
	pkgErrors  = "errors"
	pkgTime    = "time"
	pkgRuntime = "github.com/ipcio/ipcio-go/runtime/ipcio"
	pkgCodec   = "github.com/ipcio/ipcio-go/runtime/codec"

	pkgCodecTest = "github.com/ipcio/ipcio-go/runtime/codec/codectest"
)

// file wraps jen.File. It is the only place that writes comments, headers and
// imports, because jennifer writes a comment that begins with "//" or holds a
// line break as it is.
type file struct {
	name string
	jen  *jen.File
}

// newFile begins a Go file that is written from the schema file source.
func (g *gen) newFile(name, source string) *file {
	f := &file{name: name, jen: jen.NewFile(g.names.pkg)}
	f.jen.NoFormat = true // render formats, to show the place of an error
	f.jen.ImportName(pkgRuntime, "ipcio")
	f.jen.ImportName(pkgCodec, "codec")
	f.jen.ImportName(pkgCodecTest, "codectest")
	f.jen.HeaderComment(Header + " from " + oneLine(source) + "; DO NOT EDIT.")
	return f
}

// packageDoc sets the comment of the package clause.
func (f *file) packageDoc(paragraphs ...string) {
	for _, line := range join(paragraphs) {
		f.jen.PackageComment(comment(line))
	}
}

// decl adds a declaration with a comment of the given paragraphs.
func (f *file) decl(paragraphs []string, code jen.Code) {
	f.jen.Line()
	for _, c := range docs(paragraphs...) {
		f.jen.Add(c)
	}
	f.jen.Add(code)
}

// declDirective is decl with a directive for tools, which is no text of the
// schema, at the end of the comment.
func (f *file) declDirective(paragraphs []string, directive string, code jen.Code) {
	f.jen.Line()
	for _, c := range docs(paragraphs...) {
		f.jen.Add(c)
	}
	f.jen.Add(jen.Comment("//"), jen.Line(), jen.Comment("//"+directive))
	f.jen.Add(code)
}

// docs returns the comment of the given paragraphs, a code for each line.
// Empty paragraphs are left out.
func docs(paragraphs ...string) []jen.Code {
	var out []jen.Code
	for _, line := range join(paragraphs) {
		out = append(out, jen.Comment(comment(line)))
	}
	return out
}

// join makes the lines of all paragraphs, with an empty one between them.
func join(paragraphs []string) []string {
	var lines []string
	for _, p := range paragraphs {
		more := docLines(p)
		if len(lines) > 0 && len(more) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, more...)
	}
	return lines
}

// comment makes a whole comment of one line of docLines.
func comment(line string) string {
	if line == "" {
		return "//"
	}
	return "// " + line
}

// deprecated returns the paragraph that tools recognise, or "".
func deprecated(text string) string {
	if text == "" {
		return ""
	}
	return "Deprecated: " + oneLine(text)
}

// oneLiner returns a function body on one line.
func oneLiner(code ...jen.Code) jen.Code {
	return jen.Custom(jen.Options{Open: "{ ", Close: " }", Separator: "; "}, code...)
}

// A FormatError reports generated code that is not Go: a bug in this package.
type FormatError struct {
	File    string
	Line    int    // of the first error
	Reason  string // what the Go parser said
	Context string // the lines around it
}

// Error returns place, reason and the lines around.
func (e *FormatError) Error() string {
	return fmt.Sprintf("generator: %s:%d is not Go: %s\n%s", e.File, e.Line, e.Reason, e.Context)
}

// render returns the formatted file.
func (f *file) render() ([]byte, error) {
	var raw bytes.Buffer
	if err := f.jen.Render(&raw); err != nil {
		return nil, &FormatError{File: f.name, Reason: err.Error()}
	}
	source := groupImports(raw.String())
	out, err := format.Source([]byte(source))
	if err != nil {
		return nil, f.formatError(source, err)
	}
	return out, nil
}

// groupImports puts the standard library first in the import block, which
// jennifer sorts as a whole. Packages of the library have no dot in their path.
func groupImports(source string) string {
	const begin, end = "\nimport (\n", "\n)\n"
	before, rest, ok := strings.Cut(source, begin)
	block, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return source
	}
	var std, other []string
	for line := range strings.SplitSeq(block, "\n") {
		if strings.Contains(line, ".") {
			other = append(other, line)
		} else {
			std = append(std, line)
		}
	}
	if len(std) == 0 || len(other) == 0 {
		return source
	}
	return before + begin + strings.Join(std, "\n") + "\n\n" + strings.Join(other, "\n") + end + after
}

func (f *file) formatError(source string, err error) error {
	e := &FormatError{File: f.name, Reason: err.Error()}
	if list, ok := errors.AsType[scanner.ErrorList](err); ok && len(list) > 0 {
		e.Line, e.Reason = list[0].Pos.Line, list[0].Msg
	}
	lines := strings.Split(source, "\n")
	for i := max(e.Line-3, 0); i < min(e.Line+2, len(lines)); i++ {
		e.Context += fmt.Sprintf("%6d  %s\n", i+1, lines[i])
	}
	return e
}
