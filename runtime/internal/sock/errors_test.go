package sock

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	classes := map[string]func(error) bool{
		"temporary": IsTemporary, "absent": IsAbsent, "busy": IsBusy, "disconnect": DisconnectError,
	}
	for _, test := range []struct {
		err  error
		want string // the one class, or none
	}{
		{nil, ""},
		{errors.New("other"), ""},
		{os.ErrDeadlineExceeded, ""},
		{ErrInUse, ""},
		{ErrInsecure, ""},
		{syscall.EACCES, ""},
		{syscall.EMFILE, "temporary"},
		{syscall.ENFILE, "temporary"},
		{syscall.ENOBUFS, "temporary"},
		{syscall.ENOMEM, "temporary"},
		{syscall.ECONNABORTED, "temporary"},
		{syscall.EINTR, "temporary"},
		{syscall.ENOENT, "absent"},
		{syscall.ECONNREFUSED, "absent"},
		{syscall.EAGAIN, "busy"},
		{io.EOF, "disconnect"},
		{io.ErrUnexpectedEOF, "disconnect"},
		{io.ErrClosedPipe, "disconnect"},
		{net.ErrClosed, "disconnect"},
		{syscall.ECONNRESET, "disconnect"},
		{syscall.EPIPE, "disconnect"},
	} {
		wrapped := test.err
		if wrapped != nil {
			wrapped = fmt.Errorf("outer: %w", &net.OpError{Op: "x", Err: os.NewSyscallError("y", test.err)})
		}
		for class, is := range classes {
			for _, err := range []error{test.err, wrapped} {
				if got := is(err); got != (class == test.want) {
					t.Errorf("%v: %s = %v", err, class, got)
				}
			}
		}
	}
}
