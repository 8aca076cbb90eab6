package main

import (
	"context"
	"net"
	"net/http"

	"connectrpc.com/connect"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/pb"
	"github.com/ipcio/ipcio-go/runtime/bench/pb/pbconnect"
)

type connectC struct{}

func init() { register(connectC{}) }

func (connectC) Name() string { return "connect-go" }
func (connectC) About() string {
	return "Connect protocol, net/http's unencrypted HTTP/2 over a unix socket, protobuf; W3, W4 by streams"
}

type connectServer struct {
	hubPB
	h *Hooks
}

func (connectC) Serve(addr string, h *Hooks) (Server, error) {
	l, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	s := &connectServer{h: h}
	mux := http.NewServeMux()
	mux.Handle(pbconnect.NewBenchHandler(s))
	srv := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	srv.Protocols.SetUnencryptedHTTP2(true)
	go srv.Serve(l)
	return s, nil
}

func (s *connectServer) Do(_ context.Context, r *connect.Request[pb.Command]) (*connect.Response[pb.Reply], error) {
	return connect.NewResponse(replyPB(r.Msg)), nil
}

func (s *connectServer) Emit(_ context.Context, st *connect.ClientStream[pb.Command]) (*connect.Response[pb.Reply], error) {
	for st.Receive() {
		s.h.eventPB(st.Msg())
	}
	return connect.NewResponse(&pb.Reply{}), nil
}

func (s *connectServer) Watch(ctx context.Context, _ *connect.Request[pb.Reply], st *connect.ServerStream[pb.Command]) error {
	ch := s.join()
	defer s.leave(ch)
	// The first message lets the client's call return.
	if err := st.Send(&pb.Command{}); err != nil {
		return err
	}
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

type connectClient struct {
	t *http.Transport
	c pbconnect.BenchClient
}

func (connectC) Dial(addr string) (Client, error) {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", addr)
		},
		Protocols: new(http.Protocols),
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &connectClient{t, pbconnect.NewBenchClient(&http.Client{Transport: t}, "http://unix")}, nil
}

func (c *connectClient) Close() error { c.t.CloseIdleConnections(); return nil }

func (c *connectClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q, ctx := toPB(tmpl), context.Background()
	return func(id uint64) (uint64, error) {
		q.Id = id
		r, err := c.c.Do(ctx, connect.NewRequest(q))
		if err != nil {
			return 0, err
		}
		return r.Msg.Digest, nil
	}, nil
}

func (c *connectClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	q := toPB(tmpl)
	st := c.c.Emit(context.Background())
	score := q.Score
	return func(id uint64, last bool) error {
		q.Id, q.Score = id, score
		if last {
			q.Score = payload.LastScore
		}
		return st.Send(q)
	}, func() error { return nil }, nil
}

func (c *connectClient) Subscribe(fn func(uint64)) error {
	st, err := c.c.Watch(context.Background(), connect.NewRequest(&pb.Reply{}))
	if err != nil {
		return err
	}
	st.Receive()
	go func() {
		for st.Receive() {
			fn(st.Msg().Id)
		}
	}()
	return nil
}
