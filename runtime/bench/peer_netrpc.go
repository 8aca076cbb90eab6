package main

import (
	"net"
	"net/rpc"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
)

type netrpcC struct{}

func init() { register(netrpcC{}) }

func (netrpcC) Name() string { return "net/rpc" }
func (netrpcC) About() string {
	return "the standard library's net/rpc with gob over a unix socket; no one-way, no push"
}

// RPCBench is net/rpc's service.
type RPCBench struct{}

// Do answers.
func (RPCBench) Do(c *payload.Command, r *payload.Reply) error {
	r.ID, r.Digest = c.ID, c.Digest()
	return nil
}

func (netrpcC) Serve(addr string, h *Hooks) (Server, error) {
	l, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	s := rpc.NewServer()
	if err := s.RegisterName("Bench", RPCBench{}); err != nil {
		return nil, err
	}
	go s.Accept(l)
	return NoServer{}, nil
}

type netrpcClient struct {
	NoClient
	c *rpc.Client
}

func (netrpcC) Dial(addr string) (Client, error) {
	c, err := rpc.Dial("unix", addr)
	if err != nil {
		return nil, err
	}
	return &netrpcClient{c: c}, nil
}

func (n *netrpcClient) Close() error { return n.c.Close() }

func (n *netrpcClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	q := tmpl.Clone()
	return func(id uint64) (uint64, error) {
		q.ID = id
		var r payload.Reply
		err := n.c.Call("Bench.Do", q, &r)
		return r.Digest, err
	}, nil
}

// Skip names what net/rpc lacks.
func (netrpcC) Skip(work string, _ int) string {
	if work == "w3" || work == "w4" {
		return "no one-way calls, no push"
	}
	return ""
}
