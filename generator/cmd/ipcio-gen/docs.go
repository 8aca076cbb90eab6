package main

import (
	"fmt"
	"strings"

	"github.com/ipcio/ipcio-go/generator/docs"
	"github.com/ipcio/ipcio-go/generator/export"
	"github.com/spf13/cobra"
)

func (t *tool) docsCommand() *cobra.Command {
	var html bool
	var out string
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Describe the protocol for people",
		Long: `Describe the protocol for people: who sends what to whom, every type and error, and
what is deprecated. It is Markdown, or with --html one page that needs no other
file and runs no script.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := t.checked()
			if err != nil {
				return err
			}
			render := docs.Markdown
			if html {
				render = docs.HTML
			}
			return t.emit(out, render(s))
		},
	}
	cmd.Flags().BoolVar(&html, "html", false, "write one HTML page")
	addOut(cmd, &out)
	return cmd
}

func (t *tool) exportCommand() *cobra.Command {
	var out string
	var names, lines []string
	for _, f := range export.Formats() {
		names = append(names, f.Name)
		lines = append(lines, fmt.Sprintf("  %-11s %s", f.Name, f.Doc))
	}
	cmd := &cobra.Command{
		Use:   "export FORMAT",
		Short: "Write the protocol in another language: " + strings.Join(names, ", "),
		Long: `Write the protocol in another language, for other tools:

` + strings.Join(lines, "\n"),
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("export wants one format: %s", strings.Join(names, ", "))}
			}
			if _, ok := export.Lookup(args[0]); !ok {
				return usageError{fmt.Errorf("export does not know %q: %s", args[0], strings.Join(names, ", "))}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := t.checked()
			if err != nil {
				return err
			}
			format, _ := export.Lookup(args[0])
			return t.emit(out, format.Render(s))
		},
	}
	addOut(cmd, &out)
	return cmd
}

func addOut(cmd *cobra.Command, out *string) {
	cmd.Flags().StringVarP(out, "out", "o", "", "the file to write to (default standard output)")
}

// emit writes to a file, or to standard output if there is none.
func (t *tool) emit(path string, content []byte) error {
	if path == "" {
		_, err := t.out.Write(content)
		return err
	}
	return t.write(path, content)
}
