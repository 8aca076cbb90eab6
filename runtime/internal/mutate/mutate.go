package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variable is the name of the environment variable that tells a binary which
// mutant to be.
const variable = "MUTANT"

// A mutant is one change to a package.
type mutant struct {
	id    int
	place string // file:line
	name  string // file, function, what is changed; without a line, so that it lasts
}

// An edit replaces source[from:to]. Edits nest: of two at one place, an end goes
// before a begin, and what is within goes closer.
type edit struct {
	from, to int
	text     string
	end      bool // closes something that began at partner, else opens something that ends there
	partner  int
	order    int // what came first goes around what came later
}

// A mutator collects the mutants of one file.
type mutator struct {
	fset    *token.FileSet
	file    string
	source  []byte
	edits   []edit
	mutants *[]*mutant
	names   map[string]int
	fn      string
	data    *data // nil without the mutants of data
}

// mutate returns the mutants of a package, and its files with all of them. With
// data there are also those of what functions are given.
func mutate(dir string, data bool) ([]*mutant, map[string][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
	var mutants []*mutant
	files := map[string][]byte{}
	names := map[string]int{}
	pkg := ""
	fset := token.NewFileSet()
	var parsed []*ast.File
	var mutators []*mutator
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		f, err := parser.ParseFile(fset, path, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		pkg = f.Name.Name
		parsed = append(parsed, f)
		mutators = append(mutators, &mutator{fset: fset, file: filepath.Base(path), source: source, mutants: &mutants, names: names})
	}
	if data {
		info, types, err := check(dir, fset, parsed)
		if err != nil {
			return nil, nil, err
		}
		for i, m := range mutators {
			m.data = newData(info, types, parsed[i])
		}
	}
	for i, m := range mutators {
		for _, decl := range parsed[i].Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Body != nil {
					m.fn = nameOf(decl)
					m.statements(decl.Body.List)
				}
			case *ast.GenDecl:
				if decl.Tok == token.VAR && data {
					for _, spec := range decl.Specs {
						spec := spec.(*ast.ValueSpec)
						m.fn = spec.Names[0].Name
						m.expressions(spec.Values...)
					}
				}
			}
		}
		if len(m.edits) > 0 {
			files[paths[i]] = m.apply()
		}
	}
	if len(mutants) == 0 {
		return nil, nil, fmt.Errorf("%s has nothing to mutate", dir)
	}
	files[filepath.Join(dir, "mutate_hooks.go")] = []byte("package " + pkg + hooks)
	return mutants, files, nil
}

func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	return t.(*ast.Ident).Name + "." + fn.Name.Name
}

// hooks is what mutated code calls.
const hooks = `

import (
	"cmp"
	"os"
	"strconv"
)

var mutateID = func() int { n, _ := strconv.Atoi(os.Getenv("` + variable + `")); return n }()

func mutateNot(id int, c bool) bool   { return c != (mutateID == id) }
func mutateFalse(id int, c bool) bool { return c && mutateID != id }

func mutateAnd(id int, a bool, b func() bool) bool {
	if mutateID == id {
		return a || b()
	}
	return a && b()
}

func mutateOr(id int, a bool, b func() bool) bool {
	if mutateID == id {
		return a && b()
	}
	return a || b()
}

func mutateLess[T cmp.Ordered](id int, a, b T) bool      { return a < b || mutateID == id && a == b }
func mutateLessEqual[T cmp.Ordered](id int, a, b T) bool { return a < b || mutateID != id && a == b }
func mutateGreater[T cmp.Ordered](id int, a, b T) bool      { return mutateLess(id, b, a) }
func mutateGreaterEqual[T cmp.Ordered](id int, a, b T) bool { return mutateLessEqual(id, b, a) }

type mutateInteger interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func mutatePick[T any](id int, a, b T) T {
	if mutateID == id {
		return b
	}
	return a
}

func mutateOmit[T any](id int, list ...T) []T {
	if i := mutateID - id; i >= 0 && i < len(list) {
		return append(list[:i:i], list[i+1:]...)
	}
	return list
}

func mutateText[T ~string](id int, a T) T {
	if mutateID == id {
		return a + "x"
	}
	return a
}

func mutateNumber[T mutateInteger](id int, a T) T {
	if mutateID == id {
		return a + 1
	}
	return a
}

func mutateAdd[T mutateInteger](id int, a, b T) T {
	if mutateID == id {
		return a
	}
	return a + b
}

func mutateSub[T mutateInteger](id int, a, b T) T {
	if mutateID == id {
		return a
	}
	return a - b
}
`

