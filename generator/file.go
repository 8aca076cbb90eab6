package generator

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"go/scanner"
	"strings"
	"sync"

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
	name  string
	jen   *jen.File
	decls int
}

// A large file is formatted in parts, side by side. No declaration needs
// another for its layout, so the parts give what the whole would.
const (
	cut          = "\x00\n" // between two parts; no YAML file has such a byte
	declsPerPart = 256
)

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

// begin separates a declaration from the one before it.
func (f *file) begin() {
	f.jen.Line()
	if f.decls++; f.decls%declsPerPart == 0 {
		f.jen.Op(strings.TrimSuffix(cut, "\n"))
	}
}

// decl adds a declaration with a comment of the given paragraphs.
func (f *file) decl(paragraphs []string, code jen.Code) {
	f.begin()
	for _, c := range docs(paragraphs...) {
		f.jen.Add(c)
	}
	f.jen.Add(code)
}

// declDirective is decl with a directive for tools, which is no text of the
// schema, at the end of the comment.
func (f *file) declDirective(paragraphs []string, directive string, code jen.Code) {
	f.begin()
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

// render returns the formatted file. What it does at a time takes one of slots.
func (f *file) render(slots chan struct{}) ([]byte, error) {
	source, err := f.source(slots)
	if err != nil {
		return nil, err
	}
	const clause = "package p\n\n"
	parts := strings.Split(source, cut)
	out, errs := make([][]byte, len(parts)), make([]error, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if i > 0 {
				part = clause + part
			}
			out[i], errs[i] = format.Source([]byte(part))
			if i > 0 {
				out[i] = bytes.TrimPrefix(out[i], []byte(clause))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			whole := strings.ReplaceAll(source, cut, "")
			if _, err := format.Source([]byte(whole)); err != nil {
				return nil, f.formatError(whole, err)
			}
			return nil, &FormatError{File: f.name, Reason: "a part of it is no Go: " + err.Error()}
		}
	}
	return bytes.Join(out, []byte("\n")), nil
}

// source returns the file as jennifer writes it.
func (f *file) source(slots chan struct{}) (string, error) {
	slots <- struct{}{}
	defer func() { <-slots }()
	var raw bytes.Buffer
	err := f.jen.Render(&raw)
	f.jen = nil // the largest thing there is
	if err != nil {
		return "", &FormatError{File: f.name, Reason: err.Error()}
	}
	return groupImports(raw.String()), nil
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
