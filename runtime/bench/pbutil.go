package main

import (
	"sync"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/pb"
)

// What the protobuf contestants share.

func toPB(c *payload.Command) *pb.Command {
	return &pb.Command{Id: c.ID, Name: c.Name, Labels: c.Labels, Tags: c.Tags, Score: c.Score, Created: c.Created, Blob: c.Blob}
}

func digestPB(c *pb.Command) uint64 {
	return payload.Digest(c.Id, c.Name, c.Labels, c.Tags, c.Score, c.Created, c.Blob)
}

func replyPB(c *pb.Command) *pb.Reply { return &pb.Reply{Id: c.Id, Digest: digestPB(c)} }

func (h *Hooks) eventPB(c *pb.Command) { h.Event(c.Id, c.Score, digestPB(c)) }

// A hub is the usual broadcast registry of a server with streams: one channel per subscriber.
type hub[T any] struct {
	mu   sync.Mutex
	subs map[chan T]struct{}
}

func (b *hub[T]) join() chan T {
	ch := make(chan T, 64)
	b.mu.Lock()
	if b.subs == nil {
		b.subs = map[chan T]struct{}{}
	}
	b.subs[ch] = struct{}{}
	b.mu.Unlock()
	return ch
}

func (b *hub[T]) leave(ch chan T) {
	b.mu.Lock()
	delete(b.subs, ch)
	b.mu.Unlock()
}

func (b *hub[T]) send(v T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.subs {
		ch <- v
	}
}

// Subscribers counts them.
func (b *hub[T]) Subscribers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subs)
}

// hubPB is the Server of the protobuf contestants.
type hubPB struct{ hub[*pb.Command] }

// Broadcast sends to every stream.
func (b *hubPB) Broadcast(c *payload.Command) error { b.send(toPB(c)); return nil }
