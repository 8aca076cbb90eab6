package ipcio_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// ok fails the test at the first error.
func ok(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// reply returns a function that takes the results of a Call and returns the
// reply's value.
func reply(t testing.TB) func(*ipcio.Message, error) any {
	return func(m *ipcio.Message, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		v, err := m.Value()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// failed returns a function that takes the results of a Call and returns its
// error, which must be there.
func failed(t testing.TB) func(*ipcio.Message, error) error {
	return func(m *ipcio.Message, err error) error {
		t.Helper()
		if err == nil {
			t.Fatalf("the call succeeded with %x", m.Raw())
		}
		return err
	}
}

// receive waits for a value.
func receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s", what)
		panic("not reached")
	}
}

// eventually waits for a condition that nothing announces.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	late := time.After(patience)
	for !condition() {
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// promptly fails the test if f takes longer than a moment: far longer than it
// should take on a busy machine, and far shorter than any time-out that could
// end it instead.
func promptly(t testing.TB, what string, f func()) {
	t.Helper()
	const moment = 3 * time.Second
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		if took := time.Since(began); took > moment {
			t.Errorf("%s took %v", what, took)
		}
	case <-time.After(patience):
		t.Fatalf("%s does not return", what)
	}
}

// expired returns a ctx that has ended.
func expired() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	return ctx
}

// names returns the names of clients.
func names(infos []ipcio.ClientInfo) []string {
	var names []string
	for _, c := range infos {
		names = append(names, c.Name)
	}
	return names
}

// path returns the path of the domain's socket.
func (d *domain) path() string { return filepath.Join(d.dir, "default.sock") }

// files returns the names in the domain's directory, sorted.
func (d *domain) files() []string {
	d.t.Helper()
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// dial connects to the domain's socket without a word.
func (d *domain) dial() net.Conn {
	d.t.Helper()
	conn, err := net.Dial("unix", d.path())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	return conn
}

// A rawClient speaks the wire by hand, so it can do what no Client does.
type rawClient struct {
	t       testing.TB
	token   []byte
	domain  *rawLane
	private *rawLane
	welcome *wire.Welcome
}

type rawLane struct {
	t      testing.TB
	conn   net.Conn
	reader *wire.Reader
	parser wire.Parser
}

func newRawLane(t testing.TB, conn net.Conn) *rawLane {
	ok(t, conn.SetDeadline(time.Now().Add(patience)))
	return &rawLane{t: t, conn: conn, reader: wire.NewReader(conn, 64<<20)}
}

// raw joins the domain by hand.
func (d *domain) raw(name string) *rawClient {
	d.t.Helper()
	return d.rawKnocking(name, false)
}

// rawKnocking is raw for a client that asks the server to knock.
func (d *domain) rawKnocking(name string, knock bool) *rawClient {
	d.t.Helper()
	r := &rawClient{t: d.t, token: []byte(name + "----------------")[:16]}
	r.domain = newRawLane(d.t, d.dial())
	r.welcome = r.domain.hello(&wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: r.token, Attempt: 1, Name: name,
		FrameBytes: 16 << 20, Frames: 1024, Bytes: 16 << 20, Calls: 256, Knock: knock,
	})
	r.private = newRawLane(d.t, d.dial())
	r.private.hello(&wire.Hello{
		Version: wire.Version, Lane: wire.LanePrivate, Token: r.token, Attempt: 1, Cookie: r.welcome.Cookie,
	})
	return r
}

// hello says hello and must be welcomed.
func (l *rawLane) hello(h *wire.Hello) *wire.Welcome {
	l.t.Helper()
	w, refuse := l.tryHello(h)
	if refuse != nil {
		l.t.Fatalf("refused: %+v", refuse)
	}
	return w
}

func (l *rawLane) tryHello(h *wire.Hello) (*wire.Welcome, *wire.Refuse) {
	l.t.Helper()
	frame, err := wire.AppendHello(nil, h)
	ok(l.t, err)
	_, err = l.conn.Write(frame)
	ok(l.t, err)
	content, err := l.reader.Next()
	ok(l.t, err)
	w, refuse, err := wire.ParseAnswerToHello(content)
	ok(l.t, err)
	return w, refuse
}

func (l *rawLane) send(f *wire.Frame) {
	l.t.Helper()
	_, err := l.conn.Write(wire.Append(nil, f))
	ok(l.t, err)
}

// next returns the next frame of one of the kinds; others are passed over.
func (l *rawLane) next(kinds ...wire.Kind) wire.Frame {
	l.t.Helper()
	for {
		content, err := l.reader.Next()
		ok(l.t, err)
		var f wire.Frame
		ok(l.t, l.parser.Parse(content, &f))
		if slices.Contains(kinds, f.Kind) {
			f.Payload = slices.Clone(f.Payload)
			return f
		}
	}
}
