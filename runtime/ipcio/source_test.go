package ipcio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources are the packages of a program that uses this one.
var sources = []string{".", "../outbox", "../ipciotest", "../internal/session", "../internal/sock", "../internal/wire"}

// inspect shows all nodes of the packages, without their tests.
func inspect(t *testing.T, see func(pkg string, at token.Position, n ast.Node)) {
	t.Helper()
	for _, dir := range sources {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		ok(t, err)
		if len(files) == 0 {
			t.Fatalf("nothing in %s", dir)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
			ok(t, err)
			ast.Inspect(f, func(n ast.Node) bool {
				if n != nil {
					see(dir, set.Position(n.Pos()), n)
				}
				return true
			})
		}
	}
}

// A channel is closed in one place, by its owner, and nothing is sent on one that
// is closed: so none is closed twice, and no send meets a close.
func TestThreadChannelsHaveOneOwner(t *testing.T) {
	closed, sent := map[string][]string{}, map[string][]string{}
	// A channel is known by its package and what it is called there: a receiver has
	// one name in all methods of its type.
	name := func(pkg string, e ast.Expr) string { return pkg + " " + types.ExprString(e) }
	inspect(t, func(pkg string, at token.Position, n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, isName := n.Fun.(*ast.Ident); isName && f.Name == "close" && len(n.Args) == 1 {
				key := name(pkg, n.Args[0])
				closed[key] = append(closed[key], at.String())
			}
		case *ast.SendStmt:
			key := name(pkg, n.Chan)
			sent[key] = append(sent[key], at.String())
		}
	})
	for channel, places := range closed {
		if len(places) > 1 {
			t.Errorf("%s is closed in %d places: give it one owner:\n\t%s", channel, len(places), strings.Join(places, "\n\t"))
		}
		if to := sent[channel]; len(to) > 0 {
			t.Errorf("%s is closed at %s, and sent to:\n\t%s", channel, places[0], strings.Join(to, "\n\t"))
		}
	}
	if len(closed) < 5 || len(sent) < 5 {
		t.Errorf("%d channels are closed, %d sent to: the test does not see them", len(closed), len(sent))
	}
}

// Nothing waits by the clock on the wall, which somebody may turn: times are
// compared with what they were read with, and only those that time.Now returned
// and nothing has stripped of the monotonic clock.
func TestFaultNobodyAsksTheClockOnTheWall(t *testing.T) {
	// What takes the monotonic reading away, or never had one.
	strips := []string{
		"Unix", "UnixMilli", "UnixMicro", "UnixNano", "Round", "Truncate", "UTC", "Local", "In", "Date", "Parse", "ParseInLocation", "AppendFormat",
		"MarshalBinary", "MarshalText", "MarshalJSON", "Hour", "Minute", "Second", "Weekday", "YearDay",
	}
	clocks := 0
	inspect(t, func(_ string, at token.Position, n ast.Node) {
		call, isCall := n.(*ast.CallExpr)
		if !isCall {
			return
		}
		f, isMethod := call.Fun.(*ast.SelectorExpr)
		if !isMethod {
			return
		}
		pkg := types.ExprString(f.X)
		if pkg == "time" && f.Sel.Name == "Now" {
			clocks++
		}
		if !slices.Contains(strips, f.Sel.Name) {
			return
		}
		switch text := types.ExprString(call); {
		case text == "time.Unix(1, 0)": // a deadline that is over, whatever the clock says
		case filepath.Base(at.Filename) == "values.go": // what Message.Value returns: data, not a wait
		case f.Sel.Name == "Parse" && pkg != "time", f.Sel.Name == "Truncate": // of a frame, of a file
		default:
			t.Errorf("%s: %s", at, text)
		}
	})
	if clocks < 4 {
		t.Errorf("%d uses of time.Now: the test does not see them", clocks)
	}
}
