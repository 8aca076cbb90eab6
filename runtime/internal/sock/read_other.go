//go:build !(linux || darwin || freebsd)

package sock

import (
	"io"
	"net"
)

// NewReader returns conn: this system has no way to wait without a buffer.
func NewReader(conn net.Conn) io.Reader { return conn }
