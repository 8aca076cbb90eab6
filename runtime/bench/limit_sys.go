package main

import (
	"encoding/binary"
	"math"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipcio/ipcio-go/runtime/bench/frame"
	"github.com/ipcio/ipcio-go/runtime/bench/payload"
)

// limit-sys is limit-raw outside Go's network poller: blocking system calls on
// locked threads; limit-spin polls instead of sleeping, and burns a core on each side.
type limitSys struct {
	name string
	spin bool
}

func init() {
	register(limitSys{"limit-sys", false})
	register(limitSys{"limit-spin", true})
}

func (l limitSys) Name() string { return l.name }
func (l limitSys) About() string {
	if l.spin {
		return "like limit-sys, but both sides poll the socket without sleeping"
	}
	return "blocking read and write system calls on locked threads, outside Go's poller; W3 one write per event"
}

// Skip leaves out what one thread per connection cannot do.
func (l limitSys) Skip(work string, n int) string {
	if work == "w1" || work == "w3" && !l.spin {
		return ""
	}
	return "one locked thread per connection"
}

type sysConn struct {
	fd   int
	spin bool
}

func (c *sysConn) Read(b []byte) (int, error) {
	flags := 0
	if c.spin {
		flags = unix.MSG_DONTWAIT
	}
	for {
		n, _, err := unix.Recvfrom(c.fd, b, flags)
		switch {
		case err == unix.EINTR, err == unix.EAGAIN:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, os.ErrClosed
		}
		return n, nil
	}
}

func (c *sysConn) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Write(c.fd, b[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func (l limitSys) Serve(addr string, h *Hooks) (Server, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: addr}); err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return nil, err
	}
	go func() {
		runtime.LockOSThread()
		for {
			c, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return
			}
			go l.serve(&sysConn{c, l.spin}, h)
		}
	}()
	return NoServer{}, nil
}

func (l limitSys) serve(c *sysConn, h *Hooks) {
	runtime.LockOSThread()
	defer unix.Close(c.fd)
	fr := frame.Reader{R: c}
	out := make([]byte, 4+replyBytes)
	binary.BigEndian.PutUint32(out, uint32(replyBytes))
	for {
		p, err := fr.Next()
		if err != nil {
			return
		}
		if p[0] == kindEmit {
			h.Event(binary.BigEndian.Uint64(p[1:]), math.Float64frombits(binary.BigEndian.Uint64(p[9:])), 0)
			continue
		}
		rawAnswer(out[4:], p)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

type sysClient struct {
	NoClient
	c    *sysConn
	fr   frame.Reader
	lock sync.Once
}

func (l limitSys) Dial(addr string) (Client, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: addr}); err != nil {
		return nil, err
	}
	c := &sysConn{fd, l.spin}
	return &sysClient{c: c, fr: frame.Reader{R: c}}, nil
}

func (cl *sysClient) Close() error { return unix.Close(cl.c.fd) }

func (cl *sysClient) Caller(tmpl *payload.Command) (func(uint64) (uint64, error), error) {
	call := rawCaller(cl.c, &cl.fr, tmpl)
	return func(id uint64) (uint64, error) {
		cl.lock.Do(runtime.LockOSThread)
		return call(id)
	}, nil
}

func (cl *sysClient) Emitter(tmpl *payload.Command) (func(uint64, bool) error, func() error, error) {
	f := rawFrame(kindEmit, tmpl)
	return func(id uint64, last bool) error {
		binary.BigEndian.PutUint64(f[5:], id)
		if last {
			binary.BigEndian.PutUint64(f[13:], math.Float64bits(payload.LastScore))
		}
		_, err := cl.c.Write(f)
		return err
	}, func() error { return nil }, nil
}
