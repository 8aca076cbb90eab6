package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

// stdinName is the argument that stands for standard input.
const stdinName = "-"

// A formatting is one run of fmt.
type formatting struct {
	*tool
	list, diff, write bool
	differs           bool // so far
}

func (t *tool) fmtCommand() *cobra.Command {
	f := &formatting{tool: t}
	cmd := &cobra.Command{
		Use:   "fmt [FILE]...",
		Short: "Write schema files in the canonical layout",
		Long: `Write schema files in the canonical layout. Every comment is kept.

Without a FILE it is the one of --file, without those that it includes; - is
standard input. The result goes to standard output, if no flag asks for anything
else. With -l or -d, and without -w, the exit status is 1 if a file is not in
the canonical layout.`,
		RunE: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{t.file}
			}
			return f.run(files)
		},
	}
	cmd.ValidArgsFunction = cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
	cmd.Flags().BoolVarP(&f.list, "list", "l", false, "print the names of the files that would change")
	cmd.Flags().BoolVarP(&f.diff, "diff", "d", false, "print what would change")
	cmd.Flags().BoolVarP(&f.write, "write", "w", false, "change the files")
	return cmd
}

// run formats the files one by one. A file with errors stops no other one.
func (f *formatting) run(files []string) error {
	var found schema.Diagnostics
	var trouble []error
	for _, name := range files {
		if name == stdinName && f.write {
			return usageError{errors.New("-w cannot write to standard input")}
		}
	}
	for _, name := range files {
		wrong, err := findings(f.file(name))
		found = append(found, wrong...)
		if err != nil {
			trouble = append(trouble, err)
		}
	}
	if err := f.show(found, formatText); err != nil {
		return err
	}
	if len(trouble) > 0 {
		return errors.Join(trouble...)
	}
	return failIf(len(found) > 0 || f.differs && !f.write)
}

func (f *formatting) file(name string) error {
	src, err := f.read(name)
	if err != nil {
		return err
	}
	shown := filepath.ToSlash(name)
	if name == stdinName {
		shown = "<standard input>"
	}
	out, err := schema.Format(src)
	if err != nil {
		return locate(err, func(string) string { return shown })
	}
	if !f.list && !f.diff && !f.write {
		_, err := f.out.Write(out)
		return err
	}
	if bytes.Equal(src, out) {
		return nil
	}
	f.differs = true
	if f.list {
		fmt.Fprintln(f.out, shown)
	}
	if f.diff {
		unifiedDiff(f.out, "a/"+shown, "b/"+shown, string(src), string(out))
	}
	if f.write {
		return replaceFile(name, out)
	}
	return nil
}

func (f *formatting) read(name string) ([]byte, error) {
	var r io.Reader = f.in
	if name != stdinName {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		r = file
	}
	return readSchemaFile(r)
}
