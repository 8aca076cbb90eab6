//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"net"
	"syscall"
)

// A Writer writes to a connection what it takes at once. It is used by one
// goroutine at a time.
type Writer struct {
	raw syscall.RawConn
	try func(fd uintptr) bool // made once: it would be allocated for every write

	// Of the write under way:
	b   []byte
	n   int
	err error
}

// NewWriter returns a Writer for conn. ok is false if conn is something else
// than a unix socket, such as a type around one, whose Write may do more.
func NewWriter(conn net.Conn) (w *Writer, ok bool) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, false
	}
	w = &Writer{raw: raw}
	w.try = func(fd uintptr) bool {
		for {
			w.n, w.err = syscall.Write(int(fd), w.b)
			if w.err != syscall.EINTR {
				return true
			}
		}
	}
	return w, true
}

// TryWrite writes as much of b as the connection takes without waiting, in one
// system call. n is less than len(b) if that is not all; the rest has to be
// written by the connection's own Write. It must not run beside another write.
func (w *Writer) TryWrite(b []byte) (n int, err error) {
	w.b = b
	rawErr := w.raw.Write(w.try)
	n, err = max(w.n, 0), w.err
	w.b, w.n, w.err = nil, 0, nil
	switch {
	case rawErr != nil:
		return n, rawErr
	case errors.Is(err, syscall.EAGAIN):
		return n, nil
	}
	return n, err
}
