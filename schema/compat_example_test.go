package schema_test

import (
	"fmt"
	"os"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/schema"
)

func ExampleCompare() {
	files := fstest.MapFS{
		"old.yaml": {Data: []byte("ipcio: 1\nprotocol: jobs\ncommands:\n  job.submit: {payload: {argv: list<string>}, reply: {}}\n")},
		"new.yaml": {Data: []byte("ipcio: 1\nprotocol: jobs\ncommands:\n  job.submit: {payload: {argv: list<string>, owner: string}, reply: {}}\n")},
	}
	old, err := schema.Load(files, "old.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	lock := schema.Snapshot(old) // written to commands.lock at a release

	new, err := schema.Load(files, "new.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	if old, err = schema.ParseSnapshot(lock); err != nil {
		fmt.Println(err)
		return
	}
	report := schema.Compare(old, new, schema.CompareOptions{})
	if err := report.WriteText(os.Stdout, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// new.yaml:4:46: error[B102]: required field `JobSubmitPayload.owner` was added
	// 4 |   job.submit: {payload: {argv: list<string>, owner: string}, reply: {}}
	//   |                                              ^^^^^
	//   = witness: an old client may send job.submit {"argv": []} → new server: missing required field `owner`
	//   = order: client-first
	//   = hint: `owner: opt<string>` is safe in any order
	//
	// Summary: 1 change, 1 failing. Release order: 1. clients  2. server. (policy any-order: FAIL)
}
