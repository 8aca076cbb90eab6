//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"net"
	"syscall"
)

// A Writer writes to a connection what it takes at once.
type Writer struct{ raw syscall.RawConn }

// NewWriter returns a Writer for conn. ok is false if conn is something else
// than a unix socket, such as a type around one, whose Write may do more.
func NewWriter(conn net.Conn) (w Writer, ok bool) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return Writer{}, false
	}
	raw, err := c.SyscallConn()
	return Writer{raw}, err == nil
}

// TryWrite writes as much of b as the connection takes without waiting, in one
// system call. n is less than len(b) if that is not all; the rest has to be
// written by the connection's own Write. It must not run beside another write.
func (w Writer) TryWrite(b []byte) (n int, err error) {
	rawErr := w.raw.Write(func(fd uintptr) bool {
		for {
			n, err = syscall.Write(int(fd), b)
			if err != syscall.EINTR {
				return true
			}
		}
	})
	switch n = max(n, 0); {
	case rawErr != nil:
		return n, rawErr
	case errors.Is(err, syscall.EAGAIN):
		return n, nil
	}
	return n, err
}
