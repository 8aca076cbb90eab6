package ipcio_test

import (
	"context"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// The benchmarks run both sides in one process; what separate processes cost
// is another matter.

func BenchmarkCall(b *testing.B) {
	d := newDomain(b)
	d.serve(func(s *ipcio.Server) {
		handle(b, s, "echo", func(_ context.Context, m *ipcio.Message) (any, error) { return ipcio.Any(m.Raw()), nil })
	})
	c := d.join("caller")
	for _, size := range []int{16, 64 << 10} {
		payload := make([]byte, size)
		b.Run(byteCount(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Call(context.Background(), "echo", payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEmit(b *testing.B) {
	d := newDomain(b)
	d.serve(func(s *ipcio.Server) {
		handle(b, s, "event", func(context.Context, *ipcio.Message) (any, error) { return nil, nil })
	})
	c := d.client(ipcio.ClientConfig{Name: "sender", Queue: ipcio.QueueConfig{WhenFull: ipcio.Block}})
	if err := c.Connect(d.ctx()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Emit(context.Background(), "event", 7); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Flush(d.ctx()); err != nil {
		b.Fatal(err)
	}
}

func byteCount(n int) string {
	if n >= 1<<10 {
		return "64KiB"
	}
	return "16B"
}
