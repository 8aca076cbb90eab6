package ipciotest_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/runtime/ipciotest"
)

// exampleTB stands for the *testing.T of a test.
type exampleTB struct{ cleanups []func() }

func (t *exampleTB) Helper()                           {}
func (t *exampleTB) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleTB) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

func Example() {
	t := new(exampleTB) // in a test: the *testing.T
	defer t.end()       // in a test: not needed
	ctx := context.Background()

	d := ipciotest.New(t)
	server := d.Server(ipcio.ServerConfig{})
	if err := server.On("greet", func(_ context.Context, m *ipcio.Message) (any, error) {
		return "hello " + m.From().Name(), nil
	}); err != nil {
		t.Fatalf("%v", err)
	}
	if err := server.Start(ctx); err != nil {
		t.Fatalf("%v", err)
	}

	client := d.Client(ipcio.ClientConfig{Name: "alice"})
	if err := client.Connect(ctx); err != nil {
		t.Fatalf("%v", err)
	}
	d.Cut("alice") // a lost connection costs nothing
	reply, err := client.Call(ctx, "greet", nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println(reply.Value())
	// Output: hello alice <nil>
}
