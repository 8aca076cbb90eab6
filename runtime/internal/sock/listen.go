//go:build linux || darwin || freebsd

package sock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Listener is the socket of a served domain. It implements [net.Listener]; its methods may be called concurrently.
type Listener struct {
	// Assigned in Listen and never again, so they are read without synchronization.
	ln        *net.UnixListener
	path      string
	root      *os.Root    // the verified directory
	name      string      // of the socket in root
	info      os.FileInfo // of the socket as bound
	lock      *domainLock
	closeOnce func() error // shut, run at most once
}

var _ net.Listener = (*Listener)(nil)

// Listen begins to serve a domain: it runs [EnsureDir], takes the domain's lock, removes the socket a dead server left, and
// binds its own with mode 0600. It never waits; ctx only ends it early.
//
// The error wraps [ErrInUse] if the domain is served already, and [ErrInsecure] if the directory, or a file in the place of
// the socket or the lock, is not what it has to be. Nothing but a dead socket is ever removed. After an error nothing is held.
func Listen(ctx context.Context, dir, domain string) (*Listener, error) {
	path, err := Path(dir, domain)
	if err != nil {
		return nil, err
	}
	l, err := listen(ctx, path, domain)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", path, err)
	}
	return l, nil
}

func listen(ctx context.Context, path, domain string) (_ *Listener, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	root, err := openDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.Close())
		}
	}()
	lock, err := acquire(ctx, root, domain+lockSuffix)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.release())
		}
	}()
	l := &Listener{path: path, root: root, name: domain + socketSuffix, lock: lock}
	l.closeOnce = sync.OnceValue(l.shut)
	if err := l.removeStale(ctx); err != nil {
		return nil, err
	}
	if err := l.bind(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// removeStale clears the socket path for bind. The lock is held, so by the protocol a socket there is dead; but whoever
// removed the lock file of a running server must not make us remove its socket as well, hence the probe.
func (l *Listener) removeStale(ctx context.Context) error {
	fi, err := l.root.Lstat(l.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case fi.Mode().Type() != fs.ModeSocket:
		return insecuref("%q is %s, not a socket: remove it", l.path, kind(fi))
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", l.path)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("%w: a server without its lock file answers: stop it", ErrInUse), conn.Close())
	case IsBusy(err):
		return fmt.Errorf("%w: a server without its lock file has a full backlog: stop it", ErrInUse)
	case !IsAbsent(err):
		return fmt.Errorf("cannot tell whether a server uses the socket, remove it if not: %w", err)
	}
	if err := l.root.Remove(l.name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// bind makes the socket and remembers its inode.
func (l *Listener) bind(ctx context.Context) (err error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var chmodErr error
		err := raw.Control(func(fd uintptr) { chmodErr = limitMode(int(fd)) })
		return errors.Join(err, chmodErr)
	}}
	ln, err := config.Listen(ctx, "unix", l.path)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: a process that ignores the lock made the socket: stop it: %w", ErrInUse, err)
	}
	if err != nil {
		return err
	}
	l.ln = ln.(*net.UnixListener)
	l.ln.SetUnlinkOnClose(false) // it removes whatever is at the path, a successor's socket too
	defer func() {
		if err != nil {
			err = errors.Join(err, l.ln.Close())
		}
	}()
	// bind went by the path. If the socket is not in the verified directory, the path leads elsewhere by now.
	l.info, err = l.root.Lstat(l.name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && l.info.Mode().Type() != fs.ModeSocket:
		return insecuref("directory %q was replaced while the socket was made: use a directory whose parents are safe",
			l.root.Name())
	case err != nil:
		return err
	}
	// The directory protects the socket; its own mode is for those who look. A system whose kernel did not heed
	// limitMode may show a wider one until here.
	if l.info.Mode().Perm() != 0o600 {
		if err := l.root.Chmod(l.name, 0o600); err != nil {
			return errors.Join(err, l.removeSocket())
		}
	}
	return nil
}

// Accept waits for the next connection, a [*net.UnixConn]. After [Listener.Close] the error wraps [net.ErrClosed]; if
// [IsTemporary] holds for it, accept again after a pause.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.ln.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// Addr returns the address of the socket, a [*net.UnixAddr] with its path.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Check reports whether clients that follow the path still arrive at this listener. The error wraps [fs.ErrNotExist] if the
// socket or its directory is gone and [ErrInsecure] if something else is there; then the way out is to Close and Listen
// again. After Close it is [net.ErrClosed].
func (l *Listener) Check() error {
	if _, err := l.root.Lstat("."); errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	fi, err := os.Lstat(l.path)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if !os.SameFile(fi, l.info) {
		return insecuref("socket %q was replaced", l.path)
	}
	return nil
}

// Close stops listening, removes the socket and the lock file if they are still this listener's own, and lets the next
// server in. Connections already accepted live on. It does not block, and calling it again returns the first result.
func (l *Listener) Close() error { return l.closeOnce() }

func (l *Listener) shut() error {
	// The socket is identified while the listener keeps its inode alive, and removed while the lock keeps a successor from
	// binding. After release nothing at either path is ours to touch.
	return errors.Join(l.removeSocket(), l.ln.Close(), l.lock.release(), l.root.Close())
}

// removeSocket unlinks the socket if it is this listener's own.
func (l *Listener) removeSocket() error {
	mine, err := leadsTo(l.root, l.name, l.info)
	if mine {
		err = l.root.Remove(l.name)
	}
	return err
}
