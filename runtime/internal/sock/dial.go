//go:build linux || darwin || freebsd

package sock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Dial connects to the server of a domain and makes sure it is who may be trusted: dir is a directory, not a symbolic link,
// of the effective user or root, to which nobody else can write, and the process that listens runs as one of the two.
// Otherwise the error wraps [ErrInsecure] and the connection was closed before anything could be sent.
//
// So root does not reach a server of another user; it has to become that user first. Anything else would let a user who
// is first at /tmp/ipcio-0 pose as root's server.
//
// [IsAbsent] holds for the error if nobody serves the domain and [IsBusy] if its server has no room at the moment. It
// never waits; ctx only ends it early.
func Dial(ctx context.Context, dir, domain string) (net.Conn, error) {
	path, err := Path(dir, domain)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", path, err)
	}
	return conn, nil
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	fi, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if err := verifyClientDir(dir, fi); err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := verifyServer(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func verifyServer(conn net.Conn) error {
	server, err := PeerCredentials(conn)
	if err != nil {
		return err
	}
	if !trusted(server.UID) {
		return insecuref("the server runs as uid %d (pid %d), neither root nor uid %d of this process: "+
			"find out why it may bind there", server.UID, server.PID, os.Geteuid())
	}
	return nil
}
