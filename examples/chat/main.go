// Command chat is a chat for terminals: one process for each person, no
// server to set up. Who comes first hosts the room, and when the host leaves,
// somebody else of those present takes over.
//
//	go run ./examples/chat -name ann
//	go run ./examples/chat -name bob     in another terminal
//
// "chat serve" hosts the room and takes no part.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/ipcio/ipcio-go/generated/chat"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func main() {
	flags := flag.NewFlagSet("chat", flag.ExitOnError)
	name := flags.String("name", "", "your name: lower-case letters, digits, '.', '_' and '-'")
	domain := flags.String("room", "chat", "name of the room")
	dir := flags.String("dir", "", "directory of the socket (default: the user's own)")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "usage: chat -name ann [-room name] [-dir path]\n       chat serve [-room name] [-dir path]\n")
		flags.PrintDefaults()
	}
	args := os.Args[1:]
	serve := len(args) > 0 && args[0] == "serve"
	if serve {
		args = args[1:]
	}
	flags.Parse(args) // exits if they are wrong
	if flags.NArg() > 0 || serve == (*name != "") {
		flags.Usage()
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if serve {
		err = host(ctx, ipcio.ServerConfig{Domain: *domain, Dir: *dir})
	} else {
		err = join(ctx, ipcio.ClientConfig{Name: *name, Domain: *domain, Dir: *dir}, os.Stdin, newScreen(os.Stdout))
	}
	switch {
	case errors.Is(err, ipcio.ErrNameTaken):
		err = fmt.Errorf("somebody in the room is called %s already: choose another -name", *name)
	case serve && errors.Is(err, ipcio.ErrDomainInUse):
		err = fmt.Errorf("the room %s is hosted already", *domain)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// host serves a room until ctx ends.
func host(ctx context.Context, cfg ipcio.ServerConfig) error {
	r, err := openRoom(ctx, cfg, chat.Topic{})
	if err != nil {
		return err
	}
	fmt.Println("hosting", r.srv.Addr())
	select {
	case <-ctx.Done():
		r.close("")
		return nil
	case <-r.ended:
		return r.srv.Wait()
	}
}
