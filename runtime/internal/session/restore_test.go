package session

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

func storedAt(numbers ...uint64) (out []Stored) {
	for _, n := range numbers {
		out = append(out, Stored{Number: n, Message: *event("c")})
	}
	return out
}

// An entryView is what can be seen of an entry.
type entryView struct {
	Number        uint64
	Hole          bool
	Old, Sent     bool
	Deliveries    int
	Stamp         uint64
	InQueue       bool
	Fresh, Stored bool
}

func viewOf(s *Session) []entryView {
	o := &s.out[wire.S]
	var out []entryView
	for i := range o.flight.len() {
		e := o.flight.at(i)
		out = append(out, entryView{
			Number: o.acked + 1 + uint64(i), Hole: e.skip, Old: e.old, Sent: e.sent, Deliveries: e.deliveries, Stamp: e.stamp, Fresh: e.fresh, Stored: !s.held(e),
		})
	}
	for i := range o.queue.len() {
		e := o.queue.at(i)
		out = append(out, entryView{
			Number: e.number, Hole: e.skip, Old: e.old, Sent: e.sent, Deliveries: e.deliveries, Stamp: e.stamp, InQueue: true, Fresh: e.fresh, Stored: !s.held(e),
		})
	}
	return out
}

// What a process takes over from the one before, entry by entry.
func TestRestoreTakesOver(t *testing.T) {
	for _, tt := range []struct {
		name       string
		deliveries int
		kept       Kept
		want       []entryView
		dead       []uint64
		next       uint64 // number
		progress   Progress
	}{
		{
			name: "suspects, a hole, one that waits", deliveries: 3,
			kept: Kept{
				Progress: Progress{Acked: 2, OldTo: 4, NowTo: 6, SentTo: 6, Suspects: Suspects{Head: 3, To: 4, Count: 2}},
				Messages: storedAt(3, 4, 6, 8),
			},
			want: []entryView{
				{Number: 3, Old: true, Sent: true, Deliveries: 2, Stamp: 1, Stored: true},
				{Number: 4, Old: true, Deliveries: 1, Stamp: 2, Stored: true},
				{Number: 5, Hole: true, Stored: true},
				{Number: 6, Sent: true, Stamp: 3, Stored: true},
				{Number: 8, Stamp: 4, InQueue: true, Stored: true},
			},
			next:     9,
			progress: Progress{Acked: 2, SentTo: 6, NowTo: 6, OldTo: 4, Suspects: Suspects{Head: 3, To: 4, Count: 2}},
		},
		{
			name: "nothing of it was written", deliveries: 3,
			kept:     Kept{Progress: Progress{Acked: 2, SentTo: 2}, Messages: storedAt(3, 4)},
			want:     []entryView{{Number: 3, Stamp: 1, InQueue: true, Stored: true}, {Number: 4, Stamp: 2, InQueue: true, Stored: true}},
			next:     5,
			progress: Progress{Acked: 2, SentTo: 2},
		},
		{
			name: "written in an incarnation that is over", deliveries: 3,
			kept:     Kept{Progress: Progress{Acked: 2, OldTo: 3, NowTo: 2, SentTo: 4}, Messages: storedAt(3, 4)},
			want:     []entryView{{Number: 3, Old: true, Stamp: 1, Stored: true}, {Number: 4, Stamp: 2, Stored: true}},
			next:     5,
			progress: Progress{Acked: 2, SentTo: 4, OldTo: 3},
		},
		{
			name: "a suspect without a count is none", deliveries: 3,
			kept:     Kept{Progress: Progress{SentTo: 1, Suspects: Suspects{To: 1}}, Messages: storedAt(1)},
			want:     []entryView{{Number: 1, Stamp: 1, Stored: true}},
			next:     2,
			progress: Progress{SentTo: 1},
		},
		{
			name: "delivered too often", deliveries: 2,
			kept:     Kept{Progress: Progress{SentTo: 2, OldTo: 2, Suspects: Suspects{Head: 1, To: 1, Count: 2}}, Messages: storedAt(1, 2)},
			want:     []entryView{{Number: 1, Hole: true, Old: true, Stamp: 1, Stored: true}, {Number: 2, Old: true, Stamp: 2, Stored: true}},
			dead:     []uint64{1},
			next:     3,
			progress: Progress{SentTo: 2, OldTo: 2},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := wide
			cfg.Durable, cfg.Deliveries = true, tt.deliveries
			s := New(cfg)
			if err := s.Restore(tt.kept); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, viewOf(s)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			o := &s.out[wire.S]
			if o.acked != tt.kept.Acked || o.cursor != tt.kept.Acked+1 || o.next != tt.next || s.Acked() != tt.kept.Acked {
				t.Errorf("acknowledged %d, to be written %d, next %d; want %d, %d, %d", o.acked, o.cursor, o.next, tt.kept.Acked, tt.kept.Acked+1, tt.next)
			}
			// A suspect that was not delivered yet may be written in what is to come.
			p := s.Progress()
			p.NowTo = tt.progress.NowTo
			if diff := cmp.Diff(tt.progress, p); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
			var dead []uint64
			room := false
			for _, a := range s.Actions(nil) {
				if a.Kind == ActionDead {
					dead = append(dead, a.Dead.Number)
				}
				room = room || a.Kind == ActionRoom
			}
			if diff := cmp.Diff(tt.dead, dead); diff != "" || !room {
				t.Errorf("given up (-want +got), room %v:\n%s", room, diff)
			}
			m := event("new")
			if err := s.Emit(m); err != nil || m.Number != tt.next {
				t.Errorf("the next message has number %d, want %d: %v", m.Number, tt.next, err)
			}
			if s.Mark() != uint64(len(tt.kept.Messages))+1 {
				t.Errorf("the mark is %d", s.Mark())
			}
		})
	}
}

