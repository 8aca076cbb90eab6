package main

import (
	"errors"
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	_ "embed"

	"github.com/spf13/cobra"
)

// starter is the schema that init writes. PROTOCOL stands for the name.
//
//go:embed starter.yaml
var starter string

func (t *tool) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Begin a protocol: write commands.yaml and doc.go",
		Long: `Begin a protocol in the current directory, or in that of --file: write a schema
to start from, a doc.go with the go:generate directive, and the JSON Schema for
editors (see ipcio-gen schema). The protocol is called as the directory. A
schema or doc.go that exists is never overwritten.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return t.init() },
	}
}

func (t *tool) init() error {
	dir, base := filepath.Split(t.file)
	protocol, err := protocolName(dir)
	if err != nil {
		return err
	}
	directive := "//go:generate go tool ipcio-gen generate\n"
	if base != "commands.yaml" {
		directive = "//go:generate go tool ipcio-gen generate -f " + base + "\n"
	}
	doc := directive + "\npackage " + strings.ReplaceAll(protocol, "_", "") + "\n"
	files := []struct{ path, content string }{
		{filepath.Join(dir, base), modeline + "\n" + strings.ReplaceAll(starter, "PROTOCOL", protocol)},
		{filepath.Join(dir, "doc.go"), doc},
	}
	// Look at both first, so that nothing is begun that cannot be finished.
	for _, f := range files {
		if _, err := os.Lstat(f.path); err == nil {
			return fmt.Errorf("%s exists already: init never overwrites a file", f.path)
		}
	}
	for _, f := range files {
		if err := create(f.path, f.content); err != nil {
			return err
		}
		fmt.Fprintf(t.out, "wrote %s\n", f.path)
	}
	if err := t.installEditorSchema(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, "now describe your commands there and run: go generate")
	return err
}

// create writes a file that does not exist yet.
func create(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}

// protocolName makes a protocol name of the name of a directory.
func protocolName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	words := strings.FieldsFunc(strings.ToLower(filepath.Base(abs)), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	name := strings.TrimLeft(strings.Join(words, "_"), "0123456789_")
	if name == "" || token.IsKeyword(strings.ReplaceAll(name, "_", "")) {
		name = "protocol"
	}
	return name, nil
}
