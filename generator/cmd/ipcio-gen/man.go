package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (t *tool) manCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages",
		Long: `Write a manual page for ipcio-gen and one for each subcommand, in the form that man
reads: ipcio-gen.1, ipcio-gen-check.1 and so on. A packager puts them into a
directory man1 of the manual path; man -l shows one where it is.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usageError{errors.New("man wants a directory: ipcio-gen man --out man1")}
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			root := cmd.Root()
			for _, c := range append([]*cobra.Command{root}, shown(root)...) {
				if _, err := update(filepath.Join(out, pageName(c)+".1"), manPage(c)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "the directory to write to; it is made if there is none")
	dirname(cmd, "out")
	return cmd
}

// shown returns the subcommands that --help lists.
func shown(c *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			list = append(list, sub)
		}
	}
	return list
}

// pageName returns the name of a command's page, without its section.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage returns the page of a command, in the macros that man-pages(7)
// describes. It has no date, so that one version gives one text.
func manPage(c *cobra.Command) []byte {
	var b roff
	fmt.Fprintf(&b, ".TH %s 1 \"\" %s \"ipcio\"\n", strings.ToUpper(pageName(c)), quoted("ipcio-gen "+version()))
	b.section("NAME")
	b.line(pageName(c) + ` \- ` + escape(c.Short))
	b.section("SYNOPSIS")
	b.line(".B " + escape(c.CommandPath()))
	if _, args, ok := strings.Cut(c.Use, " "); ok {
		b.line(".I " + escape(args))
	}
	if c.HasAvailableSubCommands() {
		b.line(".I subcommand")
	}
	b.line(`[\fIflag\fR]...`)
	b.section("DESCRIPTION")
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	b.text(text)
	if subs := shown(c); len(subs) > 0 {
		b.section("SUBCOMMANDS")
		for _, sub := range subs {
			b.entry(escape(sub.Name()), sub.Short+".")
		}
	}
	b.section("FLAGS")
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	c.LocalFlags().VisitAll(b.flag)
	c.InheritedFlags().VisitAll(b.flag)
	b.section("EXIT STATUS")
	for _, s := range exitStatuses {
		b.entry(fmt.Sprint(s.status), s.meaning)
	}
	if c.Example != "" {
		b.section("EXAMPLES")
		b.verbatim(strings.Split(c.Example, "\n"))
	}
	b.section("SEE ALSO")
	var others []string
	related := shown(c)
	if c.HasParent() {
		related = append([]*cobra.Command{c.Parent()}, shown(c.Parent())...)
	}
	for _, other := range related {
		if other != c && !(c.HasParent() && c.Name() == "completion" && other.Parent() == c) {
			others = append(others, `\fB`+escape(pageName(other))+`\fR(1)`)
		}
	}
	b.line(strings.Join(others, ",\n"))
	return []byte(b.String())
}

// exitStatuses are what the statuses mean.
var exitStatuses = []struct {
	status  int
	meaning string
}{
	{exitFine, "All is well."},
	{exitFindings, "There are findings: errors or warnings of the schema, files that are not up to date, or changes that break."},
	{exitUsage, "The flags or arguments are wrong."},
	{exitFiles, "A file cannot be read or written, or is not one of the generator's."},
	{exitBug, "There is a bug in the generator; nothing was written."},
}

// roff is a page being written.
type roff struct{ strings.Builder }

func (b *roff) line(s string) { b.WriteString(s + "\n") }

func (b *roff) section(name string) { b.line(".SH " + quoted(name)) }

// entry writes a term and what it means.
func (b *roff) entry(term, meaning string) {
	b.line(".TP\n\\fB" + term + "\\fR")
	b.line(escape(fill(meaning)))
}

// text writes paragraphs. What is indented in them stays as it is.
func (b *roff) text(text string) {
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 && !strings.HasPrefix(paragraph, " ") {
			b.line(".PP")
		}
		lines := strings.Split(paragraph, "\n")
		if strings.HasPrefix(paragraph, " ") {
			b.verbatim(lines)
			continue
		}
		b.line(escape(fill(strings.Join(lines, " "))))
	}
}

// fill breaks a text into lines that fit a terminal.
func fill(text string) string {
	const width = 78
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && column+1+len(word) > width && word[0] != '.':
			b.WriteByte('\n')
			column = 0
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

func (b *roff) verbatim(lines []string) {
	b.line(".RS 4\n.nf")
	for _, l := range lines {
		b.line(escape(strings.TrimPrefix(l, "  ")))
	}
	b.line(".fi\n.RE")
}

func (b *roff) flag(f *pflag.Flag) {
	if f.Hidden {
		return
	}
	kind, usage := pflag.UnquoteUsage(f)
	term := escape("--" + f.Name)
	if f.Shorthand != "" {
		term = escape("-"+f.Shorthand) + `\fR, \fB` + term
	}
	if kind != "" {
		term += `\fR \fI` + escape(kind)
	}
	if !strings.Contains(usage, "default") && f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
		usage += " (default " + f.DefValue + ")"
	}
	b.entry(term, strings.ToUpper(usage[:1])+usage[1:]+".")
}

// escape returns a text as it stands in a page: no byte of it is a request or
// an escape sequence.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "…", `\&...`, "→", `\(->`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// quoted returns a text as the argument of a request.
func quoted(s string) string { return `"` + strings.ReplaceAll(escape(s), `"`, `\(dq`) + `"` }

// setExamples gives every subcommand its examples, which --help and the manual
// pages show.
func setExamples(root *cobra.Command) {
	for _, c := range root.Commands() {
		if text := examples[c.Name()]; text != "" {
			c.Example = "  " + strings.ReplaceAll(text, "\n", "\n  ")
		}
	}
}

var examples = map[string]string{
	"generate": "ipcio-gen generate\nipcio-gen generate -f api/commands.yaml -o internal/api --only client",
	"verify":   "ipcio-gen verify && echo up to date",
	"check":    "ipcio-gen check\nipcio-gen check --format github",
	"lint":     "ipcio-gen lint\nipcio-gen lint --deny W0603 --format sarif >lint.sarif",
	"fmt":      "ipcio-gen fmt -w commands.yaml common.yaml\nipcio-gen fmt -l commands.yaml\nipcio-gen fmt - <commands.yaml",
	"breaking": "ipcio-gen breaking\nipcio-gen breaking --against git:main --policy server-first\nipcio-gen breaking --fix",
	"lock":     "ipcio-gen breaking && ipcio-gen lock",
	"docs":     "ipcio-gen docs >PROTOCOL.md\nipcio-gen docs --html -o protocol.html",
	"export":   "ipcio-gen export jsonschema >commands.schema.json",
	"schema":   "ipcio-gen schema --install",
	"init":     "ipcio-gen init",
	"explain":  "ipcio-gen explain E0103\nipcio-gen explain B102",
	"man":      "ipcio-gen man --out man1 && man -l man1/ipcio-gen.1",
}
