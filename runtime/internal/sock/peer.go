//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"fmt"
	"net"
)

// PeerCredentials asks the kernel who is at the other end of c, which must be a [*net.UnixConn]. It works at any time in the
// life of a connection on Linux; on macOS and FreeBSD it fails once the peer has closed. The error wraps [net.ErrClosed] if
// c is closed and [errors.ErrUnsupported] if c is another kind of connection.
func PeerCredentials(c net.Conn) (Credentials, error) {
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return Credentials{}, fmt.Errorf("peer credentials of a %T, which is not a *net.UnixConn: %w", c, errors.ErrUnsupported)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return Credentials{}, fmt.Errorf("peer credentials: %w", err)
	}
	var (
		peer    Credentials
		peerErr error
	)
	if err := raw.Control(func(fd uintptr) { peer, peerErr = peerCredentials(int(fd)) }); err != nil {
		return Credentials{}, fmt.Errorf("peer credentials: %w", err)
	}
	if peerErr != nil {
		return Credentials{}, fmt.Errorf("peer credentials: %w", peerErr)
	}
	return peer, nil
}
