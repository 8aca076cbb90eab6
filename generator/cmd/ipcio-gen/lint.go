package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

func (t *tool) checkCommand() *cobra.Command {
	format := findingsFormat()
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report the errors of the schema; writes no file",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := t.checked()
			found, err := findings(err)
			if err != nil {
				return err
			}
			if err := t.show(found, format.word); err != nil {
				return err
			}
			return failIf(len(found) > 0)
		},
	}
	format.addTo(cmd, "format", "how to write the findings")
	return cmd
}

// checked reads a schema that generate can work with.
func (t *tool) checked() (*schema.Schema, error) {
	s, err := t.load()
	if err != nil {
		return nil, err
	}
	if found := generator.Check(s); found != nil {
		return nil, t.located(found)
	}
	return s, nil
}

func (t *tool) lintCommand() *cobra.Command {
	format := findingsFormat()
	var deny []string
	var warnOnly bool
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Report what works and will be regretted; writes no file",
		Long: `Report what works and will be regretted.

Every warning makes the exit status 1. With --deny, only the warnings that it
names do, and they are shown as errors. With --warn-only, no warning does but
those that --deny names. If the schema has errors, these are reported instead.

A comment on the line above silences a warning and says why:

  # ipcio:allow W0603 the name says it all
  daemon.ping: {reply: {}}`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			denied, err := warningCodes(deny)
			if err != nil {
				return err
			}
			s, err := t.load()
			found, err := findings(err)
			if err != nil {
				return err
			}
			if s != nil {
				if found, err = findings(t.located(schema.Lint(s))); err != nil {
					return err
				}
			}
			for i := range found {
				if slices.Contains(denied, found[i].Code) {
					found[i].Severity = schema.SeverityError
				}
			}
			if err := t.show(found, format.word); err != nil {
				return err
			}
			advice := warnOnly || len(denied) > 0
			return failIf(slices.ContainsFunc(found, func(d schema.Diagnostic) bool {
				return d.Severity == schema.SeverityError || !advice
			}))
		},
	}
	format.addTo(cmd, "format", "how to write the findings")
	cmd.Flags().StringSliceVar(&deny, "deny", nil, "codes of warnings that are errors, for example W0603,W0612")
	cmd.Flags().BoolVar(&warnOnly, "warn-only", false, "exit with 0 in spite of warnings")
	var codes []string
	for _, c := range schema.Codes() {
		if isWarning(c) {
			codes = append(codes, string(c)+"\t"+c.Title())
		}
	}
	complete(cmd, "deny", cobra.ShellCompDirectiveNoFileComp, codes...)
	return cmd
}

func isWarning(c schema.Code) bool { return strings.HasPrefix(string(c), "W") && c.Title() != "" }

// warningCodes reads the value of --deny.
func warningCodes(names []string) ([]schema.Code, error) {
	var codes []schema.Code
	for _, name := range names {
		c := schema.Code(strings.ToUpper(name))
		if !isWarning(c) {
			return nil, usageError{fmt.Errorf("--deny takes codes of warnings, for example W0603; %q is none", name)}
		}
		codes = append(codes, c)
	}
	return codes, nil
}

// failIf returns the error for findings that were shown, or nil.
func failIf(failed bool) error {
	if failed {
		return errFindings
	}
	return nil
}
