package ipcio_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// Large messages share pooled buffers. Every byte of every one arrives as it was
// sent, in both directions, beside small ones, whatever buffers the others have
// just given back.
func TestLargeMessagesShareBuffers(t *testing.T) {
	var sizes []int
	for _, border := range []int{4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10} {
		sizes = append(sizes, border-300, border-21, border-1, border, border+1, border+2047, border+2048, border+2049, border+4097)
	}
	sizes = append(sizes, 256<<10, 256<<10+2048, 512<<10+2049, 1<<20, 1<<20+2048, 2<<20)
	const small = 64
	random := func(r *rand.ChaCha8, size int) []byte {
		b := make([]byte, size)
		r.Read(b) // never fails
		return b
	}

	d := newDomain(t)
	server := d.serve(func(s *ipcio.Server) {
		handle(t, s, "echo", func(_ context.Context, m *ipcio.Message) (any, error) { return ipcio.Any(m.Raw()), nil })
	})
	echo := func(_ context.Context, m *ipcio.Message) (any, error) {
		var b []byte
		if err := m.Decode(&b); err != nil {
			return nil, err
		}
		return b, nil
	}
	var clients []*ipcio.Client
	for i := range 2 {
		c := d.client(ipcio.ClientConfig{Name: fmt.Sprintf("client%d", i)})
		handle(t, c, "back", echo)
		ok(t, c.Connect(d.ctx()))
		clients = append(clients, c)
	}

	var all sync.WaitGroup
	exchange := func(name string, seed byte, sizes []int, call func(b []byte) (*ipcio.Message, error)) {
		all.Go(func() {
			r := rand.NewChaCha8([32]byte{seed})
			rand.New(r).Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
			type kept struct {
				message *ipcio.Message
				sum     uint32
			}
			var replies []kept // a reply is its caller's: what comes later leaves it alone
			for _, size := range sizes {
				sent := random(r, size)
				m, err := call(sent)
				if err != nil {
					t.Errorf("%s, %d bytes, seed %d: %v", name, size, seed, err)
					return
				}
				var got []byte
				if err := m.Decode(&got); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%s, %d bytes, seed %d: what came back is not what was sent: %v", name, size, seed, err)
					return
				}
				replies = append(replies[max(0, len(replies)-3):], kept{m, crc32.ChecksumIEEE(m.Raw())})
				for _, k := range replies {
					if crc32.ChecksumIEEE(k.message.Raw()) != k.sum {
						t.Errorf("%s, seed %d: a reply of %d bytes has changed after it was returned", name, seed, len(k.message.Raw()))
						return
					}
				}
			}
		})
	}
	few := make([]int, 500)
	for i := range few {
		few[i] = 1 + i%small
	}
	for i, c := range clients {
		name := fmt.Sprintf("client%d", i)
		up := func(b []byte) (*ipcio.Message, error) { return c.Call(d.ctx(), "echo", b) }
		down := func(b []byte) (*ipcio.Message, error) { return server.Call(d.ctx(), name, "back", b) }
		seed := byte(4 * i)
		exchange("up", seed, append([]int(nil), sizes...), up)
		exchange("down", seed+1, append([]int(nil), sizes...), down)
		exchange("small up", seed+2, append([]int(nil), few...), up)
		exchange("small down", seed+3, append([]int(nil), few...), down)
	}
	all.Wait()
}
