//go:build !(linux || darwin || freebsd)

package sock

import "net"

// A Writer writes to a connection what it takes at once. There is none on this
// system.
type Writer struct{}

// NewWriter reports that this system has no Writer.
func NewWriter(net.Conn) (w *Writer, ok bool) { return nil, false }

// TryWrite writes nothing.
func (w *Writer) TryWrite(b []byte) (n int, err error) { return 0, nil }
