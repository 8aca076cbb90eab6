//go:build linux || darwin || freebsd

package sock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// children are the programs that other processes run for a test, see startChild.
var children = map[string]func(args []string) error{
	"resolve":     childResolve,
	"serve":       childServe,
	"modes":       childModes,
	"impostor":    childImpostor,
	"connect":     childConnect,
	"descriptors": childDescriptors,
	"race":        childRace,
}

// childResolve ["become"] prints what ResolveDir finds. With "become", a setuid program first makes its real user the
// effective one, and then its ids tell nothing any more.
func childResolve(args []string) error {
	if len(args) > 0 {
		if err := syscall.Setreuid(os.Geteuid(), os.Geteuid()); err != nil {
			return err
		}
	}
	dir, err := ResolveDir("")
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(resolved{os.Getuid(), os.Geteuid(), dir})
}

type resolved struct {
	UID, EUID int
	Dir       string
}

// childServe [dir domain] serves until its input ends, then closes.
func childServe(args []string) error {
	l, err := Listen(context.Background(), args[0], args[1])
	if err != nil {
		return err
	}
	fmt.Println("serving")
	io.Copy(io.Discard, os.Stdin)
	return l.Close()
}

// childModes [dir domain umask] serves under that umask and prints the modes of what it made, and the umask afterwards.
func childModes(args []string) error {
	umask, err := strconv.ParseInt(args[2], 8, 32)
	if err != nil {
		return err
	}
	syscall.Umask(int(umask))
	l, err := Listen(context.Background(), args[0], args[1])
	if err != nil {
		return err
	}
	defer l.Close()
	result := modes{Umask: fmt.Sprintf("%03o", syscall.Umask(0))}
	for path, mode := range map[string]*os.FileMode{
		filepath.Dir(args[0]):                   &result.Parent,
		args[0]:                                 &result.Dir,
		filepath.Join(args[0], args[1]+".sock"): &result.Socket,
		filepath.Join(args[0], args[1]+".lock"): &result.Lock,
	} {
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		*mode = fi.Mode().Perm()
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

type modes struct {
	Parent, Dir, Socket, Lock os.FileMode
	Umask                     string
}

// childImpostor [path] listens there without any check and prints how many bytes the first client sent.
func childImpostor(args []string) error {
	l, err := net.Listen("unix", args[0])
	if err != nil {
		return err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(args[0], 0o666); err != nil {
		return err
	}
	fmt.Println("waiting")
	c, err := l.Accept()
	if err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(len(got))
}

// childConnect [path] connects without any check and prints the errno, 0 for success.
func childConnect(args []string) error {
	c, err := net.Dial("unix", args[0])
	if err == nil {
		c.Close()
		return json.NewEncoder(os.Stdout).Encode(0)
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(errno)
}

// childDescriptors prints what the open descriptors lead to.
func childDescriptors([]string) error {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	targets := map[string]string{}
	for _, e := range list {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			targets[e.Name()] = target
		}
	}
	return json.NewEncoder(os.Stdout).Encode(targets)
}

// childRace [dir domain marker until] starts and closes servers until that time (Unix milliseconds), see race.
func childRace(args []string) error {
	until, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return err
	}
	r := racer{dir: args[0], domain: args[1], marker: args[2], until: time.UnixMilli(until)}
	if err := r.run(context.Background()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r.owned)
}

// racer starts and closes servers of one domain as fast as it can, beside others that do the same.
type racer struct {
	dir, domain string
	marker      string // a file that exists exactly while somebody owns the domain
	until       time.Time
	owned       int
}

func (r *racer) run(ctx context.Context) error {
	for time.Now().Before(r.until) {
		l, err := Listen(ctx, r.dir, r.domain)
		if errors.Is(err, ErrInUse) {
			continue
		}
		if err != nil {
			return err
		}
		if err := r.own(ctx, l); err != nil {
			return errors.Join(err, l.Close())
		}
		if err := l.Close(); err != nil {
			return err
		}
		r.owned++
	}
	return nil
}

// own fails if anybody else owns the domain now or if a client of the domain does not arrive at l.
func (r *racer) own(ctx context.Context, l *Listener) error {
	marker, err := os.OpenFile(r.marker, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("two owners: %w", err)
	}
	if err := marker.Close(); err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return fmt.Errorf("the owner's socket is not at the path: %w", err)
	}
	client, err := Dial(ctx, r.dir, r.domain)
	if err != nil {
		return fmt.Errorf("the owner cannot be reached: %w", err)
	}
	defer client.Close()
	if err := l.ln.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	// A starter that probes would arrive here too, but it must not get as far as that.
	server, err := l.Accept()
	if err != nil {
		return fmt.Errorf("a client went to somebody else: %w", err)
	}
	defer server.Close()
	peer, err := PeerCredentials(server)
	if err != nil {
		return err
	}
	if int(peer.PID) != os.Getpid() && peer.PID != 0 {
		return fmt.Errorf("a connection of process %d arrived, want only our own (%d)", peer.PID, os.Getpid())
	}
	return os.Remove(r.marker)
}
