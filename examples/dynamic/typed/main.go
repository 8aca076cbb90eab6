// Command typed is the server of the lesson on dynamic handlers. It has the
// tutorial's SDK, and on the same value handlers of commands that no schema
// knows: plugins, loaded and unloaded while it runs.
//
//	go run ./examples/dynamic/typed
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/generated/tutorial"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// plugins are what may be loaded. Each becomes the handler of plugin.<name>.
var plugins = map[string]func(text string) any{
	"upper":   func(text string) any { return strings.ToUpper(text) },
	"words":   func(text string) any { return len(strings.Fields(text)) },
	"reverse": func(text string) any { r := []rune(text); slices.Reverse(r); return string(r) },
}

func main() {
	dir := flag.String("dir", "", "directory of the socket (default: the user's own)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, ipcio.ServerConfig{Domain: "dynamic", Dir: *dir}); err != nil {
		fmt.Fprintln(os.Stderr, "typed:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, cfg ipcio.ServerConfig) error {
	srv, err := tutorial.NewServer(cfg, tutorial.ServerHandlers{
		ExampleRequestCommand: func(ctx context.Context, from *tutorial.Peer, p tutorial.ExampleRequestCommandPayload) error {
			return from.EmitExampleResponseCommand(ctx, tutorial.ExampleResponseCommandPayload{Data: "typed answer to " + p.Data})
		},
	})
	if err != nil {
		return err
	}
	defer srv.Close()

	// Names without a schema: the exact ones first, "plugin.*" for the rest.
	for command, h := range map[string]ipcio.HandlerFunc{
		"plugin.load":   func(_ context.Context, m *ipcio.Message) (any, error) { return load(srv, m) },
		"plugin.unload": func(_ context.Context, m *ipcio.Message) (any, error) { return unload(srv, m) },
		"plugin.*": func(_ context.Context, m *ipcio.Message) (any, error) {
			return nil, &ipcio.RemoteError{Code: "not_loaded", Message: m.Command()}
		},
	} {
		if err := srv.On(command, h); err != nil {
			return err
		}
	}
	if err := srv.Start(ctx); err != nil {
		return err
	}
	fmt.Println("serving", srv.Addr())

	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return srv.Shutdown(ctx)
}

// load adds the handler of a plugin to the running server.
func load(srv *tutorial.Server, m *ipcio.Message) (any, error) {
	name, err := pluginName(m)
	if err != nil {
		return nil, err
	}
	plugin := plugins[name]
	err = srv.On("plugin."+name, func(_ context.Context, m *ipcio.Message) (any, error) {
		var p struct {
			Text string `cbor:"text"`
		}
		if err := m.Decode(&p); err != nil {
			return nil, &ipcio.RemoteError{Code: ipcio.CodeInvalid, Message: err.Error()}
		}
		return map[string]any{"result": plugin(p.Text)}, nil
	})
	if errors.Is(err, ipcio.ErrDuplicateHandler) {
		return nil, &ipcio.RemoteError{Code: "already_loaded", Message: name}
	}
	return nil, err
}

// unload removes the handler of a plugin.
func unload(srv *tutorial.Server, m *ipcio.Message) (any, error) {
	name, err := pluginName(m)
	if err != nil {
		return nil, err
	}
	if !srv.Off("plugin." + name) {
		return nil, &ipcio.RemoteError{Code: "not_loaded", Message: name}
	}
	return nil, nil
}

func pluginName(m *ipcio.Message) (string, error) {
	var p struct {
		Name string `cbor:"name"`
	}
	if err := m.Decode(&p); err != nil {
		return "", &ipcio.RemoteError{Code: ipcio.CodeInvalid, Message: err.Error()}
	}
	if plugins[p.Name] == nil {
		return "", &ipcio.RemoteError{Code: "no_such_plugin", Message: p.Name}
	}
	return p.Name, nil
}
