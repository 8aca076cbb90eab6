package sock

import (
	"errors"
	"io"
	"net"
	"syscall"
)

var (
	// ErrInUse says that another server, in this process or another, serves the domain.
	ErrInUse = errors.New("domain already served")

	// ErrInsecure says that a directory, a file in it, or the process listening at the socket could belong to another
	// user and is therefore not trusted. The error around it gives the reason and the remedy.
	ErrInsecure = errors.New("not trustworthy")
)

// IsTemporary reports whether err, returned by [Listener.Accept], concerns one connection or a shortage that may pass
// (descriptors, memory), so that accepting again after a pause is right. Any other error ends the listener.
func IsTemporary(err error) bool {
	return isAny(err,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.EINTR)
}

// IsAbsent reports whether err, returned by [Dial], means that nobody serves the domain: there is no directory or no
// socket, or nobody listens on it. On macOS and FreeBSD a listener whose backlog is full looks the same.
func IsAbsent(err error) bool {
	return isAny(err, syscall.ENOENT, syscall.ECONNREFUSED)
}

// IsBusy reports whether err, returned by [Dial], means that a server listens but its backlog is full. Linux answers so at
// once instead of waiting; dial again after a short, random pause. Such an error also claims to be a timeout, because
// [net] takes EAGAIN for one: ask IsBusy first.
func IsBusy(err error) bool {
	return errors.Is(err, syscall.EAGAIN)
}

// DisconnectError reports whether err means that one of the two sides closed the connection, as opposed to a fault. A
// peer that closes with unread data is seen as ECONNRESET instead of [io.EOF]; both are the same news.
// [io.ErrClosedPipe] is what an in-memory connection says for [net.ErrClosed].
func DisconnectError(err error) bool {
	return isAny(err,
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed,
		syscall.ECONNRESET, syscall.EPIPE)
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
