package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// data is what the mutants of data need to know of a file.
type data struct {
	info    *types.Info
	pkg     *types.Package
	imports map[string]string // path -> name in this file
	keep    map[ast.Node]bool // what must stay as it is
}

// check finds the types of a package.
func check(dir string, fset *token.FileSet, files []*ast.File) (*types.Info, *types.Package, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", ".")
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list: %w\n%s", err, errs.String())
	}
	compiled := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		compiled[path] = file
	}
	info := &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if compiled[path] == "" {
			return nil, fmt.Errorf("%s is not compiled", path)
		}
		return os.Open(compiled[path])
	})}
	pkg, err := config.Check(files[0].Name.Name, fset, files, info)
	return info, pkg, err
}

func newData(info *types.Info, pkg *types.Package, file *ast.File) *data {
	d := &data{info: info, pkg: pkg, imports: map[string]string{}, keep: map[ast.Node]bool{}}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // it was parsed
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		d.imports[path] = name
	}
	return d
}

// typeName returns how the file writes a type, if it can.
func (d *data) typeName(t types.Type) (string, bool) {
	ok := true
	name := types.TypeString(t, func(p *types.Package) string {
		if p == d.pkg {
			return ""
		}
		name, found := d.imports[p.Path()]
		ok = ok && found
		return name
	})
	return name, ok
}

// shorten returns a text that is short enough for a line of a list.
func shorten(text string) string {
	if r := []rune(text); len(r) > 90 {
		return string(r[:89]) + "…"
	}
	return text
}

// given makes the mutants of data that one node of an expression has.
func (m *mutator) given(n ast.Node) {
	if m.data == nil || m.data.keep[n] {
		return
	}
	switch n := n.(type) {
	case *ast.UnaryExpr:
		if n.Op == token.AND { // there is no address of what a function returns
			for e := n.X; ; {
				sel, ok := e.(*ast.SelectorExpr)
				if !ok {
					break
				}
				m.data.keep[sel] = true
				e = sel.X
			}
		}
	case *ast.ArrayType:
		if n.Len != nil {
			m.data.keep[n.Len] = true
		}
	case *ast.KeyValueExpr:
		if _, ok := n.Key.(*ast.BasicLit); ok {
			m.data.keep[n.Key] = true // of an array or a map: two may not be equal
		}
	case *ast.BinaryExpr:
		if n.Op == token.SHL || n.Op == token.SHR || n.Op == token.ADD || n.Op == token.SUB {
			for _, e := range []ast.Expr{n.X, n.Y} {
				if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.INT {
					m.data.keep[e] = true // a constant shift, or the mutants of + 1
				}
			}
		}
	case *ast.CallExpr:
		m.variadic(n)
	case *ast.SelectorExpr:
		m.field(n)
	case *ast.BasicLit:
		m.literal(n)
	}
}

// variadic makes a mutant without each argument that is one of any number.
func (m *mutator) variadic(call *ast.CallExpr) {
	if call.Ellipsis.IsValid() {
		return
	}
	var fixed int
	var elem types.Type
	switch t := m.data.info.Types[call.Fun].Type.(type) {
	case *types.Signature:
		if !t.Variadic() {
			return
		}
		fixed = t.Params().Len() - 1
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "append" {
			fixed = 1
		}
		s, ok := t.Params().At(t.Params().Len() - 1).Type().Underlying().(*types.Slice)
		if !ok {
			return
		}
		elem = s.Elem()
	default:
		return
	}
	if len(call.Args) <= fixed {
		return
	}
	name, ok := m.data.typeName(elem)
	if !ok {
		return
	}
	args := call.Args[fixed:]
	first := 0
	for _, arg := range args {
		id := m.add(arg, "no argument "+shorten(m.text(arg)))
		if first == 0 {
			first = id
		}
	}
	from, to, order := m.offset(args[0].Pos()), m.offset(args[len(args)-1].End()), len(m.edits)
	m.edits = append(m.edits,
		edit{from, from, fmt.Sprintf("mutateOmit[%s](%d, ", name, first), false, to, order},
		edit{to, to, ")...", true, from, order})
}

// field makes a mutant with another field of the same type.
func (m *mutator) field(e *ast.SelectorExpr) {
	s := m.data.info.Selections[e]
	if s == nil {
		return
	}
	if s.Kind() == types.MethodVal {
		// A method of a pointer needs the place of its value.
		if sig := s.Obj().(*types.Func).Signature(); sig.Recv() != nil {
			_, wants := sig.Recv().Type().(*types.Pointer)
			_, has := m.data.info.Types[e.X].Type.(*types.Pointer)
			if wants && !has {
				m.data.keep[e.X] = true
			}
		}
		return
	}
	if s.Kind() != types.FieldVal || len(s.Index()) != 1 || !isPath(e.X) {
		return
	}
	t := s.Recv()
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return
	}
	at := s.Index()[0]
	for i := 1; i < st.NumFields(); i++ {
		other := st.Field((at + i) % st.NumFields())
		if !types.Identical(other.Type(), s.Type()) || !other.Exported() && other.Pkg() != m.data.pkg {
			continue
		}
		base := m.text(e.X)
		id := m.add(e, shorten(m.text(e))+" is "+other.Name())
		m.wrap(e, fmt.Sprintf("mutatePick(%d, ", id), fmt.Sprintf(", %s.%s)", base, other.Name()))
		return
	}
}

// isPath reports whether an expression is made of names and dots.
func isPath(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return isPath(e.X)
	}
	return false
}

// literal makes a mutant with another text or number.
func (m *mutator) literal(lit *ast.BasicLit) {
	basic, ok := m.data.info.Types[lit].Type.Underlying().(*types.Basic)
	if !ok {
		return
	}
	hook, what := "", ""
	switch {
	case lit.Kind == token.STRING && basic.Kind() == types.String:
		hook, what = "mutateText", " with more"
	case lit.Kind == token.INT && basic.Info()&types.IsInteger != 0 && basic.Info()&types.IsUntyped == 0:
		hook, what = "mutateNumber", " and one more"
	default:
		return
	}
	name, ok := m.data.typeName(m.data.info.Types[lit].Type)
	if !ok {
		return
	}
	id := m.add(lit, shorten(m.text(lit))+what)
	m.wrap(lit, fmt.Sprintf("%s[%s](%d, ", hook, name, id), ")")
}
