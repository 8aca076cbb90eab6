package session

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// refuseAndLose has the next message of s refused, and what s writes but for its
// acknowledgement arrive at to: as if the connection were lost between the two.
func refuseAndLose(t *testing.T, s, to *Session) {
	t.Helper()
	in := s.Next()
	s.Nack(in, "invalid", "because", nil)
	s.Done(in)
	for _, f := range output(t, s) {
		if f.Kind != wire.KindAck {
			deliver(t, to, f)
		}
	}
	s.Down()
	to.Down()
}

// A refusal is the end of an event also if the connection is lost before it is
// acknowledged: it is reported once, whatever becomes of the session.
func TestRefusedIsReportedOnce(t *testing.T) {
	refused := func(t *testing.T, origin Origin) (a, b *Session) {
		a, b = newPair(t, wide, wide)
		m := event("1")
		m.Origin = origin
		if err := a.Emit(m); err != nil {
			t.Fatal(err)
		}
		emit(t, a, "2")
		carry(t, a, b)
		a.Actions(nil)
		refuseAndLose(t, b, a)
		room := false
		got := []Gap{}
		for _, act := range a.Actions(nil) {
			room = room || act.Kind == ActionRoom
			if act.Kind == ActionGap {
				got = append(got, *act.Gap)
			}
		}
		want := []Gap{{From: 1, To: 1, Count: 1, Command: "1", Code: "invalid", Message: "because", Data: []byte{0xf6}, Nack: true, Origin: origin}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reported (-want +got):\n%s", diff)
		}
		if !room || a.Unacked() != 1 {
			t.Errorf("%d wait for their acknowledgement, room was made: %v", a.Unacked(), room)
		}
		return a, b
	}
	for name, origin := range map[string]Origin{"own": {}, "of another session": {Session: wire.ID{7}, Number: 3}} {
		t.Run(name+", given up", func(t *testing.T) {
			a, _ := refused(t, origin)
			a.End("peer_gone", "gone")
			if diff := cmp.Diff([]string{"1 2 peer_gone"}, gaps(a)); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
		t.Run(name+", resumed", func(t *testing.T) {
			a, b := refused(t, origin)
			connect(t, a, b, true)
			carry(t, b, a)
			carry(t, a, b)
			if diff := cmp.Diff([]string{"2"}, handled(b)); diff != "" {
				t.Errorf("handled (-want +got):\n%s", diff)
			}
		})
		t.Run(name+", new incarnation", func(t *testing.T) {
			a, _ := refused(t, origin)
			b := New(wide)
			connect(t, a, b, false)
			carry(t, a, b)
			if diff := cmp.Diff([]string{"0 ", "2*"}, handled(b)); diff != "" {
				t.Errorf("handled (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{}, gaps(a)); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
	}
}

// The keeper of a durable session does not give the next process what was
// refused.
func TestRefusedIsNotKept(t *testing.T) {
	cfg := wide
	cfg.Durable = true
	a, b := newPair(t, cfg, wide)
	m := event("1")
	if err := a.Emit(m); err != nil {
		t.Fatal(err)
	}
	a.Stored(m.Mark, false)
	carry(t, a, b)
	a.Actions(nil)
	refuseAndLose(t, b, a)
	var forgotten []uint64
	for _, act := range a.Actions(nil) {
		if act.Kind == ActionForget {
			forgotten = append(forgotten, act.From)
		}
	}
	if diff := cmp.Diff([]uint64{m.Number}, forgotten); diff != "" {
		t.Errorf("the keeper is to forget (-want +got):\n%s", diff)
	}
}

// What a refusal names that is not, or no longer, an event on its way changes
// nothing: a call has its own outcome, and an event is refused once.
func TestRefusalOfSomethingElse(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	emit(t, a, "1")
	c := call(t, a, "call")
	output(t, a)
	nack := func(n, from, to uint64) {
		t.Helper()
		deliver(t, a, &wire.Frame{Kind: wire.KindNack, Number: n, From: from, To: to, Command: "1", Code: "invalid", Payload: []byte{0xf6}})
	}
	a.Actions(nil)
	nack(1, 1, 1)
	nack(2, 1, 1)
	if diff := cmp.Diff([]string{"1 1 invalid"}, gaps(a)); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	nack(3, 1, 2)
	if c.State != CallSent || a.Unacked() != 1 {
		t.Errorf("the call is in state %d, %d wait for their acknowledgement", c.State, a.Unacked())
	}
	deliver(t, a, &wire.Frame{Kind: wire.KindReply, Number: 4, Ref: c.Ref, Payload: []byte{1}})
	wantCall(t, c, Result{OK: true, Payload: []byte{1}, Remote: true})
}

// A side that answers or refuses and never acknowledges does not make the other
// one keep more and more numbers, whatever window it grants.
func TestNumbersOnTheWayAreBounded(t *testing.T) {
	a, b := newPair(t, wide, wide)
	deliver(t, a, &wire.Frame{Kind: wire.KindAck, Frames: wire.MaxNumber, Bytes: wire.MaxNumber})
	if a.peerRx.frames != mostOnTheWay {
		t.Errorf("the window of an acknowledgement is %d frames", a.peerRx.frames)
	}
	p := positions(a)
	p.Frames = wire.MaxNumber
	if err := b.Adopt(p, true); err != nil || b.peerRx.frames != mostOnTheWay {
		t.Errorf("the window of a handshake is %d frames, %v", b.peerRx.frames, err)
	}
}
