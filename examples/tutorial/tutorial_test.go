package tutorial_test

import (
	"testing"

	"github.com/ipcio/ipcio-go/examples/internal/lesson"
)

// The tutorial as a reader runs it, but for the intervals: two processes, two
// commands, answered in two ways.
func TestTutorial(t *testing.T) {
	l := lesson.Build(t, "tutorial/server", "tutorial/client")
	// The client first: it waits for its server.
	client := l.Start("client", "tutorial/client", "-dir", l.Dir, "-example", "70ms", "-other", "30ms")
	server := l.Start("server", "tutorial/server", "-dir", l.Dir)

	client.Expect("connected as example_client")
	for range 3 {
		server.Expect(`example_request_command from example_client: "example request data"`)
		client.Expect(`example_response_command: "example response data"`)
		server.Expect(`other_request_command from example_client: "other request data"`)
		client.Expect(`other_response_command: "other response data"`)
	}
	client.Interrupt()
	server.Interrupt()
}

// The demo audits itself: see its exit status, and the tests of its audit.
func TestDemo(t *testing.T) {
	l := lesson.Build(t, "tutorial/demo")
	demo := l.Start("demo", "tutorial/demo", "-length", "3s", "-scale", "0.02")
	demo.Wait()
	demo.Expect("killed the server")
	demo.Expect("starting the server again")
	demo.Expect("nothing is missing, nothing is out of order, nothing was handled twice without saying so")
}
