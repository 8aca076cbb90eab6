package main

import (
	"context"
	"net"

	"github.com/containerd/ttrpc"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/pb"
)

type ttrpcC struct{}

func init() { register(ttrpcC{}) }

func (ttrpcC) Name() string { return "ttrpc" }
func (ttrpcC) About() string {
	return "containerd's light gRPC over a unix socket, protobuf; W3, W4 by streams"
}

type ttrpcServer struct {
	hubPB
	h *Hooks
}

func (ttrpcC) Serve(addr string, h *Hooks) (Server, error) {
	l, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	s := &ttrpcServer{h: h}
	t, err := ttrpc.NewServer()
	if err != nil {
		return nil, err
	}
	pb.RegisterTTRPCBenchService(t, s)
	go t.Serve(context.Background(), l)
	return s, nil
}

func (s *ttrpcServer) Do(_ context.Context, c *pb.Command) (*pb.Reply, error) { return replyPB(c), nil }

func (s *ttrpcServer) Emit(_ context.Context, st pb.TTRPCBench_EmitServer) (*pb.Reply, error) {
	for {
		c, err := st.Recv()
		if err != nil {
			return &pb.Reply{}, nil
		}
		s.h.eventPB(c)
	}
}

func (s *ttrpcServer) Watch(ctx context.Context, _ *pb.Reply, st pb.TTRPCBench_WatchServer) error {
	ch := s.join()
	defer s.leave(ch)
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-ch:
			if err := st.Send(c); err != nil {
				return err
			}
		}
	}
}

type ttrpcClient struct {
	cc *ttrpc.Client
	c  pb.TTRPCBenchClient
}

func (ttrpcC) Dial(addr string) (Client, error) {
	c, err := net.Dial("unix", addr)
	if err != nil {
		return nil, err
	}
	cc := ttrpc.NewClient(c)
	return &ttrpcClient{cc, pb.NewTTRPCBenchClient(cc)}, nil
}

func (t *ttrpcClient) Close() error { return t.cc.Close() }

func (t *ttrpcClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q, ctx := toPB(tmpl), context.Background()
	return func(id uint64) (uint64, error) {
		q.Id = id
		r, err := t.c.Do(ctx, q)
		return r.GetDigest(), err
	}, nil
}

func (t *ttrpcClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	q := toPB(tmpl)
	st, err := t.c.Emit(context.Background())
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
	}, func() error { return nil }, nil
}

func (t *ttrpcClient) Subscribe(fn func(uint64)) error {
	st, err := t.c.Watch(context.Background(), &pb.Reply{})
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