func (m *mutator) offset(p token.Pos) int { return m.fset.Position(p).Offset }

func (m *mutator) text(n ast.Node) string {
	return strings.Join(strings.Fields(string(m.source[m.offset(n.Pos()):m.offset(n.End())])), " ")
}

// add makes a mutant and returns its number.
func (m *mutator) add(n ast.Node, what string) int {
	name := fmt.Sprintf("%s: %s: %s", m.file, m.fn, what)
	if m.names[name]++; m.names[name] > 1 {
		name += fmt.Sprintf(" (%d)", m.names[name])
	}
	id := len(*m.mutants) + 1
	*m.mutants = append(*m.mutants, &mutant{id, fmt.Sprintf("%s:%d", m.file, m.fset.Position(n.Pos()).Line), name})
	return id
}

// wrap puts something before and behind a node.
func (m *mutator) wrap(n ast.Node, before, behind string) {
	from, to := m.offset(n.Pos()), m.offset(n.End())
	order := len(m.edits)
	m.edits = append(m.edits, edit{from, from, before, false, to, order}, edit{to, to, behind, true, from, order})
}

func (m *mutator) apply() []byte {
	slices.SortStableFunc(m.edits, func(a, b edit) int {
		switch {
		case a.from != b.from:
			return a.from - b.from
		case a.end != b.end:
			if a.end {
				return -1
			}
			return 1
		}
		// Outer ones begin first and end last.
		if a.partner != b.partner {
			return b.partner - a.partner
		}
		if a.end {
			return b.order - a.order
		}
		return a.order - b.order
	})
	var out []byte
	at := 0
	for _, e := range m.edits {
		out = append(append(out, m.source[at:e.from]...), e.text...)
		at = e.to
	}
	return append(out, m.source[at:]...)
}

func (m *mutator) statements(list []ast.Stmt) {
	for _, s := range list {
		m.statement(s)
	}
}

func (m *mutator) statement(s ast.Stmt) {
	switch s := s.(type) {
	case nil:
	case *ast.AssignStmt:
		m.expressions(s.Rhs...)
		m.places(s.Lhs)
		if s.Tok != token.DEFINE && !isBlank(s.Lhs) {
			m.drop(s)
		}
	case *ast.IncDecStmt:
		m.drop(s)
	case *ast.ExprStmt:
		m.expressions(s.X)
		if droppable(s.X) {
			m.drop(s)
		}
	case *ast.IfStmt:
		m.inner(s.Init)
		m.condition(s.Cond, true)
		m.statements(s.Body.List)
		m.statement(s.Else)
	case *ast.ForStmt:
		m.inner(s.Init)
		if s.Cond != nil {
			m.condition(s.Cond, false)
		}
		m.inner(s.Post)
		m.statements(s.Body.List)
	case *ast.RangeStmt:
		m.expressions(s.X)
		m.statements(s.Body.List)
	case *ast.SwitchStmt:
		m.inner(s.Init)
		if s.Tag != nil {
			m.expressions(s.Tag)
		}
		for _, c := range s.Body.List {
			c := c.(*ast.CaseClause)
			if s.Tag == nil {
				for _, e := range c.List {
					m.condition(e, true)
				}
			}
			m.statements(c.Body)
		}
	case *ast.TypeSwitchStmt:
		m.inner(s.Init)
		for _, c := range s.Body.List {
			m.statements(c.(*ast.CaseClause).Body)
		}
	case *ast.BlockStmt:
		m.statements(s.List)
	case *ast.LabeledStmt:
		m.statement(s.Stmt)
	case *ast.ReturnStmt:
		for _, e := range s.Results {
			if isCondition(e) {
				id := m.add(e, "return the opposite of "+m.text(e))
				m.wrap(e, fmt.Sprintf("mutateNot(%d, ", id), ")")
			}
		}
		m.expressions(s.Results...)
	case *ast.DeferStmt:
		m.expressions(s.Call)
	case *ast.GoStmt:
		m.expressions(s.Call)
	case *ast.DeclStmt:
		if d, ok := s.Decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
			for _, spec := range d.Specs {
				m.expressions(spec.(*ast.ValueSpec).Values...)
			}
		}
	}
}

