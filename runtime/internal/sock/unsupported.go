//go:build !linux && !darwin && !freebsd

package sock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
)

var errPlatform = fmt.Errorf("ipcio does not run on %s, where it cannot check who connects: %w", runtime.GOOS, errors.ErrUnsupported)

// ResolveDir fails on this platform.
func ResolveDir(string) (string, error) { return "", errPlatform }

// EnsureDir fails on this platform.
func EnsureDir(string) error { return errPlatform }

// Listener is the socket of a served domain. On this platform there is none.
type Listener struct{}

var _ net.Listener = (*Listener)(nil)

// Listen fails on this platform.
func Listen(context.Context, string, string) (*Listener, error) { return nil, errPlatform }

// Accept fails on this platform.
func (*Listener) Accept() (net.Conn, error) { return nil, errPlatform }

// Addr returns an address without a path.
func (*Listener) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// Check fails on this platform.
func (*Listener) Check() error { return errPlatform }

// Close fails on this platform.
func (*Listener) Close() error { return errPlatform }

// Dial fails on this platform.
func Dial(context.Context, string, string) (net.Conn, error) { return nil, errPlatform }

// PeerCredentials fails on this platform.
func PeerCredentials(net.Conn) (Credentials, error) { return Credentials{}, errPlatform }
