package main

import (
	"context"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/pb"
)

type grpcC struct{}

func init() { register(grpcC{}) }

func (grpcC) Name() string  { return "grpc-go" }
func (grpcC) About() string { return "HTTP/2 over a unix socket, protobuf; W3, W4 by streams" }

type grpcServer struct {
	pb.UnimplementedBenchServer
	hubPB
	h *Hooks
}

func (grpcC) Serve(addr string, h *Hooks) (Server, error) {
	l, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	s := &grpcServer{h: h}
	g := grpc.NewServer()
	pb.RegisterBenchServer(g, s)
	go g.Serve(l)
	return s, nil
}

func (s *grpcServer) Do(_ context.Context, c *pb.Command) (*pb.Reply, error) { return replyPB(c), nil }

func (s *grpcServer) Emit(st grpc.ClientStreamingServer[pb.Command, pb.Reply]) error {
	for {
		c, err := st.Recv()
		if err == io.EOF {
			return st.SendAndClose(&pb.Reply{})
		}
		if err != nil {
			return err
		}
		s.h.eventPB(c)
	}
}

func (s *grpcServer) Watch(_ *pb.Reply, st grpc.ServerStreamingServer[pb.Command]) error {
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

type grpcClient struct {
	cc *grpc.ClientConn
	c  pb.BenchClient
}

func (grpcC) Dial(addr string) (Client, error) {
	cc, err := grpc.NewClient("unix:"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &grpcClient{cc, pb.NewBenchClient(cc)}, nil
}

func (g *grpcClient) Close() error { return g.cc.Close() }

func (g *grpcClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q, ctx := toPB(tmpl), context.Background()
	return func(id uint64) (uint64, error) {
		q.Id = id
		r, err := g.c.Do(ctx, q)
		return r.GetDigest(), err
	}, nil
}

func (g *grpcClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	q := toPB(tmpl)
	st, err := g.c.Emit(context.Background())
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

func (g *grpcClient) Subscribe(fn func(uint64)) error {
	st, err := g.c.Watch(context.Background(), &pb.Reply{})
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
