package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

func (t *tool) generateCommand() *cobra.Command {
	var out string
	var only []string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write the Go files",
		Long: `Write the Go files of the schema into a directory.

Everything is made in memory first: if there is any error, no file is touched.
Files that would not change are left alone. Generated files that are not needed
any more are removed: their names end in .ipcio.go and their first line says
that ipcio-gen wrote them.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := t.generate(only)
			if err != nil {
				return err
			}
			dir, err := openDir(out)
			if err != nil {
				return err
			}
			defer dir.close()
			plan, err := dir.compare(files)
			if err != nil {
				return err
			}
			return dir.apply(plan)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", ".", "the directory to write to")
	cmd.Flags().StringSliceVar(&only, "only", nil, "the sides to write: server, client (default both)")
	return cmd
}

func (t *tool) verifyCommand() *cobra.Command {
	var out string
	var only []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the Go files are up to date; writes nothing",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := t.generate(only)
			if err != nil {
				return err
			}
			dir, err := openDir(out)
			if err != nil {
				return err
			}
			defer dir.close()
			plan, err := dir.compare(files)
			if err != nil {
				return err
			}
			if plan.empty() {
				return nil
			}
			plan.print(t.out)
			fmt.Fprintf(t.err, "ipcio-gen: %s not up to date: run ipcio-gen generate\n", plan.summary())
			return errFindings
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", ".", "the directory to compare with")
	cmd.Flags().StringSliceVar(&only, "only", nil, "the sides that are written: server, client (default both)")
	return cmd
}

func (t *tool) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Report the errors of the schema; writes nothing",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := t.load()
			if err != nil {
				return err
			}
			if found := generator.Check(s); found != nil {
				return found
			}
			return nil
		},
	}
}

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
			for _, c := range schema.Codes() {
				codes = append(codes, string(c)+"\t"+c.Title())
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			code := schema.Code(strings.ToUpper(args[0]))
			e, ok := schema.Explain(code)
			if !ok {
				return usageError{fmt.Errorf("there is no code %q", args[0])}
			}
			_, err := fmt.Fprintf(t.out, "%s: %s\n\n%s\n\nExample:\n%s\n\nInstead:\n%s\n",
				code, e.Title, e.Cause, indent(e.Example), indent(e.Fix))
			return err
		},
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// generate makes the files in memory.
func (t *tool) generate(only []string) ([]generator.File, error) {
	var opts generator.Options
	for _, name := range only {
		side := generator.Side(name)
		if !slices.Contains([]generator.Side{generator.ServerSide, generator.ClientSide}, side) {
			return nil, usageError{fmt.Errorf("--only knows server and client, not %q", name)}
		}
		opts.Only = append(opts.Only, side)
	}
	s, err := t.load()
	if err != nil {
		return nil, err
	}
	if err := checkPackage(s); err != nil {
		return nil, err
	}
	return generator.Generate(s, opts)
}

// checkPackage refuses to write into a package of another name. go generate
// says in $GOPACKAGE which one its directive is in.
func checkPackage(s *schema.Schema) error {
	want, here := generator.Package(s), os.Getenv("GOPACKAGE")
	if here == "" || here == want {
		return nil
	}
	return fmt.Errorf("%s: the directive //go:generate is in package %s, but the schema makes package %s: "+
		"rename one, or write go: {package: %s} in the schema", os.Getenv("GOFILE"), here, want, here)
}
