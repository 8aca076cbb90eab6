package generator_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	mutantCount = flag.Int("mutants", 0, "changes of the generator that some test must notice; 0 means that TestMutants is skipped")
	mutantSeed  = flag.Uint64("mutants.seed", 1, "which changes")
	mutantTime  = flag.Duration("mutants.time", 0, "begin no further one after this time; 0 means no limit")
)

// A mutant is one change of one file of the generator.
type mutant struct {
	file       string
	line       int
	what       string
	start, end int // what is replaced
	by         string
}

// mutantsSurvive are changes that no test can notice, with the reason: the
// beginning of file and what.
var mutantsSurvive = map[string]string{}

// mutantFiles are the files that decide what is written.
func mutantFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") || f == "doc.go" })
}

// mutantsOf returns the changes that are possible in a file: a comparison that
// is another one, a condition that is its opposite, a statement less, an end of
// a range for the other, a number beside.
func mutantsOf(t *testing.T, file string) (list []mutant) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	add := func(from, to token.Pos, by, what string) {
		list = append(list, mutant{file, fset.Position(from).Line, what, offset(from), offset(to), by})
	}
	others := map[token.Token]string{
		token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
		token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+",
	}
	swaps := map[string]string{"Min": "Max", "Max": "Min", "Payload": "Reply", "Reply": "Payload", "Closed": "Optional", "Optional": "Secret", "Name": "GoName"}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			if by, ok := others[n.Op]; ok {
				add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), by, n.Op.String()+" becomes "+by)
			}
		case *ast.IfStmt:
			text := string(source[offset(n.Cond.Pos()):offset(n.Cond.End())])
			add(n.Cond.Pos(), n.Cond.End(), "!("+text+")", "the opposite of "+text)
		case *ast.ExprStmt:
			add(n.Pos(), n.End(), "", "without "+strings.SplitN(string(source[offset(n.Pos()):offset(n.End())]), "\n", 2)[0])
		case *ast.SelectorExpr:
			if by, ok := swaps[n.Sel.Name]; ok {
				add(n.Sel.Pos(), n.Sel.End(), by, n.Sel.Name+" becomes "+by)
			}
		case *ast.BasicLit:
			switch v, err := strconv.Atoi(n.Value); {
			case n.Kind == token.INT && err == nil:
				add(n.Pos(), n.End(), strconv.Itoa(v+1), fmt.Sprintf("%d becomes %d", v, v+1))
			case n.Kind == token.STRING && swaps[strings.Trim(n.Value, `"`)] != "":
				by := strconv.Quote(swaps[strings.Trim(n.Value, `"`)])
				add(n.Pos(), n.End(), by, n.Value+" becomes "+by)
			}
		case *ast.CallExpr:
			for i, arg := range n.Args {
				if i+1 < len(n.Args) && len(n.Args) > 2 {
					add(arg.Pos(), n.Args[i+1].Pos(), "", "without the argument "+strings.SplitN(string(source[offset(arg.Pos()):offset(arg.End())]), "\n", 2)[0])
				}
			}
		}
		return true
	})
	return list
}

// TestMutants changes the generator in many small ways, one at a time, and runs
// its short tests with each: one of them has to fail.
func TestMutants(t *testing.T) {
	if *mutantCount == 0 {
		t.Skip("takes seconds for each change: see make proofmutants")
	}
	var all []mutant
	for _, file := range mutantFiles(t) {
		all = append(all, mutantsOf(t, file)...)
	}
	rng := rand.New(rand.NewPCG(*mutantSeed, 0x3a7))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	start := time.Now()
	killed, survived, stillborn := 0, 0, 0
	for _, m := range all {
		if killed+survived == *mutantCount || *mutantTime > 0 && time.Since(start) > *mutantTime {
			break
		}
		name := fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what)
		switch verdict := m.run(t); {
		case verdict == "stillborn":
			stillborn++
		case verdict == "killed":
			killed++
		case mutantsSurvive[m.file+": "+m.what] != "":
			t.Logf("%s survives: %s", name, mutantsSurvive[m.file+": "+m.what])
			survived++
		default:
			t.Errorf("no test notices %s", name)
			t.Logf("ledger: failure=%q", "survives: "+name)
			survived++
		}
	}
	t.Logf("ledger: mutants=%d killed=%d survived=%d stillborn=%d possible=%d seed=%q", killed+survived, killed, survived, stillborn, len(all), fmt.Sprint(*mutantSeed))
}

// run returns killed, survives, or stillborn for what does not compile.
func (m mutant) run(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, "changed.go")
	write(t, changed, slices.Concat(source[:m.start], []byte(m.by), source[m.end:]))
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	write(t, overlay, replace)
	command := func(args ...string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		return exec.CommandContext(ctx, "go", append([]string{args[0], "-overlay", overlay}, args[1:]...)...).Run()
	}
	binary := filepath.Join(dir, "generator.test")
	if command("build", ".") != nil {
		return "stillborn"
	}
	// A change that is noticed when its code is read is noticed as well.
	if command("test", "-c", "-o", binary, ".") != nil {
		return "killed"
	}
	for _, tests := range []string{"^TestGolden$", "."} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		err := exec.CommandContext(ctx, binary, "-test.short", "-test.failfast", "-test.run", tests).Run()
		cancel()
		if err != nil {
			return "killed"
		}
	}
	return "survives"
}
