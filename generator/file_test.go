package generator

import (
	"errors"
	"go/scanner"
	"strings"
	"testing"

	"github.com/dave/jennifer/jen"
	"github.com/google/go-cmp/cmp"
)

// TestFormatError shows what is said of generated code that is no Go.
func TestFormatError(t *testing.T) {
	g := &gen{names: &names{pkg: "p"}}
	render := func(f *file) error {
		r := newRenderer()
		r.add(g.newFile("fine.go", "fine.yaml"))
		r.add(f)
		_, err := r.finish()
		if _, ok := errors.AsType[*FormatError](err); !ok {
			t.Fatalf("the error is %v", err)
		}
		return err
	}
	f := g.newFile("x.go", "x.yaml")
	f.decl(nil, jen.Op("wrong wrong"))
	f.decl(nil, jen.Var().Id("a").Int())
	f.decl(nil, jen.Var().Id("b").Int())
	want := "generator: x.go:8 is not Go: expected declaration, found wrong\n" + strings.Join([]string{
		"     6  ", "     7  ", "     8  wrong wrong", "     9  ", "    10  ", ""}, "\n")
	if diff := cmp.Diff(want, render(f).Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// At the end and at the beginning there are fewer lines.
	f = g.newFile("x.go", "x.yaml")
	f.decl(nil, jen.Op("wrong"))
	if got := render(f).Error(); !strings.HasSuffix(got, "found wrong\n     6  \n     7  \n     8  wrong\n") {
		t.Errorf("at the end: %q", got)
	}
	e := f.formatError("1\n2\n3\n", errors.New("it says so")).(*FormatError)
	if diff := cmp.Diff("generator: x.go:0 is not Go: it says so\n     1  1\n     2  2\n", e.Error()); diff != "" {
		t.Errorf("without a place (-want +got):\n%s", diff)
	}

	if got := f.formatError("1", scanner.ErrorList{}).(*FormatError); got.Line != 0 || got.Reason != "no errors" {
		t.Errorf("of no errors: %v", got)
	}

	// The places are those of the whole file, however it is cut.
	f = g.newFile("x.go", "x.yaml")
	f.decl(nil, jen.Var().Id("a").Int())
	f.jen.Line().Op(strings.TrimSuffix(cut, "\n"))
	f.decl(nil, jen.Op("wrong"))
	if got := render(f).Error(); got != "generator: x.go:12 is not Go: expected declaration, found wrong\n    10   \n    11  \n    12  wrong\n" {
		t.Errorf("behind a cut: %q", got)
	}

	// Two parts that are Go as a whole only.
	f = g.newFile("x.go", "x.yaml")
	f.jen.Op("var x = []int{" + cut + "}")
	if got := render(f).Error(); !strings.HasPrefix(got, "generator: x.go:0 is not Go: a part of it is no Go: 6:") {
		t.Errorf("a cut in the wrong place: %s", got)
	}
}

// TestParts shows where a large file is cut: behind so many declarations, of
// any kind.
func TestParts(t *testing.T) {
	g := &gen{names: &names{pkg: "p"}}
	for _, directive := range []bool{false, true} {
		f := g.newFile("x.go", "x.yaml")
		for range 2*declsPerPart + 3 {
			if directive {
				f.declDirective(nil, "sumtype:decl", jen.Type().Id("a").Int())
			} else {
				f.decl(nil, jen.Var().Id("a").Int())
			}
		}
		source, err := f.source(make(chan struct{}, 1))
		if err != nil {
			t.Fatal(err)
		}
		if f.jen != nil {
			t.Error("what was written stays in memory")
		}
		var sizes []int
		for part := range strings.SplitSeq(source, cut) {
			sizes = append(sizes, strings.Count(part, "var a")+strings.Count(part, "type a"))
		}
		if diff := cmp.Diff([]int{declsPerPart - 1, declsPerPart, 4}, sizes); diff != "" {
			t.Errorf("declarations of the parts (-want +got):\n%s", diff)
		}
	}
}

func TestGroupImports(t *testing.T) {
	for in, want := range map[string]string{
		"package p\n\nimport (\n\ta.b/c\n\ttime\n\tx.y\n)\nrest\n": "package p\n\nimport (\n\ttime\n\n\ta.b/c\n\tx.y\n)\nrest\n",
		"package p\n\nimport (\n\ta.b/c\n)\nrest\n":                "package p\n\nimport (\n\ta.b/c\n)\nrest\n",
		"package p\n\nimport (\n\ttime\n)\nrest\n":                 "package p\n\nimport (\n\ttime\n)\nrest\n",
		"package p\n\nimport \"time\"\n":                           "package p\n\nimport \"time\"\n",
		"package p\n\nimport (\n\ta.b\n\ttime\n":                   "package p\n\nimport (\n\ta.b\n\ttime\n",
		"package p\n\n\ta.b\n)\n\ttime\n)\n":                       "package p\n\n\ta.b\n)\n\ttime\n)\n",
	} {
		if diff := cmp.Diff(want, groupImports(in)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestJoin(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"", "a", "", "b\nc", ""}, []string{"a", "", "b", "c"}},
	} {
		if diff := cmp.Diff(c.want, join(c.in)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "A": "a", "AB": "ab", "Ab": "ab", "QueueFull": "queue_full", "HTTPGone": "http_gone", "IPBan": "ip_ban", "Busy2Go": "busy2_go",
		"AzZa": "az_za", "ZAaz": "z_aaz", "AZ": "az", "aB": "a_b", "A1B": "a1_b", "FullA": "full_a", "AAz": "a_az", "ZZa": "z_za", "a[B]": "a[_b]", "AB@": "ab@", "AB{": "ab{", "ABa": "a_ba", "AZA": "aza",
	} {
		if got := snake(in); got != want {
			t.Errorf("snake(%q) = %q, want %q", in, got, want)
		}
	}
}
