package schema

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func render(t *testing.T, ds ...Diagnostic) string {
	t.Helper()
	var b strings.Builder
	if err := Diagnostics(ds).Render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNewDiagnostic proves that rules outside of the package can report in the
// form of this one, with positions of the model.
func TestNewDiagnostic(t *testing.T) {
	s := mustLoad(t, header+"commands:\n  job.submit: {}\n  job_submit: {go: JobX}\n")
	a, b := s.Commands[0], s.Commands[1]
	d := s.NewDiagnostic(E0501, b.Pos, 0, "`job.submit` and `job_submit` both become JobSubmit in Go")
	d.Notes = []Note{s.NewNote(a.Pos, 0, "the other one")}
	d.Hint = "go: JobSubmitV2 on one of them"
	want := `commands.yaml:5:3: error[E0501]: ` + "`job.submit` and `job_submit`" + ` both become JobSubmit in Go
5 |   job_submit: {go: JobX}
  |   ^^^^^^^^^^
commands.yaml:4:3: note: the other one
4 |   job.submit: {}
  |   ----------
  = hint: go: JobSubmitV2 on one of them
`
	if diff := cmp.Diff(want, render(t, d)); diff != "" {
		t.Error(diff)
	}
	if d := s.NewDiagnostic(E0505, b.GoPos, 2, "x"); d.Excerpt != "  job_submit: {go: JobX}" || d.Pos.Column != 20 || d.Length != 2 {
		t.Errorf("%+v", d)
	}
	if d := s.NewDiagnostic(E0505, b.GoPos, 99, "x"); d.Length != len("JobX}") {
		t.Errorf("a mark of %d runs over the end of the line", d.Length)
	}
	// A model that was built by hand has no text.
	outside := s.NewDiagnostic(E0505, Position{"other.yaml", 1, 1}, 0, "x")
	if got, want := render(t, outside), "other.yaml:1:1: error[E0505]: x\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := render(t, Diagnostic{Code: E0505, Severity: SeverityWarning, Message: "x", Pos: Position{File: "a"}}), "a: warning[E0505]: x\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSortDiagnostics(t *testing.T) {
	s := &Schema{Files: []string{"z.yaml", "a.yaml"}}
	at := func(file string, line, column int, code Code) Diagnostic {
		return Diagnostic{Code: code, Pos: Position{file, line, column}}
	}
	in := Diagnostics{
		at("a.yaml", 1, 1, E0501), at("z.yaml", 9, 1, E0501), at("z.yaml", 2, 5, E0502), at("z.yaml", 2, 5, E0501),
		at("z.yaml", 2, 3, E0505), at("z.yaml", 9, 1, E0501),
	}
	want := Diagnostics{in[4], in[3], in[2], in[1], in[0]}
	if diff := cmp.Diff(want, s.SortDiagnostics(in)); diff != "" {
		t.Error(diff)
	}
	var many Diagnostics
	for i := range 2 * MaxDiagnostics {
		many = append(many, at("z.yaml", 2*MaxDiagnostics-i, 1, E0501))
	}
	got := s.SortDiagnostics(many)
	if len(got) != MaxDiagnostics || got[0].Pos.Line != 1 || many[0].Pos.Line != 2*MaxDiagnostics {
		t.Errorf("%d findings, first on line %d; the argument begins with line %d", len(got), got[0].Pos.Line, many[0].Pos.Line)
	}
}

// TestRenderLines proves what is shown of lines that a terminal cannot show as
// they are, and that the caret stands under the marked text.
func TestRenderLines(t *testing.T) {
	long := strings.Repeat("a", 200) + "HERE" + strings.Repeat("b", 200)
	for _, tc := range []struct {
		name           string
		line           string
		column, length int
		want           string
	}{
		{"ASCII", "a: bcd", 4, 3, "1 | a: bcd\n  |    ^^^\n"},
		{"wide before", "名前: bcd", 5, 3, "1 | 名前: bcd\n  |       ^^^\n"},
		{"wide marked", "a: 名前", 4, 2, "1 | a: 名前\n  |    ^^^^\n"},
		{"combining", "e\u0301: b", 5, 1, "1 | e\u0301: b\n  |    ^\n"},
		{"tab", "\ta: b", 2, 1, "1 |  a: b\n  |  ^\n"},
		{"escape sequence", "a: \x1b[31m", 4, 1, "1 | a: \ufffd[31m\n  |    ^\n"},
		{"right to left override", "a: \u202eb", 4, 2, "1 | a: \ufffdb\n  |    ^^\n"},
		{"invalid UTF-8", "a: \xff", 4, 1, "1 | a: \ufffd\n  |    ^\n"},
		{"end of line", "a:", 3, 1, "1 | a:\n  |   ^\n"},
		{"mark beyond the end", "a: b", 4, 9, "1 | a: b\n  |    ^\n"},
		{"long", long, 201, 4, "1 | …" + strings.Repeat("a", 40) + "HERE" + strings.Repeat("b", 76) + "…\n  |  " + strings.Repeat(" ", 40) + "^^^^\n"},
		{"long, at its end", long, 404, 1, "1 | …" + strings.Repeat("b", 120) + "\n  |  " + strings.Repeat(" ", 119) + "^\n"},
		{"long, marked to its end", long, 1, 404, "1 | " + strings.Repeat("a", 120) + "…\n  | " + strings.Repeat("^", 120) + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := render(t, Diagnostic{Code: E0001, Message: "m", Pos: Position{"f", 1, tc.column}, Length: tc.length, Excerpt: tc.line})
			_, got, _ = strings.Cut(got, "\n")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRenderMakesTextsSafe(t *testing.T) {
	d := Diagnostic{
		Code: E0001, Message: "a\x1b[2Jb\nc", Label: "l\x07", Hint: "h\u202e", Excerpt: "x", Length: 1,
		Pos: Position{"f\x1b.yaml", 1, 1}, Notes: []Note{{Message: "n\x00", Pos: Position{"g\x1b", 1, 1}, Length: 1, Excerpt: "y"}},
	}
	for i, r := range render(t, d) + d.Error() {
		if r != '\n' && visible(r) != r {
			t.Errorf("byte %d is %U", i, r)
		}
	}
	if strings.Contains(d.Error(), "\n") {
		t.Errorf("the error has more than one line: %q", d.Error())
	}
}

func TestDiagnosticsError(t *testing.T) {
	ds := findings(t, one("ipcio: 1\nprotocol: P\nx: 1\n"))
	want := "commands.yaml:2:11: error[E0111]: protocol name `P` must be lower_snake\n" +
		"commands.yaml:3:1: error[E0103]: unknown key `x` in the schema"
	if ds.Error() != want {
		t.Errorf("%q, want %q", ds.Error(), want)
	}
}

func TestRenderReturnsWriteErrors(t *testing.T) {
	ds := findings(t, one(""))
	want := errors.New("full")
	r, w := io.Pipe()
	r.CloseWithError(want)
	if err := ds.Render(w); !errors.Is(err, want) {
		t.Errorf("Render = %v, want %v", err, want)
	}
}

func TestSuggestions(t *testing.T) {
	for _, tc := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"replly", []string{"payload", "reply"}, "reply"},
		{"rpely", []string{"payload", "reply"}, "reply"},
		{"JobSate", []string{"JobID", "JobState"}, "JobState"},
		{"jobstate", []string{"JobState"}, "JobState"},
		{"di", []string{"dir"}, ""},
		{"dri", []string{"dir"}, "dir"},
		{"dc", []string{"doc", "go"}, ""},
		{"zzz", []string{"doc", "go", "dir"}, ""},
		{"reply", []string{"reply"}, ""},
		{"", []string{"a"}, ""},
		{"aab", []string{"aac", "aad"}, "aac"},
	} {
		if got := nearest(tc.word, tc.candidates); got != tc.want {
			t.Errorf("nearest(%q, %q) = %q, want %q", tc.word, tc.candidates, got, tc.want)
		}
	}
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
