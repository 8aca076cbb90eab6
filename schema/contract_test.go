package schema_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/schema"
)

// An unknown key is an error at every depth of a schema, and so is a second
// document.
func TestContractC7NothingIsIgnored(t *testing.T) {
	const whole = `ipcio: 1
protocol: p
go: {package: p, KEY: x}
types:
  S: {fields: {a: {type: string, KEY: x}}, KEY: x}
  E: {enum: {a: {doc: d, KEY: x}}, KEY: x}
  U: {union: {s: {a: {type: string, KEY: x}}}, KEY: x}
  N: {type: string, KEY: x}
errors:
  F: {fields: {a: {type: string, KEY: x}}, KEY: x}
commands:
  c: {payload: {a: {type: string, KEY: x}}, reply: {a: {type: string, KEY: x}}, KEY: x}
KEY: x
`
	places := strings.Count(whole, "KEY")
	load := func(text string) error {
		_, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte(text)}}, "commands.yaml")
		return err
	}
	at := 0
	for i := range places {
		// All keys but one are left out; the one that stays is found.
		at += strings.Index(whole[at:], "KEY")
		text := whole[:at] + "unheard" + whole[at+len("KEY"):]
		at += len("KEY")
		text = strings.ReplaceAll(text, ", KEY: x", "")
		text = strings.ReplaceAll(text, "\nKEY: x", "")
		line := 1 + strings.Count(text[:strings.Index(text, "unheard")], "\n")

		found, ok := errors.AsType[schema.Diagnostics](load(text))
		if !ok || len(found) != 1 || found[0].Code != schema.E0103 || found[0].Pos.Line != line {
			t.Errorf("place %d: want one unknown key in line %d of\n%s\ngot %v", i+1, line, text, found)
		}
	}
	valid := strings.ReplaceAll(strings.ReplaceAll(whole, ", KEY: x", ""), "\nKEY: x", "")
	if err := load(valid); err != nil {
		t.Fatalf("without the keys: %v", err)
	}
	found, ok := errors.AsType[schema.Diagnostics](load(valid + "---\nipcio: 1\n"))
	if !ok || len(found) != 1 || found[0].Code != schema.E0003 {
		t.Errorf("a second document: %v", found)
	}
}
