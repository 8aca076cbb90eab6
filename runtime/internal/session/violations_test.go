package session

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

func TestViolations(t *testing.T) {
	e := func(n uint64) *wire.Frame { return &wire.Frame{Kind: wire.KindEvent, Number: n, Command: "c"} }
	for _, tt := range []struct {
		name   string
		frames []*wire.Frame
		want   string
	}{
		{"gap in s", []*wire.Frame{e(1), e(3)}, "number 3 of sequence 0 follows 1"},
		{"gap in r", []*wire.Frame{{Kind: wire.KindReply, Number: 2}}, "number 2 of sequence 1 follows 0"},
		{"gap by a skip", []*wire.Frame{{Kind: wire.KindSkip, From: 2, To: 3}}, "number 2 of sequence 0 follows 0"},
		{"more frames than the window", []*wire.Frame{e(1), e(2), e(3), e(4)}, "window of 3 frames"},
		{"more bytes than the window", []*wire.Frame{
			{Kind: wire.KindEvent, Number: 1, Command: "c", Payload: make([]byte, 101)}, e(2),
		}, "and 100 bytes"},
		{"ack of s that was not sent", []*wire.Frame{{Kind: wire.KindAck, Number: 1}}, "1 of sequence 0 is acknowledged, 0 were sent"},
		{"ack of r that was not sent", []*wire.Frame{{Kind: wire.KindAck, To: 1}}, "1 of sequence 1 is acknowledged, 0 were sent"},
		{"skip of broadcasts", []*wire.Frame{{Kind: wire.KindSkip, Sequence: wire.B, From: 1, To: 1}}, "skip of broadcasts"},
		{"another lane's kind", []*wire.Frame{{Kind: wire.KindQuery}}, "kind 17 on the private lane"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := wide
			cfg.WindowFrames, cfg.WindowBytes = 3, 100
			_, b := newPair(t, wide, cfg)
			var err error
			for i, f := range tt.frames {
				if err != nil {
					t.Fatalf("frame %d: %v", i-1, err)
				}
				err = b.Receive(f, 1, clone)
			}
			if e, ok := errors.AsType[*ProtocolError](err); !ok || !strings.Contains(e.Error(), tt.want) {
				t.Errorf("got error %v, want a *ProtocolError with %q", err, tt.want)
			}
		})
	}
}

func TestPositionsThatCannotBe(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Positions)
	}{
		{"s received that was not sent", func(p *Positions) { p.SRx = 2 }},
		{"r received that was not sent", func(p *Positions) { p.RRx = 1 }},
		{"s acknowledged that was not received", func(p *Positions) { p.SFirst = 3 }},
		{"r acknowledged that was not received", func(p *Positions) { p.RFirst = 2 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newPair(t, wide, wide)
			emit(t, a, "1")
			emit(t, b, "1")
			carry(t, a, b)
			carry(t, b, a)
			before := b.Positions()
			p := positions(a)
			tt.set(&p)
			if _, ok := errors.AsType[*ProtocolError](b.Adopt(p, true)); !ok {
				t.Error("they are adopted")
			}
			if diff := cmp.Diff(before, b.Positions()); diff != "" {
				t.Error("a refused handshake changed something:", diff)
			}
		})
	}
}

func TestFarewellThatCannotBe(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	emit(t, a, "1")
	output(t, a)
	for _, tt := range []struct{ done, started uint64 }{{2, 2}, {0, 2}, {1, 0}} {
		if _, ok := errors.AsType[*ProtocolError](a.Closed(tt.done, tt.started)); !ok {
			t.Errorf("done %d and started %d are taken, 1 was sent", tt.done, tt.started)
		}
	}
}
