package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

// The exit statuses.
const (
	exitFine     = 0
	exitFindings = 1  // the schema is wrong, files are not up to date, or a change breaks
	exitUsage    = 2  // wrong flags or arguments
	exitFiles    = 3  // a file cannot be read or written, or is not ours
	exitBug      = 70 // EX_SOFTWARE
)

// errFindings says that findings were printed already.
var errFindings = errors.New("there are findings")

// A usageError is the user's mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// tool is one run of the program.
type tool struct {
	in       io.Reader
	out, err io.Writer
	colour   bool   // of findings, which go to err
	file     string // the schema file
}

// run runs the program and returns its exit status.
func run(args []string, in io.Reader, out, errOut io.Writer) (status int) {
	t := &tool{in: in, out: out, err: errOut, colour: wantsColour(errOut)}
	defer func() {
		if p := recover(); p != nil {
			status = t.bug(fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	root := t.rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	return t.report(root.Execute())
}

func (t *tool) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ipcio-gen",
		Short:         "Write the Go package of a protocol from commands.yaml",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{errors.New("a subcommand is missing: see ipcio-gen --help")}
		},
	}
	root.SetVersionTemplate("ipcio-gen {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVarP(&t.file, "file", "f", "commands.yaml", "the schema file")
	if err := root.MarkPersistentFlagFilename("file", "yaml", "yml"); err != nil {
		panic(err) // there is no such flag
	}
	root.AddCommand(
		t.generateCommand(), t.verifyCommand(), t.checkCommand(), t.lintCommand(), t.fmtCommand(),
		t.breakingCommand(), t.lockCommand(), t.docsCommand(), t.exportCommand(), t.schemaCommand(), t.initCommand(), t.explainCommand(), t.manCommand(),
	)
	setExamples(root)
	return root
}

// noArgs refuses arguments as wrong usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument, found %q", cmd.CommandPath(), args[0])}
	}
	return nil
}

// version returns the version of the module this program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		if info.Main.Path == modulePath {
			return info.Main.Version
		}
		for _, dep := range info.Deps {
			if dep.Path == modulePath {
				return dep.Version
			}
		}
	}
	return "(devel)"
}

const modulePath = "github.com/ipcio/ipcio-go"

// report prints err and returns the exit status for it.
func (t *tool) report(err error) int {
	if err == nil {
		return exitFine
	}
	if found, ok := errors.AsType[schema.Diagnostics](err); ok {
		if err := t.show(found, formatText); err != nil {
			return exitFiles
		}
		return exitFindings
	}
	if bug, ok := errors.AsType[*generator.FormatError](err); ok {
		return t.bug(bug.Error())
	}
	if !errors.Is(err, errFindings) {
		fmt.Fprintf(t.err, "ipcio-gen: %v\n", err)
	}
	switch {
	case errors.Is(err, errFindings):
		return exitFindings
	case isUsage(err):
		return exitUsage
	}
	return exitFiles
}

func isUsage(err error) bool {
	if _, ok := errors.AsType[usageError](err); ok {
		return true
	}
	// cobra makes this error itself and gives it no type.
	return strings.HasPrefix(err.Error(), "unknown command ")
}

func (t *tool) bug(what string) int {
	fmt.Fprintf(t.err, "ipcio-gen: this is a bug in the generator; nothing was written.\n%s\n"+
		"Please report it with your schema: https://%s/issues\n", what, modulePath)
	return exitBug
}

// load reads the schema.
func (t *tool) load() (*schema.Schema, error) {
	s, err := schema.Load(t.files())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: name the schema file with -f, or begin one with ipcio-gen init", err)
	}
	return s, t.located(err)
}

// files returns where the schema file is, as [schema.Load] takes it.
func (t *tool) files() (fsys fs.FS, root string) {
	return os.DirFS(filepath.Dir(t.file)), filepath.Base(t.file)
}
