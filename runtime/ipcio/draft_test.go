package ipcio

import (
	"bytes"
	"context"
	"testing"
)

// What is sent is copied as often as it is accepted, never more: events of a
// burst share memory without sharing bytes, and one that is alone pins nothing.
func TestPayloadsAreKept(t *testing.T) {
	var p payloads
	lone := p.keep([]byte("lone"), true)
	if cap(lone) > 8 || p.size != 0 {
		t.Errorf("a payload of 4 bytes that is alone pins %d", cap(lone)+p.size)
	}
	var kept, want [][]byte
	for i := range 2000 {
		b := bytes.Repeat([]byte{byte(i)}, i%300)
		kept, want = append(kept, p.keep(b, false)), append(want, bytes.Clone(b))
		clear(b) // the draft is used again
	}
	for i := range kept {
		_ = append(kept[i], 0xff) // must not reach the next one
	}
	for i := range kept {
		if !bytes.Equal(kept[i], want[i]) {
			t.Fatalf("payload %d has changed", i)
		}
	}
	if p.size != mostRoom {
		t.Errorf("a burst shares %d bytes, want %d", p.size, mostRoom)
	}
	room := len(p.room)
	if large := p.keep(make([]byte, ownRoom+1), false); len(large) != ownRoom+1 || len(p.room) != room {
		t.Error("a large payload has no memory of its own")
	}
}

// An event that waits for its turn is one object: its entry in the queue. The
// rest is shared by many.
func TestEmitAllocates(t *testing.T) {
	c, err := NewClient(ClientConfig{Dir: t.TempDir(), OnGap: func(Gap) {}, Queue: QueueConfig{Frames: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	enc := encodeFunc(func(b []byte) ([]byte, error) { return append(b, cborNull), nil })
	n := testing.AllocsPerRun(5000, func() {
		if err := EmitTyped(context.Background(), c, "", "event", enc); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("an event is %v objects, want 1", n)
	}
	c.link.mu.Lock()
	held := c.link.payloads.size
	c.link.mu.Unlock()
	if held == 0 {
		t.Error("a burst does not share memory")
	}
}
