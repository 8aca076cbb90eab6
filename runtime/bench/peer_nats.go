package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/pb"
	"google.golang.org/protobuf/proto"
)

type natsC struct{}

func init() { register(natsC{}) }

func (natsC) Name() string { return "nats" }
func (natsC) About() string {
	return "nats-server embedded in the server's process (the responder connected in-process); clients over loopback TCP, as NATS has no unix sockets; protobuf by hand"
}

type natsServer struct {
	srv  *server.Server
	nc   *nats.Conn
	subs atomic.Int64
}

func (natsC) Serve(addr string, h *Hooks) (Server, error) {
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, MaxPayload: 8 << 20, NoSigs: true, NoLog: true, MaxConn: 100_000,
	})
	if err != nil {
		return nil, err
	}
	srv.Start()
	if !srv.ReadyForConnections(5 * time.Second) {
		return nil, fmt.Errorf("nats: not ready")
	}
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		return nil, err
	}
	s := &natsServer{srv: srv, nc: nc}
	if _, err = nc.Subscribe("do", func(m *nats.Msg) {
		var c pb.Command
		if proto.Unmarshal(m.Data, &c) == nil {
			b, _ := proto.Marshal(replyPB(&c))
			m.Respond(b)
		}
	}); err != nil {
		return nil, err
	}
	sub, err := nc.Subscribe("emit", func(m *nats.Msg) {
		var c pb.Command
		if proto.Unmarshal(m.Data, &c) == nil {
			h.eventPB(&c)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil { // or it drops
		return nil, err
	}
	if _, err = nc.Subscribe("joined", func(*nats.Msg) { s.subs.Add(1) }); err != nil {
		return nil, err
	}
	if err := nc.Flush(); err != nil {
		return nil, err
	}
	return s, os.WriteFile(addr, []byte(srv.ClientURL()), 0o600)
}

func (s *natsServer) Broadcast(c *payload.Command) error {
	b, err := proto.Marshal(toPB(c))
	if err != nil {
		return err
	}
	return s.nc.Publish("watch", b)
}

func (s *natsServer) Subscribers() int { return int(s.subs.Load()) }

type natsClient struct{ nc *nats.Conn }

func (natsC) Dial(addr string) (Client, error) {
	u, err := os.ReadFile(addr)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(strings.TrimSpace(string(u)))
	if err != nil {
		return nil, err
	}
	return natsClient{nc}, nil
}

func (n natsClient) Close() error { n.nc.Close(); return nil }

func (n natsClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q := toPB(tmpl)
	return func(id uint64) (uint64, error) {
		q.Id = id
		b, err := proto.Marshal(q)
		if err != nil {
			return 0, err
		}
		m, err := n.nc.Request("do", b, 10*time.Second)
		if err != nil {
			return 0, err
		}
		var r pb.Reply
		err = proto.Unmarshal(m.Data, &r)
		return r.Digest, err
	}, nil
}

func (n natsClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	q := toPB(tmpl)
	score := q.Score
	return func(id uint64, last bool) error {
		q.Id, q.Score = id, score
		if last {
			q.Score = payload.LastScore
		}
		b, err := proto.Marshal(q)
		if err != nil {
			return err
		}
		return n.nc.Publish("emit", b)
	}, n.nc.Flush, nil
}

func (n natsClient) Subscribe(fn func(uint64)) error {
	_, err := n.nc.Subscribe("watch", func(m *nats.Msg) {
		var c pb.Command
		if proto.Unmarshal(m.Data, &c) == nil {
			fn(c.Id)
		}
	})
	if err != nil {
		return err
	}
	if err := n.nc.Flush(); err != nil {
		return err
	}
	return n.nc.Publish("joined", nil)
}
