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
	randomSchemas = flag.Int("schemas", 6, "how many random schemas to compile and test")
	randomSeed    = flag.Uint64("seed", 1, "the first seed of the random schemas")
)

// TestRandomSchemas shows that whatever passes the checks of a schema becomes
// Go that go vet accepts, and that passes the tests generated with it: one run
// for every 50 schemas.
func TestRandomSchemas(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	const batch = 50
	refused := 0
	for first := 0; first < *randomSchemas; first += batch {
		dir := newModule(t)
		for i := first; i < min(first+batch, *randomSchemas); i++ {
			seed := *randomSeed + uint64(i)
			text := schematest.Random(seed, schematest.Options{})
			s := load(t, map[string]string{"commands.yaml": string(text)})
			if found := generator.Check(s); found != nil {
				// An enum Job2 with the value 3 meets a type Job23, now and then.
				refused++
				continue
			}
			files, err := generator.Generate(s, generator.Options{Tests: true})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for _, f := range files {
				write(t, filepath.Join(dir, fmt.Sprintf("seed%d", seed), f.Name), f.Content)
			}
		}
		goCommand(t, dir, "vet", "./...")
		goCommand(t, dir, "test", "-count=1", "./...")
	}
	if refused > *randomSchemas/10 {
		t.Errorf("the names of %d in %d schemas meet", refused, *randomSchemas)
	}
}
