package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

func (t *tool) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE",
		Short: "Explain the code of a finding, for example E0103",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("explain takes one code, for example: ipcio-gen explain E0103")}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, r := range schema.Rules() {
				codes = append(codes, string(r.ID)+"\t"+r.Title)
			}
			for _, c := range schema.Codes() {
				codes = append(codes, string(c)+"\t"+c.Title())
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			code := schema.Code(strings.ToUpper(args[0]))
			if e, ok := schema.Explain(code); ok {
				_, err := fmt.Fprintf(t.out, "%s: %s\n\n%s\n\nExample:\n%s\n\nInstead:\n%s\n",
					code, e.Title, e.Cause, indent(e.Example), indent(e.Fix))
				return err
			}
			rules := schema.FindRules(code)
			if len(rules) == 0 {
				return usageError{fmt.Errorf("there is no code %q", args[0])}
			}
			var b strings.Builder
			for i, r := range rules {
				if i > 0 {
					b.WriteString("\n")
				}
				writeRule(&b, r)
			}
			_, err := io.WriteString(t.out, b.String())
			return err
		},
	}
}

// writeRule explains one case of a rule about changes.
func writeRule(b *strings.Builder, r schema.Rule) {
	var breaks []string
	for _, c := range []struct {
		category schema.Category
		what     string
	}{
		{schema.CategoryWire, "messages"}, {schema.CategorySource, "Go programs that use the generated code"},
		{schema.CategoryBehavior, "the meaning of messages"}, {schema.CategoryPolicy, "good order"},
	} {
		if r.Category&c.category != 0 {
			breaks = append(breaks, c.what)
		}
	}
	order := "in any order"
	switch {
	case !r.NewReadsOld && !r.OldReadsNew:
		order = "not possible: old and new peers do not understand each other"
	case !r.OldReadsNew:
		order = "readers first"
	case !r.NewReadsOld:
		order = "writers first"
	}
	fails := "if the policy does not allow the order"
	switch r.Level {
	case schema.LevelNote:
		fails = "never"
	case schema.LevelError:
		fails = "always, except with a raised version and --allow-major"
		if r.Always {
			fails = "always"
		}
	}
	fmt.Fprintf(b, "%s: %s\n\n%s\n\nConcerns: %s\nUpgrade:  %s\nFails:    %s\n\nInstead:\n%s\n",
		r.ID, r.Title, r.Cause, strings.Join(breaks, ", "), order, fails, indent(r.Fix))
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
