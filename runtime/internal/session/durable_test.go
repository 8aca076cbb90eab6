package session

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A message whose number was changed is dropped to make room before the keeper
// has changed it: the program is told of it, and the keeper, which does things in
// the order it was asked, is told to give it up under its new number. Nothing
// else is given up.
func TestDropAfterRenumber(t *testing.T) {
	cfg := wide
	cfg.Durable, cfg.WhenFull, cfg.QueueFrames = true, DropOldest, 2
	client, server := newPair(t, cfg, wide)
	first := event("first")
	if err := client.Emit(first); err != nil {
		t.Fatal(err)
	}
	client.Stored(first.Mark, false)
	call(t, client, "call") // takes the number 2, which nobody keeps
	carry(t, client, server)
	server.Down()

	client = New(cfg)
	if err := client.Restore(Kept{Progress: Progress{SentTo: wire.MaxNumber, NowTo: wire.MaxNumber}, Messages: []Stored{{first.Number, *first}}}); err != nil {
		t.Fatal(err)
	}
	second := event("second")
	if err := client.Emit(second); err != nil {
		t.Fatal(err)
	}
	client.Stored(second.Mark, false)
	server.PeerRestarted()
	meet(t, client, server, true)
	third := event("third")
	if err := client.Emit(third); err != nil {
		t.Fatal(err)
	}
	client.Stored(third.Mark, false)

	got := []Action{}
	for _, a := range client.Actions(nil) {
		if a.Kind == ActionRenumber || a.Kind == ActionForget || a.Kind == ActionGap {
			got = append(got, a)
		}
	}
	want := []Action{
		{Kind: ActionRenumber, From: second.Number, By: 1},
		{Kind: ActionGap, Gap: &Gap{Count: 1, Command: "second", Dropped: true}},
		{Kind: ActionForget, From: second.Number + 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the session asks (-want +got):\n%s", diff)
	}
	client.Up()
	server.Up()
	carry(t, client, server)
	if diff := cmp.Diff([]string{"first", "1 dropped", "third"}, handled(server)); diff != "" {
		t.Errorf("handled (-want +got):\n%s", diff)
	}
}
