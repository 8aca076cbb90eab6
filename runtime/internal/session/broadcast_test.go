package session

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

var (
	self  = wire.ID{1}
	other = wire.ID{2}
)

func clone(b []byte) []byte { return bytes.Clone(b) }

// parse returns the frames that b is made of.
func parse(t testing.TB, b []byte) []*wire.Frame {
	t.Helper()
	var frames []*wire.Frame
	var p wire.Parser
	for len(b) > 0 {
		content, used, err := wire.Split(b, 1<<30)
		if err != nil || used == 0 {
			t.Fatalf("%x is no frame: %v", b, err)
		}
		f := new(wire.Frame)
		if err := p.Parse(content, f); err != nil {
			t.Fatal(err)
		}
		frames, b = append(frames, f), b[used:]
	}
	return frames
}

// publish adds broadcasts of n bytes each and returns their last number.
func publish(l *Log, count, n int, origin wire.ID) uint64 {
	for range count {
		l.Append(&wire.Frame{Kind: wire.KindBroadcast, Command: "news", Payload: payloadOf(0, n)}, origin, 1)
	}
	return l.Last()
}

// numbers says in short what frames are: a number each, or a range with the
// count and reason of a skip.
func numbers(frames []*wire.Frame) []string {
	out := []string{}
	for _, f := range frames {
		switch f.Kind {
		case wire.KindBroadcast:
			out = append(out, fmt.Sprint(f.Number))
		case wire.KindSkip:
			out = append(out, fmt.Sprintf("%d-%d:%d%s", f.From, f.To, f.Count, f.Code))
		default:
			out = append(out, fmt.Sprintf("kind %d", f.Kind))
		}
	}
	return out
}

func TestBroadcastReachesAllButItsOrigin(t *testing.T) {
	l := NewLog(1<<20, 1000)
	mine, theirs := l.NewCursor(self, l.Last()), l.NewCursor(other, l.Last())
	publish(l, 1, 10, self)
	publish(l, 1, 10, other)
	publish(l, 1, 10, wire.ID{}) // the server's own
	if diff := cmp.Diff([]string{"1-1:0", "2", "3"}, numbers(parse(t, l.Output(mine, nil, 1<<20)))); diff != "" {
		t.Error("the origin of 1 got:", diff)
	}
	if diff := cmp.Diff([]string{"1", "2-2:0", "3"}, numbers(parse(t, l.Output(theirs, nil, 1<<20)))); diff != "" {
		t.Error("the origin of 2 got:", diff)
	}
	if b := l.Output(mine, nil, 1<<20); len(b) != 0 {
		t.Errorf("%d bytes are written a second time", len(b))
	}
}

