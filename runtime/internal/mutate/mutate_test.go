package main

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMutantsOfAPackage(t *testing.T) {
	mutants, files, err := mutate(filepath.Join("testdata", "small"), false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, m := range mutants {
		if m.id != i+1 {
			t.Errorf("mutant %d has the number %d", i+1, m.id)
		}
		got = append(got, strings.TrimPrefix(m.name, "small.go: pick: "))
	}
	want := []string{
		"the opposite of c && a < b", "never c && a < b", "c && a < b with ||", "a < b with <=",
		"a + 1 with no 1", "drop n = a + 1", "return the opposite of a <= b", "a <= b with <",
		"never n < 3", "n < 3 with <=", "drop n++",
		"the opposite of a == 0 || b == 0", "never a == 0 || b == 0", "a == 0 || b == 0 with &&",
		"n - 1 with no 1", "drop note(n - 1)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(files) != 2 {
		t.Errorf("%d files, want the one and the hooks", len(files))
	}
	for path, content := range files {
		if _, err := parser.ParseFile(token.NewFileSet(), path, content, 0); err != nil {
			t.Errorf("%v\n%s", err, content)
		}
	}
}

func TestMutantsOfData(t *testing.T) {
	dir := filepath.Join("testdata", "data")
	mutants, files, err := mutate(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, strings.TrimPrefix(m.name, "data.go: "))
	}
	want := []string{
		`table: "b" with more`,
		"point.text: p.x is y", "point.text: 1 and one more", "point.text: drop p.rest[1] = p.x",
		"point.text: no argument p.name", `point.text: no argument "n"`, "point.text: no argument *q",
		"point.text: p.name is title", `point.text: "n" with more`, `point.text: drop p.title = strings.ToUpper(fmt.Sprint(p.name, "n", *q))`,
		"point.text: no argument p.title", `point.text: "z" with more`, "point.text: p.title is name",
		"point.text: 7 and one more", `point.text: ", " with more`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// They compile.
	replace, err := overlay(t.TempDir(), files)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-overlay", replace, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReport(t *testing.T) {
	a, b, c := &mutant{1, "x.go:1", "a"}, &mutant{2, "x.go:2", "b"}, &mutant{3, "x.go:3", "c"}
	for _, tt := range []struct {
		name      string
		survivors []*mutant
		known     map[string]string
		all       bool
		ok        bool
	}{
		{"all killed", nil, nil, true, true},
		{"one survives", []*mutant{b}, nil, true, false},
		{"one that is known", []*mutant{b}, map[string]string{"b": "why"}, true, true},
		{"one that is known is killed", nil, map[string]string{"b": "why"}, true, false},
		{"one that is known is no more", nil, map[string]string{"gone": "why"}, true, false},
		{"the same, of a part", nil, map[string]string{"gone": "why"}, false, true},
	} {
		err := report(&options{pkg: "./p"}, []*mutant{a, b, c}, tt.survivors, tt.known, tt.all, time.Second)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestKnownNeedsReasons(t *testing.T) {
	for text, ok := range map[string]bool{
		"# a comment\n\na: b\tbecause\n": true, "a: b\n": false, "a: b\t \n": false, "a: b\tx\na: b\ty\n": false,
	} {
		file := filepath.Join(t.TempDir(), "known")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readKnown(file); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
