package export_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/generator/export"
	"github.com/ipcio/ipcio-go/schema"
)

var update = flag.Bool("update", false, "write the golden files again")

// samples are the directories of testdata with a commands.yaml.
var samples = []string{"jobrunner", "everything"}

func load(t testing.TB, sample string) *schema.Schema {
	t.Helper()
	s, err := schema.Load(os.DirFS(filepath.Join("testdata", sample)), "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGolden(t *testing.T) {
	for _, sample := range samples {
		s := load(t, sample)
		for _, f := range export.Formats() {
			t.Run(sample+"/"+f.Name, func(t *testing.T) {
				got := f.Render(s)
				name := filepath.Join("testdata", sample+f.Suffix)
				if *update {
					if err := os.WriteFile(name, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s differs; go test -update writes it again (-want +got):\n%s", name, diff)
				}
			})
		}
	}
}

func TestDeterministic(t *testing.T) {
	for _, sample := range samples {
		for _, f := range export.Formats() {
			want := f.Render(load(t, sample))
			for range 20 {
				if !bytes.Equal(f.Render(load(t, sample)), want) {
					t.Fatalf("%s of %s: other bytes for the same schema", f.Name, sample)
				}
			}
		}
	}
}

func TestLookup(t *testing.T) {
	for _, f := range export.Formats() {
		if got, ok := export.Lookup(f.Name); !ok || got.Suffix != f.Suffix {
			t.Errorf("Lookup(%q) = %v, %v", f.Name, got, ok)
		}
	}
	if f, ok := export.Lookup("xml"); ok {
		t.Errorf("Lookup of an unknown format = %v", f)
	}
}