// What a process that goes on with a session takes from the handshake.
func TestRejoinEdges(t *testing.T) {
	cfg := wide
	cfg.Durable = true
	restored := func(t *testing.T) *Session {
		s := New(cfg)
		if err := s.Restore(Kept{Progress: Progress{Acked: 2, SentTo: 3}, Messages: storedAt(3, 4)}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	at := func(sFirst, rFirst, sRx, rRx uint64) Positions {
		return Positions{SFirst: sFirst, RFirst: rFirst, SRx: sRx, RRx: rRx, Frames: 9, Bytes: 1 << 20, Calls: 9, FrameBytes: 1 << 20}
	}
	s := restored(t)
	if err := s.Adopt(at(5, 6, 3, 7), true); err != nil {
		t.Fatal(err)
	}
	p := s.Positions()
	if p.SFirst != 3 || p.RFirst != 8 || p.SRx != 4 || p.RRx != 5 || s.done != 4 || s.started != 4 || s.told != [2]uint64{4, 5} || s.out[wire.R].cursor != 8 {
		t.Errorf("positions %+v, done %d, started %d, told %v, cursor %d", p, s.done, s.started, s.told, s.out[wire.R].cursor)
	}
	s.Up()
	s.Output(nil, 1<<20, 0)
	if s.HasOutput() || s.AckTimer() {
		t.Error("there is something to be acknowledged")
	}
	for _, resumed := range []bool{true, false} {
		s = restored(t)
		err := s.Adopt(at(1, 1, 1, 0), resumed)
		if _, ok := errors.AsType[*ProtocolError](err); !ok || !strings.Contains(err.Error(), "number 2 of sequence 0 was acknowledged") {
			t.Errorf("the other side lacks what it acknowledged: %v", err)
		}
		s = restored(t)
		err = s.Adopt(at(1, 1, 4+mostHoles, 0), resumed)
		if _, ok := errors.AsType[*ProtocolError](err); !ok || !strings.Contains(err.Error(), "of which only 4 are known here") {
			t.Errorf("the other side has received far too much: %v", err)
		}
		if diff := cmp.Diff(viewOf(restored(t)), viewOf(s)); diff != "" {
			t.Errorf("a refused handshake changed something:\n%s", diff)
		}
	}
}

// Suspects are written one at a time, each with the question whether it is done.
func TestSuspectsAreWrittenAlone(t *testing.T) {
	for _, tt := range []struct {
		name       string
		deliveries int
		suspects   Suspects
		want       []string // what is written each time that all is acknowledged
	}{
		{"none", 5, Suspects{}, []string{"8 8 8 8 6"}},
		{"two of four", 5, Suspects{Head: 1, To: 2, Count: 3}, []string{"8 7 6", "8 7 6", "8 8 6"}},
		{"nobody counts", 0, Suspects{Head: 1, To: 2, Count: 3}, []string{"8 8 8 8 7 6"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := wide
			cfg.Durable, cfg.Deliveries = true, tt.deliveries
			s, peer := New(cfg), New(wide)
			if err := s.Restore(Kept{Progress: Progress{SentTo: 4, OldTo: 4, Suspects: tt.suspects}, Messages: storedAt(1, 2, 3, 4)}); err != nil {
				t.Fatal(err)
			}
			connect(t, s, peer, false)
			output(t, peer)
			for _, want := range tt.want {
				frames := output(t, s)
				var got []string
				for _, k := range kinds(frames) {
					got = append(got, string(rune('0'+k)))
				}
				if line := strings.Join(got, " "); line != want && line+" 6" != want {
					t.Fatalf("kinds %q are written, want %q", line, want)
				}
				deliver(t, peer, frames...)
				handled(peer)
				peer.AckTimer()
				carry(t, peer, s)
			}
			if s.Unacked() != 0 {
				t.Errorf("%d are left", s.Unacked())
			}
		})
	}
}

// What the keeper refused never was accepted. What it was not asked for, and what
// came later, stays.
func TestKeeperRefuses(t *testing.T) {
	cfg := wide
	cfg.Durable = true
	s := New(cfg)
	var marks []uint64
	for range 2 {
		m := event("c")
		if err := s.Emit(m); err != nil {
			t.Fatal(err)
		}
		marks = append(marks, m.Mark)
		call(t, s, "call")
	}
	late := event("late")
	if err := s.Emit(late); err != nil {
		t.Fatal(err)
	}
	s.Actions(nil)
	s.Stored(marks[0], false)
	if acts := s.Actions(nil); len(acts) != 0 {
		t.Errorf("something is to be done about what was stored: %+v", acts)
	}
	s.Stored(marks[1], true)
	var holes []bool
	for _, v := range viewOf(s) {
		holes = append(holes, v.Hole)
	}
	if diff := cmp.Diff([]bool{false, false, true, false, false}, holes); diff != "" {
		t.Errorf("given up (-want +got):\n%s", diff)
	}
	room := false
	for _, a := range s.Actions(nil) {
		room = room || a.Kind == ActionRoom
	}
	if !room {
		t.Error("nobody is told that there is room")
	}
	if s.stored != marks[1] || !s.held(s.out[wire.S].queue.at(4)) {
		t.Errorf("stored is up to %d", s.stored)
	}
}

func TestProgressEdges(t *testing.T) {
	cfg := wide
	cfg.Durable = true
	s, peer := newPair(t, cfg, wide)
	for range 3 {
		m := event("c")
		if err := s.Emit(m); err != nil {
			t.Fatal(err)
		}
		s.Stored(m.Mark, false)
	}
	check := func(when string, want Progress) {
		t.Helper()
		if diff := cmp.Diff(want, s.Progress()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("before anything is written", Progress{})
	carry(t, s, peer)
	check("written", Progress{SentTo: 3, NowTo: 3})
	peer.Done(peer.Next())
	peer.AckTimer()
	carry(t, peer, s)
	check("the first is done", Progress{Acked: 1, SentTo: 3, NowTo: 3})
	// The second is begun, the third never was.
	if err := s.Closed(1, 2); err != nil {
		t.Fatal(err)
	}
	p := s.Progress()
	if p.SentTo != 2 || !p.Farewell || p.Suspects != (Suspects{}) {
		t.Errorf("after the farewell: %+v", p)
	}
	// The connection is lost before anything of what is left arrives.
	s, peer = newPair(t, cfg, wide)
	m := event("c")
	if err := s.Emit(m); err != nil {
		t.Fatal(err)
	}
	s.Stored(m.Mark, false)
	output(t, s)
	s.Down()
	peer.Down()
	connect(t, s, peer, true)
	check("lost on its way", Progress{})
	// In a new incarnation it may have been handled in the one before.
	output(t, s)
	connect(t, s, New(wide), false)
	p = s.Progress()
	if p.SentTo != 1 || p.OldTo != 1 {
		t.Errorf("in a new incarnation: %+v", p)
	}
}

func TestSortStored(t *testing.T) {
	in := []Stored{{3, *event("c")}, {1, *event("a")}, {3, *event("later")}, {2, *event("b")}}
	var got []string
	for _, m := range SortStored(in) {
		got = append(got, m.Message.Command)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Error(diff)
	}
}

// Calls are not suspected, nor is anything where nobody counts.
func TestWhoIsSuspected(t *testing.T) {
	for _, tt := range []struct {
		deliveries int
		want       []int
	}{{0, []int{0, 0, 0}}, {5, []int{1, 0, 1}}} {
		cfg := wide
		cfg.Deliveries = tt.deliveries
		s, peer := newPair(t, cfg, wide)
		emit(t, s, "e")
		callAgain(t, s, "call", false)
		if err := s.Emit(&Message{Kind: wire.KindBroadcast, Command: "b", Payload: []byte{0xf6}}); err != nil {
			t.Fatal(err)
		}
		carry(t, s, peer)
		connect(t, s, New(wide), false)
		var got []int
		for _, v := range viewOf(s) {
			got = append(got, v.Deliveries)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("with a limit of %d deliveries (-want +got):\n%s", tt.deliveries, diff)
		}
	}
}
