//go:build linux || darwin || freebsd

package sock

import (
	"io"
	"net"
	"os"
	"syscall"
)

// A Reader reads from a unix socket and can wait for more without a buffer: see
// [Reader.ReadLazy]. One goroutine uses it at a time.
type Reader struct {
	net.Conn
	raw syscall.RawConn
	try func(fd uintptr) bool // read, made once

	// Of the ReadLazy under way:
	get func() []byte
	put func([]byte)
	buf []byte
	n   int
	err error
}

// NewReader returns conn with a ReadLazy if it is a unix socket, else conn
// itself.
func NewReader(conn net.Conn) io.Reader {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return conn
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return conn
	}
	r := &Reader{Conn: conn, raw: raw}
	r.try = r.read
	return r
}

// ReadLazy waits until something has arrived, and only then takes a buffer from
// get and reads into it, n bytes. What an unsuccessful read took is given back to
// put. At the end of the stream the error is [io.EOF]; it obeys read deadlines.
func (r *Reader) ReadLazy(get func() []byte, put func([]byte)) (buf []byte, n int, err error) {
	r.get, r.put = get, put
	err = r.raw.Read(r.try)
	buf, n = r.buf, r.n
	if err == nil {
		err = r.err
	}
	r.buf, r.n, r.err = nil, 0, nil
	if err != nil && buf != nil {
		put(buf)
		buf, n = nil, 0
	}
	return buf, n, err
}

// read reports false if there is nothing yet.
func (r *Reader) read(fd uintptr) bool {
	buf := r.get()
	for {
		n, err := syscall.Read(int(fd), buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.put(buf)
			return false
		case err != nil:
			r.err = os.NewSyscallError("read", err)
		case n == 0:
			r.err = io.EOF
		}
		r.buf, r.n = buf, max(n, 0)
		return true
	}
}
