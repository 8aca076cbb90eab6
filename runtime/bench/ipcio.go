package main

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/yard"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// This project as its users have it: a generated SDK and the default
// configuration, but that an Emit waits when its queue is full instead of
// refusing, because the workload emits as fast as it can. Both lanes, sessions,
// acknowledgements, limits and deadlines are on.
type ipcioC struct{}

func init() { register(ipcioC{}) }

func (ipcioC) Name() string { return "ipcio" }
func (ipcioC) About() string {
	return "this project: generated SDK, default configuration, two lanes; every event acknowledged; decoded values are the handler's own"
}

// ipcioLentC is ipcioC with a schema that says borrow at the blob.
type ipcioLentC struct{ ipcioC }

func init() { register(ipcioLentC{}) }

func (ipcioLentC) Name() string { return "ipcio-lent" }
func (ipcioLentC) About() string {
	return "like ipcio, but the handler is lent the blob until it returns (borrow: true): the rest of what is decoded is its own"
}

// Skip leaves out what does not depend on the payload being large.
func (ipcioLentC) Skip(work string, _ int) string {
	if work == "w1" || work == "w2" {
		return ""
	}
	return "the same as ipcio"
}

func (c ipcioLentC) Dial(addr string) (Client, error) {
	cl, err := c.ipcioC.Dial(addr)
	if err != nil {
		return nil, err
	}
	return ipcioLentClient{cl.(*ipcioClient)}, nil
}

type ipcioLentClient struct{ *ipcioClient }

func (cl ipcioLentClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q, ctx := yard.Lent(*tmpl), context.Background()
	return func(id uint64) (uint64, error) {
		q.ID = id
		r, err := cl.c.CallCaptureLent(ctx, q)
		return r.Digest, err
	}, nil
}

type ipcioServer struct{ s *yard.Server }

func (ipcioC) Serve(addr string, h *Hooks) (Server, error) {
	s, err := yard.NewServer(ipcio.ServerConfig{Domain: domainOf(addr), Dir: filepath.Dir(addr)},
		yard.ServerHandlers{
			Capture: func(_ context.Context, _ *yard.Peer, p yard.Command) (yard.CaptureReply, error) {
				return yard.CaptureReply{ID: p.ID, Digest: digestOf(&p)}, nil
			},
			CaptureLent: func(_ context.Context, _ *yard.Peer, p yard.Lent) (yard.CaptureLentReply, error) {
				return yard.CaptureLentReply{ID: p.ID, Digest: digestOf((*yard.Command)(&p))}, nil
			},
			Record: func(_ context.Context, _ *yard.Peer, p yard.Command) error {
				h.Event(p.ID, p.Score, digestOf(&p))
				return nil
			},
			Arouse: func(_ context.Context, from *yard.Peer, p yard.ArousePayload) (yard.ArouseReply, error) {
				notice := commandOf(payload.Sample(0))
				time.AfterFunc(p.After, func() {
					notice.Created = nowNS()
					_ = from.EmitNotice(context.Background(), notice) // a client that has gone needs none
				})
				return yard.ArouseReply{}, nil
			},
		})
	if err != nil {
		return nil, err
	}
	return ipcioServer{s}, s.Start(context.Background())
}

func domainOf(addr string) string { return filepath.Base(addr) }

func digestOf(c *yard.Command) uint64 {
	return payload.Digest(c.ID, c.Name, c.Labels, c.Tags, c.Score, c.Created, c.Blob)
}

func commandOf(c *payload.Command) yard.Command { return yard.Command(*c) }

func (s ipcioServer) Broadcast(c *payload.Command) error {
	return s.s.BroadcastNotice(context.Background(), commandOf(c))
}

func (s ipcioServer) Subscribers() int { return len(s.s.Clients()) }

type ipcioClient struct {
	c  *yard.Client
	fn atomic.Pointer[func(uint64)]
	// notice is called with the time at which a notice was sent.
	notice atomic.Pointer[func(created int64)]
}

func (ipcioC) Dial(addr string) (Client, error) {
	cl := new(ipcioClient)
	c, err := yard.NewClient(ipcio.ClientConfig{
		Domain: domainOf(addr), Dir: filepath.Dir(addr), Queue: ipcio.QueueConfig{WhenFull: ipcio.Block},
	}, yard.ClientHandlers{
		Notice: func(_ context.Context, p yard.Command) error {
			if fn := cl.fn.Load(); fn != nil {
				(*fn)(p.ID)
			}
			if fn := cl.notice.Load(); fn != nil {
				(*fn)(p.Created)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	cl.c = c
	return cl, c.Connect(context.Background())
}

func (cl *ipcioClient) Close() error { return cl.c.Close() }

func (cl *ipcioClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q, ctx := commandOf(tmpl), context.Background()
	return func(id uint64) (uint64, error) {
		q.ID = id
		r, err := cl.c.CallCapture(ctx, q)
		return r.Digest, err
	}, nil
}

func (cl *ipcioClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	q, ctx := commandOf(tmpl), context.Background()
	score := q.Score
	emit := func(id uint64, last bool) error {
		q.ID, q.Score = id, score
		if last {
			q.Score = payload.LastScore
		}
		return cl.c.EmitRecord(ctx, q)
	}
	return emit, func() error { return cl.c.Flush(ctx) }, nil
}

func (cl *ipcioClient) Subscribe(fn func(uint64)) error {
	cl.fn.Store(&fn)
	return nil
}
