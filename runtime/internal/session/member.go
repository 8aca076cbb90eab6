package session

import (
	"bytes"
	"crypto/subtle"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A Guard guards one session for the owner of a [Member]. It is taken after the
// lock of a [Domain] and before that of its log.
type Guard interface {
	Lock()
	Unlock() // of whoever changed nothing
	Commit() // carries out what the session asks for and unlocks
}

// A Member is what a server knows of the session of one client: who it is, how
// far its connection has come, and until when it is kept.
type Member struct {
	Token  wire.ID // the client's secret
	ID     wire.ID // what others know it by
	Name   string
	Sender *wire.Peer // how its messages are stamped
	Core   *Session   // guarded by Guard
	Guard  Guard      // set by DomainConfig.Open
	Owner  any        // the same

	domain  *Domain
	order   uint64 // counts the members made
	claimed uint64 // the attempt that claimed it last; guarded by domain.mu

	// Guarded by Guard:
	attempt     uint64 // of the connection it has, or had last
	incarnation wire.ID
	instance    wire.ID // of the client's process; zero if it did not tell
	cookie      wire.ID // what the private lane must show; zero if none is awaited
	lanes       int     // 0, 1: the domain lane, 2: both
	bound       int64   // when the domain lane was welcomed
	since       int64   // when it connected, or lost its connection
	met         bool    // it had both lanes once
	gone        bool    // it was given up

	cursor *Cursor // where it stands in the log; guarded by domain.logMu
}

func (m *Member) uid() uint32 { return m.Sender.UID }

// Connected reports whether both lanes are there. The Guard is held.
func (m *Member) Connected() bool { return m.lanes == 2 }

// Since returns when the client connected, or lost its connection. The Guard is
// held.
func (m *Member) Since() int64 { return m.since }

// Welcome takes the hello of a domain lane that has claimed the session and
// returns the answer, but for what it says of schemas. The caller ends what is
// left of the former connection. It fails with [ErrStale] if another hello was
// first; any other error is for the client. The Guard is held, and is to be
// released with Commit.
func (m *Member) Welcome(h *wire.Hello, now int64) (*wire.Welcome, error) {
	if m.gone || h.Attempt <= m.attempt {
		return nil, ErrStale
	}
	m.attempt = h.Attempt
	m.Lost(now)

	d := m.domain
	d.logMu.Lock()
	defer d.logMu.Unlock()
	resumed := m.incarnation != (wire.ID{}) && bytes.Equal(h.Incarnation, m.incarnation[:])
	p := Positions{
		SFirst: h.SFirst, RFirst: h.RFirst, SRx: h.SRx, RRx: h.RRx,
		Frames: h.Frames, Bytes: h.Bytes, Calls: h.Calls, FrameBytes: clampFrame(h.FrameBytes),
	}
	bPos := h.BRx
	if !resumed {
		p.SRx, p.RRx = 0, 0 // of an incarnation that is over
		bPos = d.log.Last()
	}
	if last := d.log.Last(); bPos > last {
		return nil, violation("broadcast %d was received, %d was the last", bPos, last)
	}
	var instance wire.ID
	copy(instance[:], h.Instance)
	next := resumed && instance != m.instance // another process goes on with the session
	switch {
	case !resumed:
		m.Core.Forget()
	case next:
		m.Core.PeerRestarted()
		m.cursor.PeerRestarted()
		bPos = m.cursor.Acked()
	}
	m.instance = instance
	if err := m.Core.Adopt(p, resumed); err != nil {
		return nil, err
	}
	if resumed {
		d.log.Rewind(m.cursor, bPos)
	} else {
		m.cursor.restart(bPos)
	}
	m.cursor.Limit = p.FrameBytes
	if !resumed {
		m.incarnation = d.cfg.Draw()
	}
	m.cookie = d.cfg.Draw()
	m.lanes, m.bound = 1, now
	m.Core.knocks = h.Knock
	own := m.Core.Positions()
	return &wire.Welcome{
		Version: wire.Version, Epoch: d.Epoch[:], Incarnation: bytes.Clone(m.incarnation[:]), Cookie: bytes.Clone(m.cookie[:]), Resumed: resumed,
		SFirst: own.SFirst, RFirst: own.RFirst, SRx: own.SRx, RRx: own.RRx, BPos: bPos, Frames: own.Frames, Bytes: own.Bytes,
		FrameBytes: uint64(d.cfg.FrameBytes), Calls: own.Calls, Knock: h.Knock,
	}, nil
}

// WelcomePrivate takes the hello of a private lane. It reports whether the lane
// is welcome; if so the session is connected. The Guard is held, and is to be
// released with Commit.
func (m *Member) WelcomePrivate(h *wire.Hello, now int64) bool {
	if m.gone || m.lanes != 1 || m.cookie == (wire.ID{}) || subtle.ConstantTimeCompare(h.Cookie, m.cookie[:]) != 1 {
		return false
	}
	m.lanes, m.met, m.since = 2, true, now
	m.cookie = wire.ID{}
	m.Core.Up()
	return true
}

// Lost says that the connection has ended. The Guard is held.
func (m *Member) Lost(now int64) {
	m.lanes, m.cookie, m.since = 0, wire.ID{}, now
	m.Core.Down()
}

// Output appends to b the frames of the domain lane that are next. The Guard
// is not needed; the lane must be the session's.
func (m *Member) Output(b []byte, limit int) []byte {
	m.domain.logMu.Lock()
	defer m.domain.logMu.Unlock()
	return m.domain.log.Output(m.cursor, b, limit)
}

// Ack takes the client's acknowledgement of broadcasts.
func (m *Member) Ack(n uint64) error {
	m.domain.logMu.Lock()
	defer m.domain.logMu.Unlock()
	return m.domain.log.Ack(m.cursor, n)
}

// Acked returns the last broadcast that the client acknowledged.
func (m *Member) Acked() uint64 {
	m.domain.logMu.Lock()
	defer m.domain.logMu.Unlock()
	return m.cursor.Acked()
}
