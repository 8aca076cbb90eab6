// Command untyped is a client without a schema in a domain that has one. It
// talks to the lesson's server (examples/dynamic/typed) in Go's own types,
// adds and removes handlers while it is connected, and prints what happens.
//
//	go run ./examples/dynamic/untyped
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func main() {
	dir := flag.String("dir", "", "directory of the socket (default: the user's own)")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := tour(ctx, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "untyped:", err)
		os.Exit(1)
	}
}

// object is a payload as a schema's struct travels: a map with text keys.
type object = map[string]any

func tour(ctx context.Context, dir string) error {
	events := make(chan string, 16) // what handlers and OnGap saw, for the steps that wait for it
	c, err := ipcio.NewClient(ipcio.ClientConfig{
		Name: "untyped", Domain: "dynamic", Dir: dir,
		OnGap: func(g ipcio.Gap) { events <- fmt.Sprintf("gap: %v %v: %s", g.Reason, g.Commands, code(g.Err)) },
	})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Connect(ctx); err != nil {
		return err
	}
	t := &tourist{ctx: ctx, c: c, events: events}

	// A declared command, sent and answered without the schema.
	t.on("*", "fallback")
	t.emit("example_request_command", object{"data": "one"})

	// A handler that comes while messages arrive is used from the next one on,
	// and when it goes the fallback is back.
	t.on("example_response_command", "exact")
	t.emit("example_request_command", object{"data": "two"})
	fmt.Println("off:", c.Off("example_response_command"))
	t.emit("example_request_command", object{"data": "three"})

	// Data of a declared command fits its schema, whoever sends it.
	t.emit("example_request_command", object{"data": 4})

	// Commands that no schema declares, with handlers that come and go.
	hello := object{"text": "hello from outside"}
	t.call("plugin.upper", hello)
	t.call("plugin.load", object{"name": "upper"})
	t.call("plugin.load", object{"name": "upper"})
	t.call("plugin.upper", hello)
	t.call("plugin.load", object{"name": "words"})
	t.call("plugin.words", hello)
	t.call("plugin.unload", object{"name": "upper"})
	t.call("plugin.upper", hello)

	// What nobody handles fails at once.
	t.call("nobody.handles.this", nil)
	if t.err != nil {
		return t.err
	}
	return c.Shutdown(ctx)
}

// A tourist does one step after another and prints what comes of it. Once a
// step has failed, those after it do nothing.
type tourist struct {
	ctx    context.Context
	c      *ipcio.Client
	events chan string
	err    error
}

// on registers a handler that reports what arrives under its label.
func (t *tourist) on(command, label string) {
	if t.err != nil {
		return
	}
	t.err = t.c.On(command, func(_ context.Context, m *ipcio.Message) (any, error) {
		v, err := m.Value()
		t.events <- fmt.Sprintf("%s: %s %v", label, m.Command(), v)
		return nil, err
	})
}

// emit sends an event and prints the next thing that a handler or OnGap sees.
func (t *tourist) emit(command string, data any) {
	if t.err != nil {
		return
	}
	if t.err = t.c.Emit(t.ctx, command, data); t.err != nil {
		return
	}
	select {
	case e := <-t.events:
		fmt.Println(e)
	case <-t.ctx.Done():
		t.err = fmt.Errorf("nothing answered %s: %w", command, t.ctx.Err())
	}
}

// call sends a call and prints its reply, or the code of its error.
func (t *tourist) call(command string, data any) {
	if t.err != nil {
		return
	}
	reply, err := t.c.Call(t.ctx, command, data)
	if err != nil {
		fmt.Printf("call %s: error %s, outcome: %v\n", command, code(err), ipcio.OutcomeOf(err))
		return
	}
	v, err := reply.Value()
	fmt.Printf("call %s: %v\n", command, v)
	t.err = err
}

// code returns what a remote error says, in one word.
func code(err error) string {
	if remote, ok := errors.AsType[*ipcio.RemoteError](err); ok {
		return remote.Code
	}
	return fmt.Sprint(err)
}
