package session

import (
	"errors"
	"slices"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// What happens exactly at a bound, and one beyond it.

func broadcastOf(n uint64, size int) *wire.Frame {
	return &wire.Frame{Kind: wire.KindBroadcast, Number: n, Command: "news", Payload: make([]byte, size)}
}

// hear has r receive broadcasts of the sizes.
func hear(t *testing.T, r *Broadcasts, sizes ...int) {
	t.Helper()
	for _, size := range sizes {
		if fresh, err := r.Receive(broadcastOf(r.Received()+1, size), clone); !fresh || err != nil {
			t.Fatalf("broadcast %d of %d bytes: fresh %v, %v", r.Received()+1, size, fresh, err)
		}
	}
}

func TestBroadcastReceiveEdges(t *testing.T) {
	var r Broadcasts
	hear(t, &r, BroadcastBytes, 1) // as much as the window, and one more
	if _, err := r.Receive(broadcastOf(3, 1), clone); err == nil {
		t.Error("more than the window is taken")
	}
	if n := r.Next(); n.Number != 1 || r.inBytes != 1 {
		t.Errorf("behind number %d the inbox has %d bytes", n.Number, r.inBytes)
	}
	hear(t, &r, 1)
	r.Output(nil)
	if _, err := r.Receive(broadcastOf(2, 1), clone); err != nil {
		t.Fatal(err)
	}
	if f := parse(t, r.Output(nil)); len(f) != 1 || f[0].Kind != wire.KindBroadcastAck {
		t.Error("what came again is not acknowledged at once")
	}
	if r.AckTimer() {
		t.Error("there is nothing to acknowledge")
	}
}

func TestBroadcastRestartEdges(t *testing.T) {
	count := func(r *Broadcasts) (handled, told int) {
		for in := r.Next(); in != nil; in = r.Next() {
			if in.Kind == wire.KindBroadcast {
				handled++
			}
			told += int(in.Count)
			r.Done(in)
		}
		return handled, told
	}
	for _, tt := range []struct {
		name          string
		sizes         []int
		handled, told int
	}{
		{"a window of frames", slices.Repeat([]int{1}, BroadcastFrames), BroadcastFrames, 0},
		{"a window of bytes", []int{BroadcastBytes - 1, 1}, 2, 0},
		{"more bytes", []int{BroadcastBytes, 1}, 0, 2},
		{"one that is larger", []int{BroadcastBytes + 1}, 1, 0},
	} {
		var r Broadcasts
		hear(t, &r, tt.sizes...)
		r.Restart(0)
		hear(t, &r, BroadcastBytes, 1) // a window of the new incarnation fits whatever is left
		for range 2 {
			r.Done(r.Next())
			if tt.told > 0 || len(tt.sizes) == 1 {
				break
			}
		}
		if r.inBytes != BroadcastBytes+1 {
			t.Errorf("%s: %d bytes of the new incarnation are counted", tt.name, r.inBytes)
		}
		if r.done != 0 {
			t.Errorf("%s: %d is done, of the incarnation before", tt.name, r.done)
		}
	}
	for _, tt := range []struct{ more, handled, told int }{{0, BroadcastFrames, 0}, {1, 0, BroadcastFrames + 1}} {
		var r Broadcasts
		hear(t, &r, slices.Repeat([]int{1}, BroadcastFrames)...)
		r.Restart(0)
		hear(t, &r, slices.Repeat([]int{1}, tt.more)...)
		r.Restart(0)
		if handled, told := count(&r); handled != tt.handled || told != tt.told {
			t.Errorf("a window and %d: %d handled, %d told of", tt.more, handled, told)
		}
	}
}

func TestLogEdges(t *testing.T) {
	l := NewLog(64<<20, 1000)
	c := l.NewCursor(self, 0)
	publish(l, 5, 10, other)
	one := len(l.entries.at(0).frame)
	c.Limit = one
	if got := numbers(parse(t, l.Output(c, nil, one))); !slices.Equal(got, []string{"1"}) {
		t.Errorf("with room for one frame, which has just the size that the client takes: %v", got)
	}
	if !l.Rewind(c, 5) {
		t.Error("the last broadcast cannot have been received")
	}
	if err := l.Ack(c, 4); err != nil {
		t.Fatal(err)
	}
	// A client that says it has received less than it acknowledged gets it again.
	l.Rewind(c, 2)
	if c.Acked() != 2 {
		t.Errorf("acknowledged is %d", c.Acked())
	}
	if got := numbers(parse(t, l.Output(c, nil, 1<<20))); !slices.Equal(got, []string{"3", "4", "5"}) {
		t.Errorf("written is %v", got)
	}

	// The window counts the bytes behind what is acknowledged, to the last one.
	for _, tt := range []struct{ beyond, want int }{{0, 2}, {1, 1}} {
		l := NewLog(64<<20, 1000)
		frame := func(size int) {
			f := &wire.Frame{Kind: wire.KindBroadcast, Command: "news", Payload: make([]byte, size)}
			l.Append(f, other, 1)
		}
		frame(10)
		overhead := len(l.entries.at(0).frame) - 10 + 6 // of a large frame: longer heads
		c := l.NewCursor(self, 1)
		frame(BroadcastBytes / 2)
		half := len(l.entries.at(1).frame)
		frame(BroadcastBytes - half - overhead + tt.beyond)
		for len(l.entries.at(2).frame)+half != BroadcastBytes+tt.beyond {
			last := l.entries.at(2)
			if sum := len(last.frame) + half; sum > BroadcastBytes+tt.beyond+16 || sum < BroadcastBytes+tt.beyond-16 {
				t.Fatalf("a frame of %d bytes beside one of %d", len(last.frame), half)
			}
			diff := BroadcastBytes + tt.beyond - half - len(last.frame)
			size := BroadcastBytes - half - overhead + tt.beyond + diff
			l = NewLog(64<<20, 1000)
			frame(10)
			c = l.NewCursor(self, 1)
			frame(BroadcastBytes / 2)
			frame(size)
		}
		if got := parse(t, l.Output(c, nil, 1<<30)); len(got) != tt.want {
			t.Errorf("%d bytes beyond the window: %d broadcasts are written", tt.beyond, len(got))
		}
	}

	// What the process before may have handled is flagged, and no more.
	l = NewLog(1<<20, 1000)
	c = l.NewCursor(self, 0)
	publish(l, 2, 10, other)
	l.Output(c, nil, 1<<20)
	c.PeerRestarted()
	l.Rewind(c, 0)
	publish(l, 1, 10, other)
	var flags []wire.Flags
	for _, f := range parse(t, l.Output(c, nil, 1<<20)) {
		flags = append(flags, f.Flags)
	}
	if !slices.Equal(flags, []wire.Flags{wire.Redelivered, wire.Redelivered, 0}) {
		t.Errorf("the flags are %v", flags)
	}
}

func TestBudgetEdges(t *testing.T) {
	b := NewBudget(10)
	if !b.take(10) || b.take(1) || b.Used() != 10 {
		t.Errorf("a budget of 10 has given %d", b.Used())
	}
	none := (*Budget)(nil)
	if !none.take(1<<40) || !none.fits(1<<40) {
		t.Error("no budget has a bound")
	}
	for _, tt := range []struct {
		name                  string
		frames, bytes         int // the window
		mostFrames, mostBytes int
		events, size          int
		wantFrames, wantBytes int
	}{
		{"not filled", 4, 1000, 100, 10000, 2, 10, 4, 1000},
		{"filled by frames", 4, 1000, 100, 10000, 3, 10, 8, 2000},
		{"filled by bytes", 4, 1000, 100, 10000, 1, 501, 8, 2000},
		{"half of the bytes", 4, 1000, 100, 10000, 1, 500, 4, 1000},
		{"frames at the most", 4, 1000, 4, 10000, 3, 10, 4, 2000},
		{"bytes at the most", 4, 1000, 100, 1000, 3, 10, 8, 1000},
		{"both at the most", 4, 1000, 4, 1000, 3, 10, 4, 1000},
		{"near the most", 4, 1000, 5, 1500, 3, 10, 5, 1500},
	} {
		cfg := wide
		cfg.WindowFrames, cfg.WindowBytes, cfg.MostWindowFrames, cfg.MostWindowBytes = tt.frames, tt.bytes, tt.mostFrames, tt.mostBytes
		a, s := newPair(t, wide, cfg)
		output(t, s)
		for range tt.events {
			if err := a.Emit(&Message{Kind: wire.KindEvent, Command: "c", Payload: make([]byte, tt.size)}); err != nil {
				t.Fatal(err)
			}
		}
		carry(t, a, s)
		s.Settle()
		if f, n := s.Window(); f != tt.wantFrames || n != tt.wantBytes {
			t.Errorf("%s: the window is %d frames and %d bytes, want %d and %d", tt.name, f, n, tt.wantFrames, tt.wantBytes)
		}
		if widened := tt.wantFrames != tt.frames || tt.wantBytes != tt.bytes; s.HasOutput() != widened {
			t.Errorf("%s: has something to say: %v", tt.name, s.HasOutput())
		}
	}
}

func TestHolderEdges(t *testing.T) {
	d := newTestDomain(nil)
	a := testClient("a", 1)
	m := join(t, d, a)
	if d.Holder(a.Hello(), testUID) != nil {
		t.Error("a session is to be asked because of itself")
	}
	if d.Holder(testClient("a", 2).Hello(), 8) != nil {
		t.Error("another user has it asked")
	}
	if d.Holder(testClient("b", 2).Hello(), testUID) != nil {
		t.Error("nobody has the name, and somebody is to be asked")
	}
	if d.Holder(testClient("a", 2).Hello(), testUID) != m {
		t.Error("the holder is not asked")
	}
	// A hello that comes twice is taken once, also when the session is gone.
	h := a.Hello()
	claim(t, d, h, nil)
	claim(t, d, h, ErrStale)
	d.Remove(m)
	claim(t, d, h, ErrStale)
	again := a.Hello()
	n, _ := claim(t, d, again, nil)
	if n == m {
		t.Error("the session that was given up goes on")
	}
	if n.attempt != h.Attempt {
		t.Errorf("its successor has seen attempt %d, want %d", n.attempt, h.Attempt)
	}
	m.attempt = 0
	if _, err := m.Welcome(again, 1); !errors.Is(err, ErrStale) {
		t.Errorf("a session that was given up is welcome: %v", err)
	}
}

// The process that goes on with a session tells which incarnation it knows, and
// that it is another process.
func TestClientSucceeds(t *testing.T) {
	c := testClient("a", 1)
	c.Succeed([]byte("0123456789abcdef"), nil, wire.ID{7})
	h := c.Hello()
	if string(h.Incarnation) != "0123456789abcdef" || wire.ID(h.Instance) != (wire.ID{7}) {
		t.Errorf("%+v", h)
	}
}

// A commitGuard counts the commits.
type commitGuard struct {
	plainGuard
	commits int
}

func (g *commitGuard) Commit() { g.commits++ }

// Whoever waits for the handler of an earlier session is told, and its owner
// looks what there is to do.
func TestFinishedCommits(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	m := join(t, d, c)
	emit(t, c.Core, "1")
	carry(t, c.Core, m.Core)
	next(t, m.Core, "1")
	c.Core.Down()
	d.Remove(m)
	if in := m.Core.Next(); in != nil {
		t.Error("something is begun in a session that was given up")
	}
	n := join(t, d, c)
	g := new(commitGuard)
	n.Guard = g
	d.Finished(m)
	if g.commits != 1 {
		t.Errorf("%d commits", g.commits)
	}
	var names []string
	for _, m := range d.Members() {
		names = append(names, m.Name)
	}
	if !slices.Equal(names, []string{"c"}) {
		t.Errorf("the members are %v", names)
	}
}

// Members come in the order in which they joined.
func TestMembersAreInOrder(t *testing.T) {
	d := newTestDomain(func(c *DomainConfig) { c.Clients, c.UID = 100, testUID })
	for i := range 50 {
		join(t, d, testClient(string(rune('a'+i)), byte(i+1)))
	}
	for i, m := range d.Members() {
		if m.Name != string(rune('a'+i)) {
			t.Fatalf("member %d is %q", i, m.Name)
		}
	}
	// As long as nobody comes or goes that needs no memory.
	if a, b := d.Members(), d.Members(); &a[0] != &b[0] {
		t.Error("the list is made twice")
	}
}

func TestRestoreRefusesNumbers(t *testing.T) {
	stored := func(numbers ...uint64) (out []Stored) {
		for _, n := range numbers {
			out = append(out, Stored{Number: n, Message: *event("c")})
		}
		return out
	}
	for _, tt := range []struct {
		acked uint64
		list  []Stored
		ok    bool
	}{
		{3, stored(4, 5), true},
		{3, stored(3), false},
		{3, stored(5, 5), false},
		{3, stored(6, 5), false},
		{3, stored(3 + mostHoles), true},
		{3, stored(4 + mostHoles), false},
		{wire.MaxNumber - 1, stored(wire.MaxNumber), true},
		{wire.MaxNumber - 1, stored(wire.MaxNumber + 1), false},
	} {
		cfg := wide
		cfg.Durable = true
		if err := New(cfg).Restore(Kept{Progress: Progress{Acked: tt.acked}, Messages: tt.list}); (err == nil) != tt.ok {
			t.Errorf("%v behind %d: %v", tt.list, tt.acked, err)
		}
	}
}

// Marks are as far apart as they say, and no further than needed.
func TestCursorMarks(t *testing.T) {
	c := &Cursor{}
	for n := range uint64(9) {
		c.advance(n+1, 5<<10)
	}
	if want := []position{{3, 15 << 10}, {6, 30 << 10}, {9, 45 << 10}}; !slices.Equal(c.marks, want) || c.pos != 9 || c.sent != 45<<10 {
		t.Errorf("the marks are %v", c.marks)
	}
	c = &Cursor{}
	c.advance(1, markBytes)
	c.advance(2, 0)
	c.advance(3, 1)
	if want := []position{{2, markBytes}, {3, markBytes + 1}}; !slices.Equal(c.marks, want) {
		t.Errorf("the marks are %v", c.marks)
	}
	for size, kept := range map[int]bool{16: true, 17: false} {
		c = &Cursor{sent: 5, marks: append(make([]position, 0, size), position{1, 5})}
		if c.settle(); c.ackedSent != 5 || len(c.marks) != 0 || (c.marks != nil) != kept {
			t.Errorf("room for %d marks is kept: %v", size, c.marks != nil)
		}
	}

	// Back to a number between two marks, at one, and to where it stands.
	l := NewLog(1<<20, 1000)
	publish(l, 9, 10, wire.ID{})
	for _, tt := range []struct {
		pos, acked uint64
		marks      []position
		sent       int64
	}{
		{9, 0, []position{{3, 15}, {6, 30}, {9, 45}}, 45},
		{8, 0, []position{{3, 15}, {6, 30}, {8, 45}}, 45},
		{6, 0, []position{{3, 15}, {6, 30}, {6, 45}}, 45},
		{6, 6, nil, 45}, // all that it received is acknowledged
		{9, 9, nil, 45},
		{5, 0, []position{{3, 15}, {5, 30}}, 30},
		{1, 0, []position{{1, 15}}, 15},
		{0, 0, nil, 15},
	} {
		c = &Cursor{pos: 9, acked: tt.acked, sent: 45, marks: []position{{3, 15}, {6, 30}, {9, 45}}}
		l.Rewind(c, tt.pos)
		got := c.marks
		if len(got) == 0 {
			got = nil
		}
		if !slices.Equal(got, tt.marks) || c.pos != tt.pos || c.sent != tt.sent || (c.ackedSent == c.sent) != (tt.acked == tt.pos) {
			t.Errorf("back to %d: marks %v, sent %d, acknowledged %d", tt.pos, got, c.sent, c.ackedSent)
		}
	}

	// What is acknowledged between two marks counts as on its way until the next.
	for _, tt := range []struct {
		n     uint64
		acked int64
		marks []position
	}{
		{2, 0, []position{{3, 15}, {6, 30}, {9, 45}}},
		{3, 15, []position{{6, 30}, {9, 45}}},
		{7, 30, []position{{9, 45}}},
		{9, 45, nil},
	} {
		c = &Cursor{pos: 9, sent: 45, marks: []position{{3, 15}, {6, 30}, {9, 45}}}
		if err := l.Ack(c, tt.n); err != nil {
			t.Fatal(err)
		}
		got := c.marks
		if len(got) == 0 {
			got = nil
		}
		if !slices.Equal(got, tt.marks) || c.ackedSent != tt.acked || c.acked != tt.n {
			t.Errorf("%d is acknowledged: marks %v, %d bytes", tt.n, got, c.ackedSent)
		}
	}
}

// An acknowledgement that goes back changes nothing, one of everything leaves
// nothing behind, and a new incarnation has nothing on its way.
func TestCursorSettles(t *testing.T) {
	l := NewLog(1<<20, 1000)
	publish(l, 9, 10, wire.ID{})
	fresh := func() *Cursor {
		return &Cursor{pos: 9, acked: 2, sent: 45, marks: append(make([]position, 0, 17), position{3, 15}, position{6, 30}, position{9, 45})}
	}
	c := fresh()
	if err := l.Ack(c, 1); err != nil || c.acked != 2 || len(c.marks) != 3 {
		t.Errorf("back to 1: %d, %v", c.acked, err)
	}
	if err := l.Ack(c, 9); err != nil || c.acked != 9 || c.ackedSent != 45 || c.marks != nil {
		t.Errorf("all of it: %+v, %v", c, err)
	}
	c = fresh()
	if c.restart(5); c.pos != 5 || c.acked != 5 || c.ackedSent != 45 || c.marks != nil {
		t.Errorf("a new incarnation behind 5: %+v", c)
	}
}
