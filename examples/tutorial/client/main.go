// Command client is the client of the tutorial. It sends two commands, each at
// its own interval, and prints the answers. It may be started before the
// server, and the server may be started again at any time: what is sent
// meanwhile arrives.
//
//	go run ./examples/tutorial/client
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/generated/tutorial"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func main() {
	name := flag.String("name", "example_client", "name in the domain")
	domain := flag.String("domain", "example_domain", "name of the domain")
	dir := flag.String("dir", "", "directory of the socket (default: the user's own)")
	verbose := flag.Bool("verbose", true, "report every operation to standard error")
	example := flag.Duration("example", 7331*time.Millisecond, "interval of example_request_command")
	other := flag.Duration("other", 1338*time.Millisecond, "interval of other_request_command")
	number := flag.Bool("number", false, "number the messages")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg := ipcio.ClientConfig{Name: *name, Domain: *domain, Dir: *dir, Verbose: *verbose}
	if err := talk(ctx, cfg, *example, *other, *number); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// talk runs the client until ctx ends.
func talk(ctx context.Context, cfg ipcio.ClientConfig, exampleEvery, otherEvery time.Duration, number bool) error {
	client, err := tutorial.NewClient(cfg, tutorial.ClientHandlers{
		ExampleResponseCommand: func(_ context.Context, p tutorial.ExampleResponseCommandPayload) error {
			fmt.Printf("example_response_command: %q\n", p.Data)
			return nil
		},
		OtherResponseCommand: func(_ context.Context, p tutorial.OtherResponseCommandPayload) error {
			fmt.Printf("other_response_command: %q\n", p.Data)
			return nil
		},
	})
	if err != nil {
		return err
	}
	defer client.Close()

	if err := client.Connect(ctx); err != nil {
		return err
	}
	fmt.Println("connected as", client.Name())

	example, other := time.NewTicker(exampleEvery), time.NewTicker(otherEvery)
	defer example.Stop()
	defer other.Stop()
	for n := 1; ; n++ {
		suffix := ""
		if number {
			suffix = fmt.Sprintf(" #%d", n)
		}
		select {
		case <-example.C:
			data := "example request data" + suffix
			err := client.EmitExampleRequestCommand(ctx, tutorial.ExampleRequestCommandPayload{Data: data})
			sent("example_request_command", data, err)
		case <-other.C:
			data := "other request data" + suffix
			err := client.EmitOtherRequestCommand(ctx, tutorial.OtherRequestCommandPayload{Data: data})
			sent("other_request_command", data, err)
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return client.Shutdown(ctx) // waits until all that was sent is handled
		}
	}
}

// sent prints what became of an Emit. No error means that the message is
// accepted: it will be handled, whatever happens to the connection.
func sent(command, data string, err error) {
	if err != nil {
		fmt.Printf("not sent %s: %v\n", command, err)
		return
	}
	fmt.Printf("sent %s: %q\n", command, data)
}
