//go:build linux

package storm

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// every is the distance of the bytes at which connections are cut.
var every = flag.Int("storm.every", 0, "cut at every so many bytes; 0: 29, or 61 with -short")

func stride() int {
	switch {
	case *every > 0:
		return *every
	case testing.Short():
		return 61 * shorter
	}
	return 29 * shorter
}

// A conversation is one client and one server, which say to each other what
// there is to say: events, calls, replies, refusals, broadcasts, questions.
type conversation struct {
	t      *testing.T
	server *ipcio.Server
	client *ipcio.Client
	proxy  *Proxy

	mu             sync.Mutex // guards the fields below
	up, down, news []int
	calls          int
	more           chan struct{} // closed and replaced when they change
}

var silent = slog.New(slog.DiscardHandler)

// converse runs a conversation over a proxy that does to the connections what
// choose says, and checks that nothing was lost, doubled or swapped. It returns
// how many connections were ended.
func converse(t *testing.T, choose func(n int) Plan) int {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	front, err := newDir("front")
	must(err)
	defer os.RemoveAll(front)
	back, err := newDir("back")
	must(err)
	defer os.RemoveAll(back)
	v := &conversation{t: t, more: make(chan struct{})}
	v.server, err = ipcio.NewServer(ipcio.ServerConfig{Dir: back, Logger: silent})
	must(err)
	must(errors.Join(
		v.server.On("up", func(ctx context.Context, m *ipcio.Message) (any, error) {
			n, err := v.note(&v.up, m)
			if err != nil {
				return nil, err
			}
			return nil, m.From().Emit(ctx, "down", fill(n))
		}),
		v.server.On("ask", func(ctx context.Context, m *ipcio.Message) (any, error) {
			n, err := v.note(&[]int{}, m)
			v.mu.Lock()
			v.calls++
			v.mu.Unlock()
			return n, err
		}),
		v.server.Start(ctx),
	))
	defer v.server.Close()
	v.proxy, err = NewProxy(front, back, choose)
	must(err)
	defer v.proxy.Close()
	refused := make(chan ipcio.Gap, 4)
	v.client, err = ipcio.NewClient(ipcio.ClientConfig{Dir: front, Name: "c", Logger: silent, OnGap: func(g ipcio.Gap) { refused <- g }})
	must(err)
	defer v.client.Close()
	must(errors.Join(
		v.client.On("down", func(_ context.Context, m *ipcio.Message) (any, error) { _, err := v.note(&v.down, m); return nil, err }),
		v.client.On("news", func(_ context.Context, m *ipcio.Message) (any, error) { _, err := v.note(&v.news, m); return nil, err }),
		v.client.Connect(ctx),
	))
	const events = 4
	for n := range events {
		must(v.client.Emit(ctx, "up", fill(n)))
	}
	must(v.client.Emit(ctx, "unheard", nil))
	reply, err := v.client.Call(ctx, "ask", fill(events))
	must(err)
	var got int
	must(reply.Decode(&got))
	if _, err := v.client.Call(ctx, "unheard", nil); !errors.Is(err, ipcio.ErrNoHandler) {
		t.Fatalf("a call that nobody handles: %v", err)
	}
	must(v.server.Broadcast(ctx, "news", fill(0)))
	must(v.server.Broadcast(ctx, "news", fill(1)))
	if _, err := v.client.Discover(ctx); err != nil {
		t.Fatal(err)
	}
	must(v.client.Flush(ctx))
	v.await(ctx, func() bool { return len(v.down) >= events && len(v.news) >= 2 })
	select {
	case g := <-refused:
		if g.Reason != ipcio.GapRefused || g.Count != 1 {
			t.Fatalf("the event that nobody handles is reported as %+v", g)
		}
	case <-ctx.Done():
		t.Fatal("the event that nobody handles is not reported")
	}
	losses := v.proxy.Losses()
	// What would come twice comes before the farewell.
	must(v.client.Shutdown(ctx))
	must(v.server.Shutdown(ctx))
	v.mu.Lock()
	defer v.mu.Unlock()
	want := []int{0, 1, 2, 3}
	if !slices.Equal(v.up, want) || !slices.Equal(v.down, want) || !slices.Equal(v.news, want[:2]) || v.calls != 1 || got != events || len(refused) > 0 {
		t.Fatalf("up %v, down %v, news %v, %d calls, reply %d, %d more gaps", v.up, v.down, v.news, v.calls, got, len(refused))
	}
	return losses
}

// fill makes payloads of different sizes, of heads of one, two and three bytes.
func fill(n int) []byte {
	b := make([]byte, []int{1, 30, 300, 3, 70}[n])
	for i := range b {
		b[i] = byte(n)
	}
	return b
}

func (v *conversation) note(list *[]int, m *ipcio.Message) (int, error) {
	var b []byte
	if err := m.Decode(&b); err != nil {
		return 0, err
	}
	n := int(b[0])
	if !slices.Equal(b, fill(n)) {
		return 0, fmt.Errorf("payload %x", b)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	*list = append(*list, n)
	close(v.more)
	v.more = make(chan struct{})
	return n, nil
}

func (v *conversation) await(ctx context.Context, condition func() bool) {
	v.t.Helper()
	for {
		v.mu.Lock()
		ok, more := condition(), v.more
		v.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			v.t.Fatalf("waited in vain: up %v, down %v, news %v", v.up, v.down, v.news)
		}
	}
}

// Connections 1 and 2 are the lanes of a new client; behind one that was cut, 3
// and 4 are those with which it comes back. Each is cut behind each byte, in
// each direction, until the conversation has no more of them: in the hello, in
// the welcome, between them, in every frame.
func TestCutAtEveryByte(t *testing.T) {
	for _, connection := range []struct {
		name   string
		number int
	}{{"domain lane", 1}, {"private lane", 2}, {"domain lane that resumes", 3}, {"private lane that resumes", 4}} {
		for _, way := range []string{"up", "down"} {
			for _, end := range []Ending{Cut, HalfClose} {
				t.Run(fmt.Sprintf("%s/%s/%d", connection.name, way, end), func(t *testing.T) {
					t.Parallel()
					cuts := 0
					for offset := 0; ; offset += stride() {
						losses := converse(t, func(n int) Plan {
							plan := Forward
							switch {
							case n == connection.number:
								half := Half{Bytes: int64(offset)}
								if plan.End, plan.Hold = end, time.Millisecond; way == "up" {
									plan.Up = half
								} else {
									plan.Down = half
								}
							case n == 2 && connection.number > 2:
								plan.Up.Bytes = 250 // in the middle of what it sends
							}
							return plan
						})
						if connection.number > 2 {
							losses--
						}
						if losses < 1 {
							break // it had come to its end before
						}
						cuts++
					}
					if (cuts+1)*stride() < 100 {
						t.Errorf("only %d cuts, %d bytes apart", cuts, stride())
					}
					t.Logf("ledger: cuts=%d kind=%q", cuts, connection.name+" "+way)
				})
			}
		}
	}
}
