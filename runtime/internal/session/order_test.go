package session

import (
	"slices"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// However much waits in R, a nack is written before the acknowledgement of the
// number that it refuses: the other side looks up there whom it concerns.
func TestNackLeavesBeforeItsAck(t *testing.T) {
	s := New(Config{QueueFrames: 1000, QueueBytes: 1 << 20, WindowFrames: 100, WindowBytes: 1 << 20, Calls: 10})
	if err := s.Adopt(Positions{Frames: 100, Bytes: 1 << 20, Calls: 10, FrameBytes: 1 << 20}, false); err != nil {
		t.Fatal(err)
	}
	s.Up()
	s.Output(nil, 1<<16, 0) // the acknowledgement that begins a connection
	const events = 20
	for n := uint64(1); n <= events; n++ {
		f := &wire.Frame{Kind: wire.KindEvent, Number: n, Command: "c", Payload: []byte{0xf6}}
		if err := s.Receive(f, 0, slices.Clone[[]byte]); err != nil {
			t.Fatal(err)
		}
		in := s.Next()
		// Another reason each time, so that there are as many frames.
		s.Nack(in, "invalid", string(rune('a'+n)), nil)
		s.Done(in)
	}
	s.RequestAck()
	s.AckTimer()

	var p wire.Parser
	var refused uint64
	for range 10 * events {
		if !s.HasOutput() {
			break
		}
		b := s.Output(nil, 40, 0) // about one nack each time
		for len(b) > 0 {
			content, used, err := wire.Split(b, 1<<20)
			if err != nil || used == 0 {
				t.Fatalf("%d bytes of a frame: %v", len(b), err)
			}
			b = b[used:]
			var f wire.Frame
			if err := p.Parse(content, &f); err != nil {
				t.Fatal(err)
			}
			switch f.Kind {
			case wire.KindNack:
				refused = f.To
			case wire.KindAck:
				if f.Number > refused {
					t.Fatalf("%d is acknowledged, %d is the last that was refused", f.Number, refused)
				}
			}
		}
	}
	if refused != events || s.HasOutput() {
		t.Fatalf("%d of %d are refused, more to write: %v", refused, events, s.HasOutput())
	}
}
