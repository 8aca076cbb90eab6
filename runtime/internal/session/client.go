package session

import (
	"bytes"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A Client is what a client knows of its session beside the messages: who it
// is, and which incarnation it has met. Like [Session] it is not safe for
// concurrent use.
type Client struct {
	Core       *Session
	Broadcasts Broadcasts

	Token      wire.ID // the session's secret
	Name       string
	FrameBytes int    // the largest frame this side takes
	Attempt    uint64 // of the last Hello

	incarnation []byte // nil if none is known
	epoch       []byte // of the server that was met last, by this process or the one before; nil if it is not known
	instance    []byte // of this process, if the session may outlive it
	met         bool   // this process was welcomed
}

// Succeed makes this client the next process of one with the same session.
// incarnation and epoch are what that one knew, or nil.
func (c *Client) Succeed(incarnation, epoch []byte, instance wire.ID) {
	c.incarnation, c.epoch, c.instance = incarnation, epoch, instance[:]
}

// Hello begins an attempt to connect: it returns what to say on the domain
// lane.
func (c *Client) Hello() *wire.Hello {
	c.Attempt++
	p := c.Core.Positions()
	return &wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: c.Token[:], Attempt: c.Attempt, Name: c.Name,
		Incarnation: c.incarnation, Instance: c.instance,
		SFirst: p.SFirst, RFirst: p.RFirst, SRx: p.SRx, RRx: p.RRx, BRx: c.Broadcasts.Received(),
		Frames: p.Frames, Bytes: p.Bytes, FrameBytes: uint64(c.FrameBytes), Calls: p.Calls,
	}
}

// HelloPrivate returns what to say on the private lane once the domain lane is
// welcomed.
func (c *Client) HelloPrivate(w *wire.Welcome) *wire.Hello {
	return &wire.Hello{Version: wire.Version, Lane: wire.LanePrivate, Token: c.Token[:], Attempt: c.Attempt, Cookie: w.Cookie}
}

// Adopt takes the welcome of the domain lane. It reports whether an incarnation
// that this client knew is over. If it returns an error, nothing is changed and
// the connection is of no use.
func (c *Client) Adopt(w *wire.Welcome) (restarted bool, err error) {
	if len(w.Epoch) != 16 || len(w.Incarnation) != 16 || len(w.Cookie) != 16 || w.FrameBytes < LeastFrameBytes ||
		w.Frames == 0 || w.Bytes == 0 || w.Calls == 0 {
		return false, &wire.MalformedError{Kind: wire.KindWelcome, Reason: "a key is missing"}
	}
	if w.Resumed && c.incarnation == nil {
		return false, violation("an incarnation is resumed that this client does not know")
	}
	c.Core.spared = bytes.Equal(w.Epoch, c.epoch)
	if err := c.Core.Adopt(Positions{
		SFirst: w.SFirst, RFirst: w.RFirst, SRx: w.SRx, RRx: w.RRx,
		Frames: w.Frames, Bytes: w.Bytes, Calls: w.Calls, FrameBytes: clampFrame(w.FrameBytes),
	}, w.Resumed); err != nil {
		return false, err
	}
	met := c.met
	c.met, c.epoch = true, bytes.Clone(w.Epoch)
	if !w.Resumed || !met {
		c.Broadcasts.Restart(w.BPos)
	}
	if w.Resumed {
		return false, nil
	}
	restarted = c.incarnation != nil
	c.incarnation = append([]byte(nil), w.Incarnation...)
	return restarted, nil
}

// Up begins a connection: both lanes are welcomed.
func (c *Client) Up() {
	c.Broadcasts.Up()
	c.Core.Up()
}

// LeastFrameBytes is the smallest limit of a frame that a side may give.
const LeastFrameBytes = 4 << 10

func clampFrame(limit uint64) int { return int(min(limit, 1<<31-1)) }
