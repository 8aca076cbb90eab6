package wire

import (
	"math"
	"testing"
)

// The flag is set, and nothing else changes, whatever the lengths before it.
func TestMarkRedelivered(t *testing.T) {
	for _, number := range []uint64{1, 23, 24, 255, 256, math.MaxUint16, math.MaxUint16 + 1, math.MaxUint32, math.MaxUint32 + 1, MaxNumber} {
		for _, size := range []int{1, 10, 200, 70_000} {
			f := Frame{Kind: KindBroadcast, Number: number, Command: "news", Payload: append(appendHead(nil, majorBytes, uint64(size)), make([]byte, size)...)}
			got := Append(nil, &f)
			MarkRedelivered(got)
			f.Flags = Redelivered
			if want := Append(nil, &f); string(got) != string(want) {
				t.Errorf("number %d, %d bytes: %x", number, size, got[:min(len(got), 32)])
			}
		}
	}
}
