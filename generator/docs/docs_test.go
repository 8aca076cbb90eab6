package docs_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/generator/docs"
	"github.com/ipcio/ipcio-go/schema"
)

var update = flag.Bool("update", false, "write the golden files again")

// samples are the schemas that the exports are tested with too.
var samples = []string{"jobrunner", "everything"}

var forms = []struct {
	suffix string
	render func(*schema.Schema) []byte
}{
	{".md", docs.Markdown},
	{".html", docs.HTML},
}

func load(t testing.TB, sample string) *schema.Schema {
	t.Helper()
	s, err := schema.Load(os.DirFS(filepath.Join("..", "export", "testdata", sample)), "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGolden(t *testing.T) {
	for _, sample := range samples {
		for _, f := range forms {
			t.Run(sample+f.suffix, func(t *testing.T) {
				got := f.render(load(t, sample))
				name := filepath.Join("testdata", sample+f.suffix)
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
		for _, f := range forms {
			want := f.render(load(t, sample))
			for range 20 {
				if !bytes.Equal(f.render(load(t, sample)), want) {
					t.Fatalf("%s%s: other bytes for the same schema", sample, f.suffix)
				}
			}
		}
	}
}
