package main

import (
	"errors"
	"sync/atomic"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
)

// A Contestant is one IPC stack under test. To add one, write a file c_NAME.go
// whose init calls register. Serve runs in the server's process, Dial in the
// client's; they share nothing but the address, a path for a unix-domain socket
// in an empty folder of their own.
type Contestant interface {
	Name() string
	// About says in a few words what it is: transport, codec, and what differs
	// from the workloads' text.
	About() string
	Serve(addr string, h *Hooks) (Server, error)
	// Dial connects, as a user would. A lazy stack may connect at its first call.
	Dial(addr string) (Client, error)
}

// A Server broadcasts; a contestant that cannot embeds NoServer.
type Server interface {
	// Broadcast sends the small payload to every subscribed client.
	Broadcast(c *payload.Command) error
	// Subscribers counts the clients that a Broadcast would reach now.
	Subscribers() int
}

// A Client is one connection. What a contestant cannot do returns ErrNA (embed NoClient).
type Client interface {
	// Caller prepares one caller: each call of the returned function is one
	// request/response round trip carrying the template with that id, and
	// returns the digest that the server computed. One goroutine uses one caller.
	Caller(tmpl *payload.Command) (func(id uint64) (uint64, error), error)
	// Emitter prepares a one-way, ordered sender. The event with last set must
	// carry payload.LastScore as its score; done flushes.
	Emitter(tmpl *payload.Command) (emit func(id uint64, last bool) error, done func() error, err error)
	// Subscribe calls fn with the id of every broadcast that this client gets.
	Subscribe(fn func(id uint64)) error
	Close() error
}

// ErrNA says that a stack has no such feature.
var ErrNA = errors.New("not offered by this stack")

// NoServer is a Server that cannot broadcast.
type NoServer struct{}

// Broadcast is not offered.
func (NoServer) Broadcast(*payload.Command) error { return ErrNA }

// Subscribers is always zero.
func (NoServer) Subscribers() int { return 0 }

// NoClient is embedded by clients that lack a feature.
type NoClient struct{}

// Caller is not offered.
func (NoClient) Caller(*payload.Command) (func(uint64) (uint64, error), error) { return nil, ErrNA }

// Emitter is not offered.
func (NoClient) Emitter(*payload.Command) (func(uint64, bool) error, func() error, error) {
	return nil, nil, ErrNA
}

// Subscribe is not offered.
func (NoClient) Subscribe(func(uint64)) error { return ErrNA }

// Hooks is what a server's handlers report to.
type Hooks struct {
	received atomic.Int64 // one-way events handled
	disorder atomic.Int64 // of them, not in order
	lastNS   atomic.Int64 // when the marked last event was handled
	next     uint64
}

// Event is called by the handler of one-way events, after decoding; digest
// makes sure that all fields were decoded.
func (h *Hooks) Event(id uint64, score float64, digest uint64) {
	if id != h.next && id != 0 {
		h.disorder.Add(1)
	}
	h.next = id + 1
	h.received.Store(h.received.Load() + 1)
	if score == payload.LastScore {
		h.lastNS.Store(nowNS())
	}
	sink = digest
}

var sink uint64

// A skipper leaves out a workload, with a reason.
type skipper interface {
	Skip(work string, n int) string
}

var contestants = map[string]Contestant{}
var order []string

func register(c Contestant) {
	contestants[c.Name()] = c
	order = append(order, c.Name())
}
