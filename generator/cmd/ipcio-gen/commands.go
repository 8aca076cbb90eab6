package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

func (t *tool) generateCommand() *cobra.Command {
	var out string
	var only []string
	var tests bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write the Go files",
		Long: `Write the Go files of the schema into a directory.

Everything is made in memory first: if there is any error, no file is touched.
Files that would not change are left alone. Generated files that are not needed
any more are removed: their names end in .ipcio.go or _ipcio_test.go and their
first line says that ipcio-gen wrote them. So are temporary files that a run which
was killed an hour ago or earlier has left behind.

With --tests, tests of the types are written too: round trips, the borders of
every constraint, damaged bytes, and a fuzz test for each struct.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := t.generate(only, tests)
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
			if err := dir.apply(plan); err != nil {
				return err
			}
			dir.sweep(time.Now())
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", ".", "the directory to write to")
	dirname(cmd, "out")
	cmd.Flags().StringSliceVar(&only, "only", nil, "the sides to write: server, client (default both)")
	cmd.Flags().BoolVar(&tests, "tests", false, "write tests of the types too")
	complete(cmd, "only", cobra.ShellCompDirectiveNoFileComp, string(generator.ServerSide), string(generator.ClientSide))
	return cmd
}

func (t *tool) verifyCommand() *cobra.Command {
	var out string
	var only []string
	var tests bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the Go files are up to date; writes nothing",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := t.generate(only, tests)
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
	dirname(cmd, "out")
	cmd.Flags().StringSliceVar(&only, "only", nil, "the sides that are written: server, client (default both)")
	cmd.Flags().BoolVar(&tests, "tests", false, "tests of the types are written too")
	complete(cmd, "only", cobra.ShellCompDirectiveNoFileComp, string(generator.ServerSide), string(generator.ClientSide))
	return cmd
}

// generate makes the files in memory.
func (t *tool) generate(only []string, tests bool) ([]generator.File, error) {
	opts := generator.Options{Tests: tests}
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
	files, err := generator.Generate(s, opts)
	return files, t.located(err)
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
