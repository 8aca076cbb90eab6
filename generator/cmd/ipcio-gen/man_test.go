package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestManPages proves that every subcommand has a page that names all its flags
// and exit statuses and shows an example, and that a page holds no request that
// a text brought in.
func TestManPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	var out, text bytes.Buffer
	if status := run([]string{"man", "--out", dir}, nil, &out, &text); status != exitFine || out.Len()+text.Len() > 0 {
		t.Fatalf("status %d\n%s%s", status, out.String(), text.String())
	}
	root := (&tool{}).rootCommand()
	requests := []string{".TH", ".SH", ".B", ".I", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi"}
	check := func(c *cobra.Command) {
		page, err := os.ReadFile(filepath.Join(dir, pageName(c)+".1"))
		if err != nil {
			t.Error(err)
			return
		}
		plain := strings.ReplaceAll(string(page), `\-`, "-")
		wants := []string{".SH \"EXIT STATUS\"", `\fB70\fR`, "NAME\"\n" + pageName(c) + ` \- `}
		if c.HasParent() {
			wants = append(wants, ".SH \"EXAMPLES\"", c.CommandPath(), `\fBipcio\-gen\fR(1)`, "--file")
			if c.Example == "" {
				t.Errorf("%s has no example", c.Name())
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { wants = append(wants, "--"+f.Name) })
		for _, want := range wants {
			if !strings.Contains(plain, want) && !strings.Contains(string(page), want) {
				t.Errorf("the page of %s has no %q", c.CommandPath(), want)
			}
		}
		for line := range strings.Lines(string(page)) {
			request, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if line[0] == '\'' || line[0] == '.' && !slices.Contains(requests, request) {
				t.Errorf("the page of %s holds the request %q", c.CommandPath(), line)
			}
		}
	}
	check(root)
	for _, c := range root.Commands() {
		check(c)
	}
}

func TestManEscapes(t *testing.T) {
	for text, want := range map[string]string{
		".TH x":       `\&.TH x`,
		`a \fB b`:     `a \efB b`,
		"it's --flag": `it\(aqs \-\-flag`,
		"'br":         `\(aqbr`,
		"`x`":         `\(gax\(ga`,
	} {
		if got := escape(text); got != want {
			t.Errorf("escape(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestManWantsDirectory proves that pages do not land where nobody expects them.
func TestManWantsDirectory(t *testing.T) {
	var out, text bytes.Buffer
	if status := run([]string{"man"}, nil, &out, &text); status != exitUsage || !strings.Contains(text.String(), "--out") {
		t.Errorf("status %d: %s", status, text.String())
	}
}

// TestManIsClean has a parser of manual pages read them.
func TestManIsClean(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("needs mandoc")
	}
	dir := t.TempDir()
	var out, text bytes.Buffer
	if status := run([]string{"man", "--out", dir}, nil, &out, &text); status != exitFine {
		t.Fatalf("status %d\n%s", status, text.String())
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	said, _ := exec.Command(mandoc, append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput()
	noDate := regexp.MustCompile(`WARNING: missing date`)
	for line := range strings.Lines(string(said)) {
		if !noDate.MatchString(line) {
			t.Error(line)
		}
	}
}
