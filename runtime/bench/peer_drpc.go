package main

import (
	"context"
	"net"

	"storj.io/drpc"
	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcserver"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/pb"
)

type drpcC struct{}

func init() { register(drpcC{}) }

func (drpcC) Name() string { return "drpc" }
func (drpcC) About() string {
	return "Storj DRPC over a unix socket, protobuf; one stream at a time on a connection, so W2's 64 callers take turns; W3, W4 by streams"
}

type drpcServer struct {
	hubPB
	h *Hooks
}

func (drpcC) Serve(addr string, h *Hooks) (Server, error) {
	l, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	s := &drpcServer{h: h}
	m := drpcmux.New()
	if err := pb.DRPCRegisterBench(m, s); err != nil {
		return nil, err
	}
	go drpcserver.New(m).Serve(context.Background(), l)
	return s, nil
}

func (s *drpcServer) Do(_ context.Context, c *pb.Command) (*pb.Reply, error) { return replyPB(c), nil }

func (s *drpcServer) Emit(st pb.DRPCBench_EmitStream) error {
	for {
		c, err := st.Recv()
		if err != nil {
			return nil
		}
		s.h.eventPB(c)
	}
}

func (s *drpcServer) Watch(_ *pb.Reply, st pb.DRPCBench_WatchStream) error {
	ch := s.join()
	defer s.leave(ch)
	for {
		select {
		case <-st.Context().Done():
			return nil
		case c := <-ch:
			if err := st.Send(c); err != nil {
				return err
			}
		}
	}
}

type drpcClient struct {
	cc *drpcconn.Conn
	c  pb.DRPCBenchClient
}

func (drpcC) Dial(addr string) (Client, error) {
	c, err := net.Dial("unix", addr)
	if err != nil {
		return nil, err
	}
	cc := drpcconn.New(c)
	return &drpcClient{cc, pb.NewDRPCBenchClient(cc)}, nil
}

func (d *drpcClient) Close() error { return d.cc.Close() }

func (d *drpcClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q, ctx := toPB(tmpl), context.Background()
	return func(id uint64) (uint64, error) {
		q.Id = id
		r, err := d.c.Do(ctx, q)
		return r.GetDigest(), err
	}, nil
}

func (d *drpcClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	q := toPB(tmpl)
	st, err := d.c.Emit(context.Background())
	if err != nil {
		return nil, nil, err
	}
	score := q.Score
	return func(id uint64, last bool) error {
			q.Id, q.Score = id, score
			if last {
				q.Score = payload.LastScore
			}
			return st.Send(q)
		}, func() error {
			if g, ok := st.(interface{ GetStream() drpc.Stream }); ok {
				if f, ok := g.GetStream().(interface{ RawFlush() error }); ok {
					return f.RawFlush() // DRPC may hold small sends back
				}
			}
			return nil
		}, nil
}

func (d *drpcClient) Subscribe(fn func(uint64)) error {
	st, err := d.c.Watch(context.Background(), &pb.Reply{})
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := st.Recv()
			if err != nil {
				return
			}
			fn(c.Id)
		}
	}()
	return nil
}
