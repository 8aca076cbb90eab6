package ipcio_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// shortRuns is after how many short runs the reader runs a handler itself, also
// if the machine has made some of them long.
const shortRuns = 200

// changing serves a handler that is short until it is told to do something else
// with the next message, by what it returns.
func changing(t *testing.T, d *domain, call bool) (s *ipcio.Server, c *ipcio.Client, change func(ipcio.HandlerFunc), send func(context.Context) error) {
	next := make(chan ipcio.HandlerFunc, 1)
	s = d.serve(func(s *ipcio.Server) {
		ok(t, s.On("changing", func(ctx context.Context, m *ipcio.Message) (any, error) {
			select {
			case h := <-next:
				return h(ctx, m)
			default:
				return nil, nil
			}
		}))
		ok(t, s.On("other", func(context.Context, *ipcio.Message) (any, error) { return "still here", nil }))
	})
	c = d.join("c")
	send = func(ctx context.Context) error {
		if !call {
			return c.Emit(ctx, "changing", nil)
		}
		_, err := c.Call(ctx, "changing", nil)
		return err
	}
	for range shortRuns {
		ok(t, send(d.ctx()))
	}
	ok(t, c.Flush(d.ctx()))
	return s, c, func(h ipcio.HandlerFunc) { next <- h }, send
}

// A handler that was always short blocks: what else its client says is heard.
func TestShortHandlerBlocks(t *testing.T) {
	t.Run("call", func(t *testing.T) {
		d := newDomain(t)
		_, c, change, send := changing(t, d, true)
		blocked, release := make(chan struct{}), make(chan struct{})
		change(func(context.Context, *ipcio.Message) (any, error) {
			close(blocked)
			<-release
			return nil, nil
		})
		sent := make(chan error, 1)
		go func() { sent <- send(d.ctx()) }()
		receive(t, "the handler runs", blocked)
		if got := reply(t)(c.Call(d.ctx(), "other", nil)); got != "still here" {
			t.Errorf("got %v", got)
		}
		close(release)
		ok(t, receive(t, "the outcome", sent))
	})
	t.Run("event", func(t *testing.T) { // what it waits for comes on the lane that its goroutine has read
		d := newDomain(t)
		_, c, change, send := changing(t, d, false)
		ok(t, c.On("back", func(context.Context, *ipcio.Message) (any, error) { return "an answer", nil }))
		answered := make(chan error, 1)
		change(func(_ context.Context, m *ipcio.Message) (any, error) {
			_, err := m.From().Call(d.ctx(), "back", nil)
			answered <- err
			return nil, err
		})
		ok(t, send(d.ctx()), receive(t, "the answer to the handler", answered), c.Flush(d.ctx()))
	})
}

// A caller gives up while a handler that was always short blocks: its ctx ends.
func TestShortHandlerIsCancelled(t *testing.T) {
	d := newDomain(t)
	_, _, change, send := changing(t, d, true)
	blocked, ended := make(chan struct{}), make(chan error, 1)
	change(func(ctx context.Context, _ *ipcio.Message) (any, error) {
		close(blocked)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(d.ctx())
	go func() {
		<-blocked
		cancel()
	}()
	if err := send(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the call: %v", err)
	}
	if err := receive(t, "the handler's ctx has ended", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's ctx: %v", err)
	}
}

// A handler that was always short calls its caller, ends its goroutine, closes
// the server.
func TestShortHandlerDoesMore(t *testing.T) {
	t.Run("nested call", func(t *testing.T) {
		d := newDomain(t)
		_, c, change, send := changing(t, d, true)
		ok(t, c.On("back", func(context.Context, *ipcio.Message) (any, error) { return "nested", nil }))
		change(func(ctx context.Context, m *ipcio.Message) (any, error) {
			_, err := m.From().Call(ctx, "back", nil)
			return nil, err
		})
		ok(t, send(d.ctx()))
	})
	for name, call := range map[string]bool{"call": true, "event": false} {
		t.Run("Goexit "+name, func(t *testing.T) {
			d := newDomain(t)
			_, c, change, send := changing(t, d, call)
			change(func(context.Context, *ipcio.Message) (any, error) {
				runtime.Goexit()
				return nil, nil
			})
			if err := send(d.ctx()); call && !isRemote(err, ipcio.CodeInternal) {
				t.Errorf("the call: %v", err)
			}
			ok(t, c.Flush(d.ctx()))
			if got := reply(t)(c.Call(d.ctx(), "other", nil)); got != "still here" {
				t.Errorf("got %v", got)
			}
		})
		t.Run("Close "+name, func(t *testing.T) {
			d := newDomain(t)
			s, _, change, send := changing(t, d, call)
			closed := make(chan error, 1)
			change(func(context.Context, *ipcio.Message) (any, error) {
				closed <- s.Close()
				return nil, nil
			})
			go send(d.ctx()) // its outcome is another test's
			ok(t, receive(t, "the server is closed", closed), s.Wait())
		})
		t.Run("Shutdown "+name, func(t *testing.T) {
			d := newDomain(t)
			s, _, change, send := changing(t, d, call)
			closed := make(chan error, 1)
			change(func(ctx context.Context, _ *ipcio.Message) (any, error) {
				closed <- s.Shutdown(ctx)
				return nil, nil
			})
			go send(d.ctx())
			ok(t, receive(t, "the server is shut down", closed), s.Wait())
		})
	}
}

func isRemote(err error, code string) bool {
	remote, ok := errors.AsType[*ipcio.RemoteError](err)
	return ok && remote.Code == code
}

// Handlers that are short run one after another on the reader: events keep
// their order, also among calls, and many callers get their answers.
func TestShortHandlersInOrder(t *testing.T) {
	d := newDomain(t)
	var seen []int64
	d.serve(func(s *ipcio.Server) {
		ok(t, s.On("n", func(_ context.Context, m *ipcio.Message) (any, error) {
			v, err := m.Value()
			if m.IsCall() {
				return v, err
			}
			seen = append(seen, v.(int64))
			return nil, err
		}))
		ok(t, s.On("count", func(context.Context, *ipcio.Message) (any, error) { return len(seen), nil }))
	})
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{WhenFull: ipcio.Block}})
	ok(t, c.Connect(d.ctx()))
	const n, callers = 4000, 16
	errs := make(chan error, callers)
	for i := range callers {
		go func() {
			for j := range n / callers {
				m, err := c.Call(d.ctx(), "n", i*n+j)
				if err != nil {
					errs <- err
					return
				}
				if v, err := m.Value(); v != int64(i*n+j) {
					errs <- errors.Join(errors.New("another call's reply"), err)
					return
				}
			}
			errs <- nil
		}()
	}
	for i := range n {
		ok(t, c.Emit(d.ctx(), "n", i))
	}
	for range callers {
		ok(t, receive(t, "a caller", errs))
	}
	ok(t, c.Flush(d.ctx()))
	if got := reply(t)(c.Call(d.ctx(), "count", nil)); got != int64(n) {
		t.Fatalf("%v events were handled, want %d", got, n)
	}
	for i, v := range seen {
		if v != int64(i) {
			t.Fatalf("event %d came in place of %d", v, i)
		}
	}
}
