package ipcio

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// TestFlushLeavesWhatOthersSend shows that a caller which writes for itself gets
// away although others never stop having something to write.
func TestFlushLeavesWhatOthersSend(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	go io.Copy(io.Discard, b) // ends with b

	var owner sync.WaitGroup
	var stop atomic.Bool
	ln := newLane(a, wire.NewReader(a, 1<<20), &owner)
	ln.next = func(b []byte) []byte {
		if stop.Load() {
			return b
		}
		return append(b, "x"...)
	}
	ln.flush() // or the test never ends
	stop.Store(true)
	owner.Wait()
	ln.mu.Lock()
	writing := ln.writing
	ln.mu.Unlock()
	if writing {
		t.Error("the writer has ended and the lane does not know")
	}
	ln.end(errFarewell)
}