// inner takes the statement of an if, switch or for that stands before its
// condition or behind it, and cannot be dropped.
func (m *mutator) inner(s ast.Stmt) {
	if a, ok := s.(*ast.AssignStmt); ok {
		m.expressions(a.Rhs...)
	}
}

// condition makes the mutants of a condition.
func (m *mutator) condition(e ast.Expr, opposite bool) {
	before := ""
	if opposite {
		before = fmt.Sprintf("mutateNot(%d, ", m.add(e, "the opposite of "+m.text(e)))
	}
	before += fmt.Sprintf("mutateFalse(%d, ", m.add(e, "never "+m.text(e)))
	m.wrap(e, before, strings.Repeat(")", strings.Count(before, "(")))
	m.expressions(e)
}

func (m *mutator) drop(s ast.Stmt) {
	id := m.add(s, "drop "+m.text(s))
	m.wrap(s, fmt.Sprintf("if mutateID != %d { ", id), " }")
}

// expressions makes the mutants within expressions.
func (m *mutator) expressions(list ...ast.Expr) {
	for _, e := range list {
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				m.statements(n.Body.List)
				return false
			case *ast.BinaryExpr:
				m.binary(n)
			}
			m.given(n)
			return true
		})
	}
}

// places makes the mutants within what is assigned to: within its indexes.
func (m *mutator) places(list []ast.Expr) {
	for _, e := range list {
		switch e := e.(type) {
		case *ast.IndexExpr:
			m.places([]ast.Expr{e.X})
			m.expressions(e.Index)
		case *ast.SelectorExpr:
			m.places([]ast.Expr{e.X})
		case *ast.StarExpr:
			m.places([]ast.Expr{e.X})
		case *ast.ParenExpr:
			m.places([]ast.Expr{e.X})
		}
	}
}

func (m *mutator) binary(e *ast.BinaryExpr) {
	call := func(hook, what, between, close string) {
		id := m.add(e, m.text(e)+" with "+what)
		m.wrap(e, fmt.Sprintf("%s(%d, ", hook, id), close)
		at := m.offset(e.OpPos)
		m.edits = append(m.edits, edit{at, at + len(e.Op.String()), between, false, at, 0})
	}
	switch e.Op {
	case token.LSS:
		call("mutateLess", "<=", ", ", ")")
	case token.LEQ:
		call("mutateLessEqual", "<", ", ", ")")
	case token.GTR:
		call("mutateGreater", ">=", ", ", ")")
	case token.GEQ:
		call("mutateGreaterEqual", ">", ", ", ")")
	case token.LAND:
		call("mutateAnd", "||", ", func() bool { return (", ") })")
	case token.LOR:
		call("mutateOr", "&&", ", func() bool { return (", ") })")
	case token.ADD, token.SUB:
		if one, ok := e.Y.(*ast.BasicLit); ok && one.Value == "1" {
			if !isConstant(e.X) {
				hook := "mutateAdd"
				if e.Op == token.SUB {
					hook = "mutateSub"
				}
				call(hook, "no 1", ", ", ")")
			}
		}
	}
}

// isCondition reports whether an expression is certainly a bool.
func isCondition(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LSS, token.LEQ, token.GTR, token.GEQ, token.EQL, token.NEQ, token.LAND, token.LOR:
			return true
		}
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	case *ast.ParenExpr:
		return isCondition(e.X)
	}
	return false
}

// isConstant reports whether an expression is made of literals, or is a literal
// that is shifted: its type comes from around it.
func isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.BinaryExpr:
		return isConstant(e.X) && (e.Op == token.SHL || isConstant(e.Y))
	case *ast.ParenExpr:
		return isConstant(e.X)
	}
	return false
}

func isBlank(list []ast.Expr) bool {
	for _, e := range list {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// droppable reports whether a call can go: not that of a lock, whose absence one
// goroutine does not notice, nor one that does not return.
func droppable(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name != "panic"
	case *ast.SelectorExpr:
		return f.Sel.Name != "Lock" && f.Sel.Name != "Unlock"
	}
	return true
}
