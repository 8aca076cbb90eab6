package schema_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/schema"
)

func ExampleLoad() {
	fsys := fstest.MapFS{"commands.yaml": {Data: []byte(`ipcio: 1
protocol: jobrunner
types:
  JobID: uuid
commands:
  job.get: {payload: {job: JobId}, reply: {state: string}}
`)}}
	_, err := schema.Load(fsys, "commands.yaml")
	if ds, ok := errors.AsType[schema.Diagnostics](err); ok {
		_ = ds.Render(os.Stdout)
	}
	// Output:
	// commands.yaml:6:28: error[E0201]: unknown type `JobId`
	// 6 |   job.get: {payload: {job: JobId}, reply: {state: string}}
	//   |                            ^^^^^ not declared under `types:`
	//   = hint: did you mean `JobID`?
}

func ExampleExplain() {
	e, _ := schema.Explain(schema.E0010)
	fmt.Println(e.Title)
	fmt.Println(e.Example, "->", e.Fix)
	// Output:
	// a type was cut in two by the YAML comma
	// {m: map<string, int64>} -> {m: map<int64>}
}

// TestPackageExample proves that the example of the package documentation is a
// schema.
func TestPackageExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	example, _, _ := strings.Cut(string(doc), "// # Types\n")
	var text strings.Builder
	for line := range strings.Lines(example) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			text.WriteString(code)
		} else if line == "//\n" {
			text.WriteString("\n")
		}
	}
	s, err := schema.Load(fstest.MapFS{
		"commands.yaml": {Data: []byte(text.String())},
		"common.yaml":   {Data: []byte("ipcio: 1\n")},
	}, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Types) != 6 || len(s.Errors) != 2 || len(s.Commands) != 4 {
		t.Errorf("%d types, %d errors and %d commands", len(s.Types), len(s.Errors), len(s.Commands))
	}
}
