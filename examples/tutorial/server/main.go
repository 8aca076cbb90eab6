// Command server is the server of the tutorial. It answers two commands of
// its clients: one by addressing the client by name, the other through the
// peer that the message came from.
//
//	go run ./examples/tutorial/server
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
	domain := flag.String("domain", "example_domain", "name of the domain")
	dir := flag.String("dir", "", "directory of the socket (default: the user's own)")
	verbose := flag.Bool("verbose", true, "report every operation to standard error")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, ipcio.ServerConfig{Domain: *domain, Dir: *dir, Verbose: *verbose}); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, cfg ipcio.ServerConfig) error {
	var srv *tutorial.Server // for the handler that addresses a client by name
	var err error
	srv, err = tutorial.NewServer(cfg, tutorial.ServerHandlers{
		ExampleRequestCommand: func(ctx context.Context, from *tutorial.Peer, p tutorial.ExampleRequestCommandPayload) error {
			report(ctx, from, p.Data)
			return srv.EmitExampleResponseCommand(ctx, from.Name(), tutorial.ExampleResponseCommandPayload{
				Data: "example response data",
			})
		},
		OtherRequestCommand: func(ctx context.Context, from *tutorial.Peer, p tutorial.OtherRequestCommandPayload) error {
			report(ctx, from, p.Data)
			return from.EmitOtherResponseCommand(ctx, tutorial.OtherResponseCommandPayload{
				Data: "other response data",
			})
		},
	})
	if err != nil {
		return err
	}
	defer srv.Close()

	if err := srv.Start(ctx); err != nil {
		return err
	}
	fmt.Println("serving", srv.Addr())

	ended := make(chan error, 1)
	go func() { ended <- srv.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return srv.Shutdown(ctx)
	}
}

// report prints a request. A message that a server which died may have handled
// before says so: the demo counts on it.
func report(ctx context.Context, from *tutorial.Peer, data string) {
	m, _ := ipcio.MessageFromContext(ctx)
	again := ""
	if m.Redelivered() {
		again = " (redelivered)"
	}
	fmt.Printf("%s from %s: %q%s\n", m.Command(), from.Name(), data, again)
}
