package session

import (
	"bytes"
	"slices"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A message that kills the server each time it is handled is given up after as
// many deliveries as the configuration says. Those before and behind it are
// handled, and not given up though they were on their way when the server died.
// It is the same whether the client lives on, or dies with the server and its
// successor goes on with what the keeper has.
func TestPoison(t *testing.T) {
	for _, next := range []bool{false, true} {
		const limit = 5
		name := map[bool]string{false: "the client lives", true: "the client dies too"}[next]
		t.Run(name, func(t *testing.T) {
			cfg := wide
			cfg.Durable, cfg.Deliveries = true, limit
			client := New(cfg)
			var kept Kept
			send := func(command string) {
				m := event(command)
				if err := client.Emit(m); err != nil {
					t.Fatal(err)
				}
				client.Stored(m.Mark, false)
				kept.Messages = append(kept.Messages, Stored{m.Number, *m})
			}
			for _, c := range []string{"a", "b", "poison", "c", "d"} {
				send(c)
			}
			handled := map[string]int{}
			var dead []Dead
			deaths := 0
			for round := 0; client.Unacked() > 0; round++ {
				if round > 2*limit {
					t.Fatalf("round %d: handled %v", round, handled)
				}
				server := New(wide)
				connect(t, client, server, false)
				alive := true
				for step := 0; alive && step < 100; step++ {
					carry(t, client, server)
					if in := server.Next(); in != nil {
						if in.Kind == wire.KindEvent {
							handled[in.Command]++
							alive = in.Command != "poison"
						}
						if alive {
							server.Done(in)
							server.AckTimer()
						}
					}
					if alive {
						carry(t, server, client)
					}
					for _, a := range client.Actions(nil) {
						if a.Kind == ActionDead {
							dead = append(dead, *a.Dead)
						}
					}
				}
				client.Down()
				if alive {
					continue
				}
				deaths++
				if next {
					kept.Progress = client.Progress()
					kept.SentTo, kept.NowTo = wire.MaxNumber, wire.MaxNumber // it died without a word
					for len(kept.Messages) > 0 && kept.Messages[0].Number <= kept.Acked {
						kept.Messages = kept.Messages[1:]
					}
					client = New(cfg)
					if err := client.Restore(kept); err != nil {
						t.Fatal(err)
					}
				}
			}
			if deaths != limit || handled["poison"] != limit {
				t.Errorf("the server died %d times, the message was delivered %d times, want %d", deaths, handled["poison"], limit)
			}
			if len(dead) != 1 || dead[0].Command != "poison" || dead[0].Deliveries != limit || dead[0].Number != 3 {
				t.Errorf("dead letters %+v", dead)
			}
			for _, c := range []string{"a", "b", "c", "d"} {
				if handled[c] == 0 {
					t.Errorf("%s was never handled", c)
				}
			}
		})
	}
}

// A server that ends in order while it handles a message was not killed by it.
func TestPoisonIsNotAnOrderlyEnd(t *testing.T) {
	cfg := wide
	cfg.Deliveries = 1
	client := New(cfg)
	emit(t, client, "a")
	for range 5 {
		server := New(wide)
		connect(t, client, server, false)
		carry(t, client, server)
		if server.Next() == nil {
			t.Fatal("nothing arrived")
		}
		if err := client.Closed(server.Farewell()); err != nil {
			t.Fatal(err)
		}
		client.Down()
	}
	for _, a := range client.Actions(nil) {
		if a.Kind == ActionDead {
			t.Fatalf("given up: %+v", a.Dead)
		}
	}
	if client.Unacked() != 1 {
		t.Error("the message is gone")
	}
}

// A server that gives a session up and lives on was not killed by what was on its
// way, however often it does so. One that is another process afterwards may have
// been. It is the same for the next process of the client, which knows from its
// keeper whom the former one met.
func TestPoisonIsNotASessionGivenUp(t *testing.T) {
	for _, next := range []bool{false, true} {
		name := map[bool]string{false: "the client lives", true: "the client dies too"}[next]
		t.Run(name, func(t *testing.T) { testSessionGivenUp(t, next) })
	}
}

func testSessionGivenUp(t *testing.T, next bool) {
	cfg := wide
	cfg.Durable, cfg.Deliveries = true, 1
	client := &Client{Core: New(cfg), FrameBytes: 1 << 20}
	a := event("a")
	if err := client.Core.Emit(a); err != nil {
		t.Fatal(err)
	}
	client.Core.Stored(a.Mark, false)
	welcome := func(epoch, incarnation byte) (dead int) {
		client.Hello()
		id := func(b byte) []byte { return bytes.Repeat([]byte{b}, 16) }
		if _, err := client.Adopt(&wire.Welcome{
			Epoch: id(epoch), Incarnation: id(incarnation), Cookie: id(1),
			SFirst: 1, RFirst: 1, Frames: 10, Bytes: 1 << 20, Calls: 10, FrameBytes: 1 << 20,
		}); err != nil {
			t.Fatal(err)
		}
		for _, a := range client.Core.Actions(nil) {
			if a.Kind == ActionDead {
				dead++
			}
		}
		client.Up()
		sent := slices.ContainsFunc(output(t, client.Core), func(f *wire.Frame) bool { return f.Kind == wire.KindEvent })
		if sent == (dead > 0) {
			t.Fatalf("incarnation %d: sent %v, %d dead letters", incarnation, sent, dead)
		}
		client.Core.Down()
		if next && dead == 0 {
			kept := Kept{Progress: client.Core.Progress(), Messages: []Stored{{a.Number, *a}}}
			kept.SentTo, kept.NowTo = wire.MaxNumber, wire.MaxNumber // it died without a word
			client = &Client{Core: New(cfg), FrameBytes: 1 << 20}
			if err := client.Core.Restore(kept); err != nil {
				t.Fatal(err)
			}
			client.Succeed(id(incarnation), id(epoch), wire.ID{incarnation})
		}
		return dead
	}
	for incarnation := range byte(5) {
		if n := welcome(1, incarnation+1); n > 0 {
			t.Fatalf("incarnation %d of a server that lives: %d dead letters", incarnation+1, n)
		}
	}
	if n := welcome(2, 6); n != 1 {
		t.Errorf("another server: %d dead letters, want 1", n)
	}
}
