package main

import (
	"encoding/binary"
	"io"
	"math"
	"net"

	"github.com/ipcio/ipcio-go/runtime/bench/frame"
	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/yard"
)

// The physical limit: the same number of bytes over the same socket, no codec,
// no request ids, no goroutine switch.

const (
	kindCall = iota
	kindEmit
	kindWatch
)

var replyBytes = len(encoded((&yard.CaptureReply{ID: 1 << 40, Digest: 1 << 40}).MarshalCBOR()))

func encoded(b []byte, err error) []byte {
	if err != nil {
		panic(err) // of constants
	}
	return b
}

// rawFrame is a frame of as many payload bytes as the encoded command has:
// length, kind, id, score, and the blob at the end.
func rawFrame(kind byte, c *payload.Command) []byte {
	y := commandOf(c)
	n := 1 + len(encoded(y.MarshalCBOR()))
	b := make([]byte, 4+n)
	binary.BigEndian.PutUint32(b, uint32(n))
	b[4] = kind
	binary.BigEndian.PutUint64(b[5:], c.ID)
	binary.BigEndian.PutUint64(b[13:], math.Float64bits(c.Score))
	copy(b[len(b)-len(c.Blob):], c.Blob)
	return b
}

// rawHead is the length of what goes before the bytes that are only carried.
const rawHead = 1 + 8 + 8 // kind, id, score

// rawAnswer fills an answer: the id, and a checksum as all others compute one.
func rawAnswer(b, call []byte) {
	copy(b, call[1:9])
	binary.BigEndian.PutUint64(b[8:], payload.Checksum(call[rawHead:]))
}

// rawCaller returns what makes one call over a connection.
func rawCaller(w io.Writer, fr *frame.Reader, tmpl *payload.Command) func(uint64) (uint64, error) {
	f := rawFrame(kindCall, tmpl)
	base := tmpl.Digest() - tmpl.ID - payload.Checksum(f[4+rawHead:])
	return func(id uint64) (uint64, error) {
		binary.BigEndian.PutUint64(f[5:], id)
		if _, err := w.Write(f); err != nil {
			return 0, err
		}
		p, err := fr.Next()
		if err != nil {
			return 0, err
		}
		return base + binary.BigEndian.Uint64(p) + binary.BigEndian.Uint64(p[8:]), nil
	}
}

type limitRaw struct{}

func init() { register(limitRaw{}) }

func (limitRaw) Name() string { return "limit-raw" }
func (limitRaw) About() string {
	return "bare net.UnixConn, length prefix, no codec; W2 sends and answers windows of 64 in one write; W3 writes 64 KiB batches; W4 has one goroutine that writes what is pending"
}

type rawServer struct{ fan frame.Fan }

func (limitRaw) Serve(addr string, h *Hooks) (Server, error) {
	l, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	s := new(rawServer)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c, h)
		}
	}()
	return s, nil
}

func (s *rawServer) serve(c net.Conn, h *Hooks) {
	defer c.Close()
	fr := frame.Reader{R: c}
	var out []byte
	for {
		p, err := fr.Next()
		if err != nil {
			return
		}
		switch p[0] {
		case kindCall:
			n := len(out)
			out = append(out, make([]byte, 4+replyBytes)...)
			binary.BigEndian.PutUint32(out[n:], uint32(replyBytes))
			rawAnswer(out[n+4:], p)
			if !fr.Buffered() {
				if _, err := c.Write(out); err != nil {
					return
				}
				out = out[:0]
			}
		case kindEmit:
			h.Event(binary.BigEndian.Uint64(p[1:]), math.Float64frombits(binary.BigEndian.Uint64(p[9:])), 0)
		case kindWatch:
			s.fan.Add(c)
		}
	}
}

func (s *rawServer) Subscribers() int { return s.fan.Len() }

func (s *rawServer) Broadcast(c *payload.Command) error {
	s.fan.Send(rawFrame(kindEmit, c))
	return nil
}

type rawClient struct {
	c  net.Conn
	fr frame.Reader
}

func (limitRaw) Dial(addr string) (Client, error) {
	c, err := net.Dial("unix", addr)
	if err != nil {
		return nil, err
	}
	return &rawClient{c: c, fr: frame.Reader{R: c}}, nil
}

func (cl *rawClient) Close() error { return cl.c.Close() }

func (cl *rawClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	return rawCaller(cl.c, &cl.fr, tmpl), nil
}

// Batch is W2's limit: the whole window in one write.
func (cl *rawClient) Batch(tmpl *payload.Command, window int) (func() error, error) {
	one := rawFrame(kindCall, tmpl)
	f, writes := one, window
	if len(one) < 16<<10 {
		f, writes = nil, 1
		for range window {
			f = append(f, one...)
		}
	}
	return func() error {
		for range writes {
			if _, err := cl.c.Write(f); err != nil {
				return err
			}
		}
		for range window {
			if _, err := cl.fr.Next(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (cl *rawClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	one := rawFrame(kindEmit, tmpl)
	out := make([]byte, 0, 64<<10)
	flush := func() error {
		_, err := cl.c.Write(out)
		out = out[:0]
		return err
	}
	return func(id uint64, last bool) error {
		if len(out)+len(one) > cap(out) && len(out) > 0 {
			if err := flush(); err != nil {
				return err
			}
		}
		n := len(out)
		out = append(out, one...)
		binary.BigEndian.PutUint64(out[n+5:], id)
		if last {
			binary.BigEndian.PutUint64(out[n+13:], math.Float64bits(payload.LastScore))
		}
		return nil
	}, flush, nil
}

func (cl *rawClient) Subscribe(fn func(uint64)) error {
	if _, err := cl.c.Write([]byte{0, 0, 0, 1, kindWatch}); err != nil {
		return err
	}
	go func() {
		for {
			p, err := cl.fr.Next()
			if err != nil {
				return
			}
			fn(binary.BigEndian.Uint64(p[1:]))
		}
	}()
	return nil
}
