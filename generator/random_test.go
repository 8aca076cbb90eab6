package generator_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema/longtest"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

var (
	vetSchemas     = flag.Int("vet.schemas", 50, "how many random schemas go vet reads")
	randomSchemas  = flag.Int("schemas", 6, "how many random schemas to compile and test")
	randomSeed     = flag.Uint64("seed", 1, "the first seed of the random schemas that are vetted, and compiled and tested")
	checkedSchemas = flag.Uint64("checked", 600, "how many random schemas to check")
)

// TestRandomSchemas shows that whatever passes the checks of a schema becomes
// Go that go vet accepts, and that passes the tests generated with it: one run
// for every 50 schemas.
func TestRandomSchemas(t *testing.T) {
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
			if found := generator.Check(s); found != nil {
				t.Fatalf("seed %d: %v\n%s", seed, found, text)
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
}

// TestRandomSchemasPass shows that random schemas give distinct Go names, so
// that no test made of them passes because nothing was generated.
func TestRandomSchemasPass(t *testing.T) {
	for seed := range *checkedSchemas {
		text := schematest.Random(seed, schematest.Options{})
		if found := generator.Check(load(t, map[string]string{"commands.yaml": string(text)})); found != nil {
			t.Fatalf("seed %d: %v\n%s", seed, found, text)
		}
	}
}

// TestRandomSchemasVet shows that go vet has nothing to say about what becomes
// of random schemas: one run for every 50 of them.
func TestRandomSchemasVet(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	const batch = 50
	run := longtest.Begin(t, 0)
	for first := 0; first < *vetSchemas; first += batch {
		dir := newModule(t)
		for i := first; i < min(first+batch, *vetSchemas); i++ {
			seed := *randomSeed + uint64(i)
			files, err := randomPackage(seed)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for _, f := range files {
				write(t, filepath.Join(dir, fmt.Sprintf("seed%d", seed), f.Name), f.Content)
			}
		}
		goCommand(t, dir, "vet", "./...")
		run.Add("vetted", min(batch, *vetSchemas-first))
	}
}
