package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

func (t *tool) lockCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "Write commands.lock, which breaking compares with",
		Long: `Write the schema as it is now to commands.lock beside the schema file, or NAME.lock
beside NAME.yaml, as canonical JSON. Do it at every release, after breaking has
nothing to say against it, and keep the file under version control: breaking
compares with it.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := t.checked()
			if err != nil {
				return err
			}
			return t.write(t.lockFile(), schema.Snapshot(s))
		},
	}
}

// lockFile returns the path of the lock of the schema file.
func (t *tool) lockFile() string {
	return strings.TrimSuffix(t.file, filepath.Ext(t.file)) + lockSuffix
}

const lockSuffix = ".lock"

// readLock reads a lock. As people do not write it, whatever is wrong with it
// is trouble with a file.
func readLock(path string) (*schema.Schema, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, schema.MaxSnapshotSize+1))
	if err != nil {
		return nil, err
	}
	s, err := schema.ParseSnapshot(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %v; take the file back from version control, or write it again with ipcio-gen lock", path, err)
	}
	return s, nil
}
