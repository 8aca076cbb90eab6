package ipcio

import (
	"context"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
)

// A handlerContext is the ctx of one handler, and what the handler's ctx knows
// of the message. Most handlers only hand it on: the timer of the deadline and
// the place among the children of its parent are made when somebody asks for
// Done, because making them costs more than a short handler.
type handlerContext struct {
	handling
	parent   context.Context
	deadline time.Time // zero: none

	mu       sync.Mutex // guards the fields below; nothing but locks of package context is taken under it
	done     context.Context
	cancel   context.CancelCauseFunc // of done
	stop     context.CancelFunc      // the same, its timer included
	canceled bool
	err      error // what Err has returned before there was a done; nil if nothing
}

// newHandlerContext returns the ctx of the handler of a message. It must be
// released when the handler has returned.
func (l *link) newHandlerContext(in *session.Incoming, at place) *handlerContext {
	c := &handlerContext{handling: handling{link: l, in: in, at: at}, parent: l.ctx}
	if in.Deadline != 0 {
		c.deadline = l.ep.began.Add(time.Duration(in.Deadline))
	}
	return c
}

func (c *handlerContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *handlerContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done, c.cancel = context.WithCancelCause(c.parent)
		if c.canceled && c.err != context.DeadlineExceeded {
			c.cancel(context.Canceled)
		}
		if !c.deadline.IsZero() {
			c.done, c.stop = context.WithDeadline(c.done, c.deadline)
		}
	}
	return c.done.Done()
}

func (c *handlerContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.done != nil:
		return c.done.Err()
	case c.err != nil:
	case c.canceled:
		c.err = context.Canceled
	case c.parent.Err() != nil:
		c.err = c.parent.Err()
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		c.err = context.DeadlineExceeded
	}
	return c.err
}

func (c *handlerContext) Value(key any) any {
	if key == (handlingKey{}) {
		return &c.handling
	}
	c.mu.Lock()
	from := c.parent
	if c.done != nil {
		from = c.done // where package context finds what to attach children to
	}
	c.mu.Unlock()
	return from.Value(key)
}

// CancelCall ends the ctx: the caller does not wait any more.
func (c *handlerContext) CancelCall() {
	c.mu.Lock()
	c.canceled = true
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel(context.Canceled)
	}
}

// release ends the ctx when the handler has returned.
func (c *handlerContext) release() {
	c.CancelCall()
	c.mu.Lock()
	stop := c.stop
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}
