//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A Reader takes a buffer only when something has arrived, and gives back what it
// took for nothing.
func TestReadLazy(t *testing.T) {
	t.Parallel()
	l, err := Listen(t.Context(), tempDir(t), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := Dial(t.Context(), l.root.Name(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()

	r, ok := NewReader(accepted).(*Reader)
	if !ok {
		t.Fatal("a unix socket cannot be read lazily")
	}
	out := 0
	waiting := make(chan struct{}, 8)
	get := func() []byte { out++; return make([]byte, 4) }
	put := func([]byte) {
		out--
		waiting <- struct{}{}
	}
	go func() {
		<-waiting // it has looked in vain
		dialed.Write([]byte("hello"))
	}()
	for _, want := range []string{"hell", "o"} {
		buf, n, err := r.ReadLazy(get, put)
		if err != nil || string(buf[:n]) != want || out != 1 {
			t.Fatalf("read %q, %v, %d buffers are out; want %q", buf[:n], err, out, want)
		}
		out--
	}
	accepted.SetReadDeadline(time.Unix(1, 0))
	if buf, _, err := r.ReadLazy(get, put); !errors.Is(err, os.ErrDeadlineExceeded) || buf != nil || out != 0 {
		t.Errorf("past a deadline: %v, %d buffers are out", err, out)
	}
	accepted.SetReadDeadline(time.Time{})
	dialed.Close()
	if buf, _, err := r.ReadLazy(get, put); err != io.EOF || buf != nil || out != 0 {
		t.Errorf("at the end: %v, %d buffers are out", err, out)
	}
	accepted.Close()
	if buf, _, err := r.ReadLazy(get, put); !errors.Is(err, net.ErrClosed) || buf != nil || out != 0 {
		t.Errorf("after Close: %v, %d buffers are out", err, out)
	}
	if _, lazy := NewReader(new(net.TCPConn)).(*Reader); lazy {
		t.Error("something else is read lazily")
	}
}
