package schema

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkOutcome proves what must hold for every Load.
func checkOutcome(t *testing.T, fsys fs.FS, s *Schema, err error) {
	t.Helper()
	if err == nil {
		checkModel(t, s)
		return
	}
	ds, ok := errors.AsType[Diagnostics](err)
	if !ok {
		t.Fatalf("Load: %v; want Diagnostics", err)
	}
	if len(ds) == 0 || len(ds) > MaxDiagnostics {
		t.Errorf("%d findings", len(ds))
	}
	sources := make(map[string]*source)
	for _, d := range ds {
		checkMark(t, fsys, sources, d.Pos, d.Length, d.Excerpt)
		for _, n := range d.Notes {
			checkMark(t, fsys, sources, n.Pos, n.Length, n.Excerpt)
		}
		if d.Code.Title() == "" || d.Message == "" {
			t.Errorf("%v: without code or message", d)
		}
		if d.Hint == "" {
			t.Errorf("%v %s %s: nothing says what to type instead", d.Pos, d.Code, d.Message)
		}
	}
	var b strings.Builder
	if err := ds.Render(&b); err != nil {
		t.Error(err)
	}
	for _, r := range b.String() {
		if r != '\n' && visible(r) != r {
			t.Fatalf("rendered text holds %U", r)
		}
	}
}

// checkMark proves that a mark is inside the line it is on.
func checkMark(t *testing.T, fsys fs.FS, sources map[string]*source, pos Position, length int, excerpt string) {
	t.Helper()
	src := sources[pos.File]
	if src == nil {
		data, err := fs.ReadFile(fsys, pos.File)
		if err != nil {
			t.Fatalf("%v is in no file: %v", pos, err)
		}
		if len(data) > MaxFileSize {
			data = nil
		}
		src = newSource(pos.File, data)
		sources[pos.File] = src
	}
	if pos.Line < 1 || pos.Line > len(src.lines) || src.line(pos.Line) != excerpt {
		t.Fatalf("%v: the excerpt is not line %d of %d: %.100q", pos, pos.Line, len(src.lines), excerpt)
	}
	n := utf8.RuneCountInString(excerpt)
	if pos.Column < 1 || pos.Column > n+1 || length < 1 || pos.Column+length > max(n+1, pos.Column+1) {
		t.Errorf("%v+%d is outside of its line of %d", pos, length, n)
	}
}

// checkModel proves that a model is as its documentation promises.
func checkModel(t *testing.T, s *Schema) {
	t.Helper()
	widths := make(map[Position]int) // by file and line
	at := func(p Position) {
		t.Helper()
		line := Position{File: p.File, Line: p.Line}
		if _, ok := widths[line]; !ok {
			text, ok := s.Excerpt(p)
			if !ok {
				t.Errorf("%v is on no line", p)
			}
			widths[line] = utf8.RuneCountInString(text)
		}
		if p.Column < 1 || p.Column > widths[line]+1 {
			t.Errorf("%v is outside of the files", p)
		}
	}
	var expr func(e *Expr)
	expr = func(e *Expr) {
		at(e.Pos)
		switch e.Kind {
		case ListExpr, MapExpr:
			expr(e.Elem)
		case NamedExpr:
			if (e.Named.Name == "") != (e.Named.Variant != nil) || e.Named.Kind == 0 {
				t.Errorf("%v: reference to nothing", e.Pos)
			}
		case ScalarExpr:
			if e.Scalar.String() == "" {
				t.Errorf("%v: no scalar", e.Pos)
			}
		}
	}
	value := func(v *Value, e *Expr) {
		at(v.Pos)
		want := scalarOf(resolved(e))
		if want == 0 {
			want = String // an enum
		}
		if v.Scalar != want || (want == String && v.Enum == nil) != (scalarOf(resolved(e)) == String) {
			t.Errorf("%v: %v %q is not a value of %v", v.Pos, v.Scalar, v, e)
		}
	}
	constraints := func(c *Constraints, e *Expr) {
		if c == nil {
			return
		}
		at(c.Pos)
		if c.Range == nil && c.Len == nil && c.Pattern == nil && c.Format == 0 && c.In == nil && !c.Unique {
			t.Errorf("%v: constraints that hold none", c.Pos)
		}
		if c.Range != nil {
			if c.Range.Min == nil && c.Range.Max == nil {
				t.Errorf("%v: a range without ends", c.Pos)
			}
			for _, v := range []*Value{c.Range.Min, c.Range.Max} {
				if v != nil {
					value(v, e)
				}
			}
		}
		for _, v := range c.In {
			value(v, e)
		}
	}
	fields := func(list []*Field) {
		for _, f := range list {
			at(f.Pos)
			expr(f.Type)
			constraints(f.Constraints, f.Type)
			if f.Default != nil {
				value(f.Default, f.Type)
				if !f.Optional {
					t.Errorf("%v: a default of a required field", f.Pos)
				}
			}
		}
	}
	check := func(typ *Type) {
		at(typ.Pos)
		fields(typ.Fields)
		switch typ.Kind {
		case NewType:
			expr(typ.Base)
			constraints(typ.Constraints, typ.Base)
		case Enum:
			if len(typ.Values) == 0 {
				t.Errorf("%v: no values", typ.Pos)
			}
			for _, v := range typ.Values {
				at(v.Pos)
			}
		case Union:
			if len(typ.Variants) == 0 {
				t.Errorf("%v: no variants", typ.Pos)
			}
			for _, v := range typ.Variants {
				at(v.Pos)
				expr(v.Type)
				if v.Union != typ {
					t.Errorf("%v: variant of another union", v.Pos)
				}
				if v.isInline() {
					fields(v.Type.Named.Fields)
				}
			}
		}
	}
	for _, e := range s.Errors {
		at(e.Pos)
		fields(e.Fields)
	}
	for _, r := range s.Reserved {
		at(r.Pos)
	}
	if !isSnake(s.Protocol) || s.Version < 1 {
		t.Errorf("protocol %q version %d", s.Protocol, s.Version)
	}
	for _, typ := range s.Types {
		check(typ)
	}
	for _, c := range s.Commands {
		at(c.Pos)
		if c.Reply == nil && (c.Errors != nil || c.Idempotent) {
			t.Errorf("%s: an event with errors", c.Name)
		}
		for _, body := range []*Type{c.Payload, c.Reply} {
			if body != nil {
				if body.Kind != Struct {
					t.Errorf("%s: the payload or reply is no struct", c.Name)
				}
				check(body)
			}
		}
	}
}
