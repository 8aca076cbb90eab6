package dynamic_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/examples/internal/lesson"
)

func TestDynamic(t *testing.T) {
	l := lesson.Build(t, "dynamic/typed", "dynamic/untyped")
	server := l.Start("typed", "dynamic/typed", "-dir", l.Dir)
	server.Expect("serving")
	client := l.Start("untyped", "dynamic/untyped", "-dir", l.Dir)
	client.Wait()
	want := []string{
		`fallback: example_response_command map[data:typed answer to one]`,
		`exact: example_response_command map[data:typed answer to two]`,
		`off: true`,
		`fallback: example_response_command map[data:typed answer to three]`,
		`gap: refused [example_request_command]: invalid`,
		`call plugin.upper: error not_loaded, outcome: handled`,
		`call plugin.load: <nil>`,
		`call plugin.load: error already_loaded, outcome: handled`,
		`call plugin.upper: map[result:HELLO FROM OUTSIDE]`,
		`call plugin.load: <nil>`,
		`call plugin.words: map[result:3]`,
		`call plugin.unload: <nil>`,
		`call plugin.upper: error not_loaded, outcome: handled`,
		`call nobody.handles.this: error unknown_command, outcome: not handled`,
	}
	if diff := cmp.Diff(want, client.Lines()); diff != "" {
		t.Errorf("output of the untyped client (-want +got):\n%s", diff)
	}
	server.Interrupt()
}
