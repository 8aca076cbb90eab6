package ipcio

import (
	"context"
	"fmt"
	"net"

	"github.com/ipcio/ipcio-go/runtime/internal/sock"
)

// An address is where a domain's server listens.
type address struct{ dir, domain, path string }

func resolveAddress(dir, domain string) (address, error) {
	dir, err := sock.ResolveDir(dir)
	if err != nil {
		return address{}, fmt.Errorf("ipcio: the directory of the sockets: %w", err)
	}
	path, err := sock.Path(dir, domain)
	if err != nil {
		return address{}, fmt.Errorf("ipcio: the socket of domain %q: %w", domain, err)
	}
	return address{dir, domain, path}, nil
}

func (a address) dial(ctx context.Context) (net.Conn, error) {
	conn, err := sock.Dial(ctx, a.dir, a.domain)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// credentialsOf returns what the kernel says of a connection's other side.
func credentialsOf(conn net.Conn) (Credentials, error) {
	if c, ok := conn.(interface {
		Credentials() (Credentials, error)
	}); ok {
		return c.Credentials()
	}
	c, err := sock.PeerCredentials(conn)
	return Credentials(c), err
}