func TestBroadcastsThatExpireAreCounted(t *testing.T) {
	frame := len(l1(t))
	for _, tt := range []struct {
		name     string
		maxBytes int
		maxAge   int64
		now      int64 // when Expire is called; the broadcasts are made at 1
		want     []string
	}{
		{"all fit", 10 * frame, 100, 100, []string{"1", "2", "3", "4", "5"}},
		{"bytes", 2 * frame, 100, 2, []string{"1-3:3expired", "4", "5"}},
		{"the newest stays whatever its size", 1, 100, 2, []string{"1-4:4expired", "5"}},
		{"age", 10 * frame, 100, 101, []string{"1-5:5expired"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLog(tt.maxBytes, tt.maxAge)
			c := l.NewCursor(self, 0)
			publish(l, 5, 10, other)
			l.Expire(tt.now)
			if diff := cmp.Diff(tt.want, numbers(parse(t, l.Output(c, nil, 1<<20)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// l1 returns a broadcast as publish makes it with ten bytes.
func l1(t *testing.T) []byte {
	t.Helper()
	l := NewLog(1<<20, 1000)
	c := l.NewCursor(self, 0)
	publish(l, 1, 10, other)
	return l.Output(c, nil, 1<<20)
}

func TestBroadcastTooLargeForOneClient(t *testing.T) {
	l := NewLog(1<<20, 1000)
	c := l.NewCursor(self, 0)
	c.Limit = 100
	publish(l, 1, 10, other)
	publish(l, 1, 200, other)
	publish(l, 1, 10, other)
	if diff := cmp.Diff([]string{"1", "2-2:1too_large", "3"}, numbers(parse(t, l.Output(c, nil, 1<<20)))); diff != "" {
		t.Error(diff)
	}
}

func TestBroadcastWindow(t *testing.T) {
	t.Run("frames", func(t *testing.T) {
		l := NewLog(64<<20, 1000)
		c := l.NewCursor(self, 0)
		publish(l, BroadcastFrames+10, 10, other)
		if n := len(parse(t, l.Output(c, nil, 1<<30))); n != BroadcastFrames {
			t.Fatalf("%d broadcasts are on their way, the window is %d", n, BroadcastFrames)
		}
		if err := l.Ack(c, 7); err != nil {
			t.Fatal(err)
		}
		if n := len(parse(t, l.Output(c, nil, 1<<30))); n != 7 {
			t.Errorf("after 7 were acknowledged %d more are written", n)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		l := NewLog(64<<20, 1000)
		c := l.NewCursor(self, 0)
		publish(l, 200, 60<<10, other)
		sent := l.Output(c, nil, 1<<30)
		if len(sent) > BroadcastBytes || len(sent) < BroadcastBytes-61<<10 {
			t.Fatalf("%d bytes are on their way, the window is %d", len(sent), BroadcastBytes)
		}
		n := uint64(len(parse(t, sent)))
		if err := l.Ack(c, n); err != nil {
			t.Fatal(err)
		}
		if again := len(parse(t, l.Output(c, nil, 1<<30))); again != int(n) {
			t.Errorf("after all was acknowledged %d are written, want %d", again, n)
		}
	})
	t.Run("one always fits", func(t *testing.T) {
		l := NewLog(64<<20, 1000)
		c := l.NewCursor(self, 0)
		large := &wire.Frame{Kind: wire.KindBroadcast, Command: "news", Payload: make([]byte, BroadcastBytes+1)}
		l.Append(large, other, 1)
		publish(l, 1, 10, other)
		if got := numbers(parse(t, l.Output(c, nil, 1<<30))); !slices.Equal(got, []string{"1"}) {
			t.Fatalf("got %v, want the large one alone", got)
		}
		if err := l.Ack(c, 1); err != nil {
			t.Fatal(err)
		}
		if got := numbers(parse(t, l.Output(c, nil, 1<<30))); !slices.Equal(got, []string{"2"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a skip of more than a window can be acknowledged", func(t *testing.T) {
		l := NewLog(1, 1000)
		c := l.NewCursor(self, 0)
		publish(l, 3*BroadcastFrames, 10, other)
		got := numbers(parse(t, l.Output(c, nil, 1<<30)))
		if want := fmt.Sprintf("1-%d:%[1]dexpired", 3*BroadcastFrames-1); !slices.Equal(got, []string{want}) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if err := l.Ack(c, 3*BroadcastFrames-1); err != nil {
			t.Fatal(err)
		}
		if got := numbers(parse(t, l.Output(c, nil, 1<<30))); len(got) != 1 {
			t.Errorf("behind the skip: %v", got)
		}
	})
}

// A client that lags has more on its way than the log still holds. That counts
// as well: the client ends a connection that brings more than the window.
func TestBroadcastWindowBeyondTheLog(t *testing.T) {
	const size = 8 << 10
	l := NewLog(10*size, 1000)
	c := l.NewCursor(self, 0)
	var r Broadcasts
	rng := rand.New(rand.NewPCG(1, 0))
	most, reconnects := 0, 0
	var held []*Incoming // received and not done
	waiting := 0         // bytes of them
	done := func() {
		waiting -= held[0].size
		r.Done(held[0])
		held = held[1:]
	}
	for range 10_000 {
		publish(l, 1, rng.IntN(2*size), other)
		for _, f := range parse(t, l.Output(c, nil, 64<<10)) {
			if _, err := r.Receive(f, clone); err != nil {
				t.Fatalf("with %d bytes not done: %v", waiting, err)
			}
			in := r.Next()
			held, waiting = append(held, in), waiting+in.size
		}
		if most = max(most, waiting); waiting > BroadcastBytes {
			t.Fatalf("%d bytes are on their way, the window is %d", waiting, BroadcastBytes)
		}
		// Slower than they come, most of the time.
		for n := rng.IntN(2); n > 0 && len(held) > 0; n-- {
			done()
		}
		switch rng.IntN(500) {
		case 0: // all of it at once
			for len(held) > 0 {
				done()
			}
		case 1:
			reconnects++
			if !l.Rewind(c, r.Received()) {
				t.Fatal("it does not know what it has sent")
			}
			r.Up()
		}
		r.AckTimer()
		for _, f := range parse(t, r.Output(nil)) {
			if err := l.Ack(c, f.Number); err != nil {
				t.Fatal(err)
			}
		}
	}
	if least := BroadcastBytes * 9 / 10; most < least || reconnects == 0 {
		t.Errorf("%d reconnects, at most %d bytes were on their way: the window is %d and was never filled", reconnects, most, BroadcastBytes)
	}
	if len(c.marks) > 2*BroadcastBytes/markBytes {
		t.Errorf("the cursor has %d marks", len(c.marks))
	}
}

func TestBroadcastAckOfWhatWasNotSent(t *testing.T) {
	l := NewLog(1<<20, 1000)
	c := l.NewCursor(self, 0)
	publish(l, 2, 10, other)
	l.Output(c, nil, 1)
	if _, ok := errors.AsType[*ProtocolError](l.Ack(c, 2)); !ok {
		t.Error("an acknowledgement of a broadcast that was not sent is taken")
	}
	if l.Rewind(c, 3) {
		t.Error("a position behind the last broadcast is taken")
	}
}

func TestBroadcastResume(t *testing.T) {
	l := NewLog(1<<20, 1000)
	c := l.NewCursor(self, 0)
	var r Broadcasts
	publish(l, 5, 10, other)
	frames := parse(t, l.Output(c, nil, 1<<20))
	for _, f := range frames[:3] {
		if _, err := r.Receive(f, clone); err != nil {
			t.Fatal(err)
		}
	}
	// The connection is lost with 4 and 5 on it.
	if !l.Rewind(c, r.Received()) {
		t.Fatal("the position is not taken")
	}
	publish(l, 1, 10, other)
	for _, f := range parse(t, l.Output(c, nil, 1<<20)) {
		if _, err := r.Receive(f, clone); err != nil {
			t.Fatal(err)
		}
	}
	for want := uint64(1); want <= 6; want++ {
		in := r.Next()
		if in == nil || in.Number != want {
			t.Fatalf("got %+v, want number %d", in, want)
		}
		r.Done(in)
	}
	if in := r.Next(); in != nil {
		t.Errorf("number %d comes twice", in.Number)
	}
}

// A client whose handler is stuck gets one window, however often it connects.
func TestBroadcastWindowSurvivesReconnect(t *testing.T) {
	l := NewLog(64<<20, 1000)
	c := l.NewCursor(self, 0)
	var r Broadcasts
	publish(l, 10*BroadcastFrames, 10, other)
	for range 5 {
		for _, f := range parse(t, l.Output(c, nil, 1<<30)) {
			if _, err := r.Receive(f, clone); err != nil {
				t.Fatal(err)
			}
		}
		l.Rewind(c, r.Received())
		r.Up()
		if ack := parse(t, r.Output(nil)); len(ack) != 0 {
			t.Fatalf("at the begin of a connection the client says %+v, and has done nothing", ack)
		}
	}
	if n := r.inbox.len(); n != BroadcastFrames {
		t.Errorf("the inbox holds %d broadcasts, the window is %d", n, BroadcastFrames)
	}

	// An acknowledgement that was lost with a connection is made again.
	r.Done(r.Next())
	r.AckTimer()
	r.Output(nil)
	for range 2 {
		l.Rewind(c, r.Received())
		r.Up()
		ack := parse(t, r.Output(nil))
		if len(ack) != 1 || ack[0].Kind != wire.KindBroadcastAck || ack[0].Number != 1 {
			t.Fatalf("at the begin of a connection the client says %+v, and has done one", ack)
		}
	}
}

func TestBroadcastReceive(t *testing.T) {
	broadcast := func(n uint64) *wire.Frame {
		return &wire.Frame{Kind: wire.KindBroadcast, Number: n, Command: "news", Payload: []byte{0xf6}}
	}
	skip := func(from, to uint64) *wire.Frame {
		return &wire.Frame{Kind: wire.KindSkip, Sequence: wire.B, From: from, To: to}
	}
	for _, tt := range []struct {
		name  string
		frame *wire.Frame // after 1, 2 and 3
		fresh bool
		bad   bool
	}{
		{"next", broadcast(4), true, false},
		{"again", broadcast(3), false, false},
		{"gap", broadcast(5), false, true},
		{"skip", skip(4, 9), true, false},
		{"skip that overlaps", skip(2, 4), true, false},
		{"skip of old ones", skip(1, 3), false, false},
		{"skip behind a gap", skip(5, 9), false, true},
		{"skip of another sequence", &wire.Frame{Kind: wire.KindSkip, Sequence: wire.S, From: 4, To: 4}, false, true},
		{"another kind", &wire.Frame{Kind: wire.KindEvent, Number: 4}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r Broadcasts
			for n := range uint64(3) {
				if _, err := r.Receive(broadcast(n+1), clone); err != nil {
					t.Fatal(err)
				}
			}
			fresh, err := r.Receive(tt.frame, clone)
			_, bad := errors.AsType[*ProtocolError](err)
			if fresh != tt.fresh || bad != tt.bad {
				t.Errorf("fresh %v, error %v", fresh, err)
			}
		})
	}
}

func TestBroadcastAcknowledgements(t *testing.T) {
	receive := func(r *Broadcasts, n uint64, size int) *Incoming {
		t.Helper()
		f := &wire.Frame{Kind: wire.KindBroadcast, Number: n, Command: "news", Payload: make([]byte, size)}
		if _, err := r.Receive(f, clone); err != nil {
			t.Fatal(err)
		}
		return r.Next()
	}
	acked := func(r *Broadcasts) int {
		frames := parse(t, r.Output(nil))
		if len(frames) == 0 {
			return 0
		}
		return int(frames[0].Number)
	}
	t.Run("in a while", func(t *testing.T) {
		var r Broadcasts
		if !r.Done(receive(&r, 1, 1)) {
			t.Fatal("nobody is asked to call AckTimer")
		}
		if r.Done(receive(&r, 2, 1)) {
			t.Error("a second timer is asked for")
		}
		if n := acked(&r); n != 0 {
			t.Errorf("%d are acknowledged at once", n)
		}
		if !r.AckTimer() || acked(&r) != 2 {
			t.Error("the timer acknowledges nothing")
		}
	})
	t.Run("after 256", func(t *testing.T) {
		var r Broadcasts
		for n := range uint64(ackEvery) {
			if acked(&r) != 0 {
				t.Fatalf("an acknowledgement after %d", n)
			}
			r.Done(receive(&r, n+1, 1))
		}
		if n := acked(&r); n != ackEvery {
			t.Errorf("%d are acknowledged", n)
		}
	})
	t.Run("after half a window of bytes", func(t *testing.T) {
		var r Broadcasts
		r.Done(receive(&r, 1, BroadcastBytes/2))
		if n := acked(&r); n != 0 {
			t.Fatal("too early")
		}
		r.Done(receive(&r, 2, 1))
		if n := acked(&r); n != 2 {
			t.Errorf("%d are acknowledged", n)
		}
	})
}

func TestBroadcastInboxIsBounded(t *testing.T) {
	fill := func(r *Broadcasts, size int) (taken int, err error) {
		for range 4 * BroadcastFrames {
			f := &wire.Frame{Kind: wire.KindBroadcast, Number: r.Received() + 1, Command: "news", Payload: make([]byte, size)}
			if _, err := r.Receive(f, clone); err != nil {
				return taken, err
			}
			taken++
		}
		return taken, nil
	}
	for _, tt := range []struct{ size, most int }{{1, 2 * BroadcastFrames}, {64 << 10, BroadcastBytes>>16 + 1}} {
		var r Broadcasts
		n, err := fill(&r, tt.size)
		if _, ok := errors.AsType[*ProtocolError](err); !ok || n > tt.most {
			t.Errorf("%d broadcasts of %d bytes are taken, error %v", n, tt.size, err)
		}
	}
}

func TestBroadcastRestart(t *testing.T) {
	t.Run("what was received is handled and not acknowledged", func(t *testing.T) {
		var r Broadcasts
		for n := range uint64(3) {
			if _, err := r.Receive(&wire.Frame{Kind: wire.KindBroadcast, Number: n + 1, Command: "old"}, clone); err != nil {
				t.Fatal(err)
			}
		}
		first := r.Next()
		r.Restart(100)
		r.Done(first)
		if _, err := r.Receive(&wire.Frame{Kind: wire.KindBroadcast, Number: 101, Command: "new"}, clone); err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for in := r.Next(); in != nil; in = r.Next() {
			got = append(got, in.Number)
			r.Done(in)
		}
		if diff := cmp.Diff([]uint64{2, 3, 101}, got); diff != "" {
			t.Error(diff)
		}
		r.AckTimer()
		if ack := parse(t, r.Output(nil)); ack[0].Number != 101 {
			t.Errorf("acknowledged is %d", ack[0].Number)
		}
	})
	t.Run("a stuck handler does not fill memory", func(t *testing.T) {
		var r Broadcasts
		total, told := uint64(0), uint64(0)
		for range 10 {
			for range BroadcastFrames {
				if _, err := r.Receive(&wire.Frame{Kind: wire.KindBroadcast, Number: r.Received() + 1, Command: "news"}, clone); err != nil {
					t.Fatal(err)
				}
				total++
			}
			if n := r.inbox.len(); n > 2*BroadcastFrames {
				t.Fatalf("the inbox holds %d", n)
			}
			r.Restart(0)
		}
		for in := r.Next(); in != nil; in = r.Next() {
			if in.Kind == wire.KindBroadcast {
				told++
			}
			told += in.Count
		}
		if told != total {
			t.Errorf("of %d broadcasts %d were handled or reported", total, told)
		}
	})
}
