package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

// Where an editor finds the JSON Schema, relative to the schema file, and the
// line in that file by which it does.
const (
	editorDir  = ".ipcio"
	editorFile = "commands.schema.json"
	modeline   = "# yaml-language-server: $schema=./" + editorDir + "/" + editorFile
)

func (t *tool) schemaCommand() *cobra.Command {
	var install bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print or install the JSON Schema for editors",
		Long: `Print the JSON Schema (draft-07) of schema files. Editors with a YAML language
server complete keys with it and mark mistakes while one types.

With --install, write it to ` + editorDir + `/` + editorFile + ` beside the schema file,
where this line at the top of the schema file leads editors to it:

  ` + modeline,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if !install {
				_, err := t.out.Write(schema.EditorSchema())
				return err
			}
			if err := t.installEditorSchema(); err != nil {
				return err
			}
			if t.hasModeline() {
				return nil
			}
			_, err := fmt.Fprintf(t.out, "now write this at the top of %s:\n%s\n", t.file, modeline)
			return err
		},
	}
	cmd.Flags().BoolVar(&install, "install", false, "write it to "+editorDir+"/"+editorFile)
	return cmd
}

// installEditorSchema writes the editor's schema beside the schema file.
func (t *tool) installEditorSchema() error {
	dir := filepath.Join(filepath.Dir(t.file), editorDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return t.write(filepath.Join(dir, editorFile), schema.EditorSchema())
}

// write updates a file and says so.
func (t *tool) write(path string, content []byte) error {
	changed, err := update(path, content)
	if err != nil {
		return err
	}
	if !changed {
		_, err = fmt.Fprintf(t.out, "%s is up to date\n", path)
		return err
	}
	_, err = fmt.Fprintf(t.out, "wrote %s\n", path)
	return err
}

// hasModeline reports whether a comment at the top of the schema file leads to
// a schema, ours or another.
func (t *tool) hasModeline() bool {
	f, err := os.Open(t.file)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch line := strings.TrimSpace(lines.Text()); {
		case strings.HasPrefix(line, "#") && strings.Contains(line, "yaml-language-server:"):
			return true
		case line != "" && !strings.HasPrefix(line, "#"):
			return false
		}
	}
	return false
}
