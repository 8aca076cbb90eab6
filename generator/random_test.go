package generator_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

var (
	randomSchemas = flag.Int("schemas", 6, "how many random schemas to compile")
	randomSeed    = flag.Uint64("seed", 1, "the first seed of the random schemas")
)

// TestRandomSchemasCompile shows that whatever passes the checks of a schema
// becomes Go that go vet accepts: one run for every 50 schemas.
func TestRandomSchemasCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	const batch = 50
	for first := 0; first < *randomSchemas; first += batch {
		dir := newModule(t)
		for i := first; i < min(first+batch, *randomSchemas); i++ {
			seed := *randomSeed + uint64(i)
			text := schematest.Random(seed, schematest.Options{})
			s := load(t, map[string]string{"commands.yaml": string(text)})
			files, err := generator.Generate(s, generator.Options{})
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			for _, f := range files {
				write(t, filepath.Join(dir, fmt.Sprintf("seed%d", seed), f.Name), f.Content)
			}
		}
		goCommand(t, dir, "vet", "./...")
	}
}
