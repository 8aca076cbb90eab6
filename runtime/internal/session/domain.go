package session

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// ErrStale is the end of a connection whose hello was overtaken by another one,
// or came when the server had begun to end. It is not answered.
var ErrStale = errors.New("session: a later hello of the same session was first")

// A Refusal is the answer to a hello that is not welcome.
type Refusal struct{ Code, Message string }

func (e *Refusal) Error() string { return "session: " + e.Code + ": " + e.Message }

// DomainConfig holds the bounds of a [Domain]. All numbers must be positive;
// times are in the caller's nanoseconds.
type DomainConfig struct {
	Session       Config // of a new session
	FrameBytes    int    // the largest frame the server takes
	Clients       int    // sessions
	ClientsPerUID int    // sessions of one user that is not UID
	UID           uint32 // the server's own user
	Grace         int64  // how long a session may be without its private lane, or is kept that never had one
	Keep          int64  // how long a session whose connection is lost is kept
	Tombstones    int    // sessions given up that are remembered
	RingBytes     int    // broadcasts kept
	RingAge       int64  // and how long

	Draw      func() wire.ID // returns a random identifier
	Open      func(*Member)  // sets Guard and Owner of a new Member; called with the Domain locked
	Published func()         // called when there is a broadcast to be written to all
}

// A Domain is what a server knows of its clients: which sessions there are, who
// has which name, what was broadcast, and how far the sessions that were given
// up had come. It decides and keeps; connections and handlers are its owner's.
// Unlike a [Session] it may be used concurrently.
type Domain struct {
	cfg   DomainConfig
	Epoch wire.ID

	mu     sync.Mutex // guards the fields below; a Guard may be taken under it
	sealed bool
	made   uint64
	tokens map[wire.ID]*Member // all sessions, by their secret
	ids    map[wire.ID]*Member // the same, by their public identifier
	names  map[string]*Member  // who has a name at the moment
	perUID map[uint32]int      // sessions
	sorted []*Member           // all, in the order in which they came; nil when that has changed
	tombs  tombstones

	logMu sync.Mutex // guards log and the cursors; taken last
	log   *Log
}

// NewDomain returns a Domain without members.
func NewDomain(cfg DomainConfig) *Domain {
	return &Domain{
		cfg: cfg, Epoch: cfg.Draw(),
		tokens: make(map[wire.ID]*Member), ids: make(map[wire.ID]*Member), names: make(map[string]*Member),
		perUID: make(map[uint32]int), tombs: tombstones{most: cfg.Tombstones, at: make(map[wire.ID]*tombstone)},
		log: NewLog(cfg.RingBytes, cfg.RingAge),
	}
}

// Holder returns the member that has to show that it lives before a hello of
// another session of the same user may take its name, or nil.
func (d *Domain) Holder(h *wire.Hello, uid uint32) *Member {
	d.mu.Lock()
	defer d.mu.Unlock()
	holder := d.names[h.Name]
	if holder == nil || holder.Token == wire.ID(h.Token) || holder.uid() != uid || d.staleLocked(h) {
		return nil
	}
	return holder
}

// staleLocked reports whether a hello of the same session with this attempt, or
// a later one, was seen.
func (d *Domain) staleLocked(h *wire.Hello) bool {
	token := wire.ID(h.Token)
	if m := d.tokens[token]; m != nil {
		return h.Attempt <= m.claimed
	}
	t := d.tombs.at[token]
	return t != nil && h.Attempt <= t.attempt
}

// Claim returns the session of a hello, a new one if there is none. from is
// what the kernel says of the client. rival is a session that was given up
// because the name is the new one's now: the caller ends it. The error is
// [ErrStale] or a *[Refusal].
func (d *Domain) Claim(h *wire.Hello, from wire.Peer, now int64) (m, rival *Member, err error) {
	token := wire.ID(h.Token)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sealed {
		return nil, nil, ErrStale
	}
	m = d.tokens[token]
	t := d.tombs.at[token]
	switch {
	case m != nil && (m.uid() != from.UID || m.Name != h.Name), t != nil && t.uid != from.UID:
		return nil, nil, &Refusal{"denied", "access denied"}
	case d.staleLocked(h):
		return nil, nil, ErrStale
	}
	if holder := d.names[h.Name]; holder != nil && holder != m {
		holder.Guard.Lock()
		up := holder.lanes > 0
		holder.Guard.Unlock()
		if up || holder.uid() != from.UID {
			return nil, nil, &Refusal{"name_taken", fmt.Sprintf("the name %q is taken", h.Name)}
		}
		rival = holder
	}
	if m == nil {
		switch {
		case rival == nil && len(d.tokens) >= d.cfg.Clients:
			return nil, nil, &Refusal{"unavailable", fmt.Sprintf("the domain has %d clients, its limit", d.cfg.Clients)}
		case rival == nil && from.UID != d.cfg.UID && d.perUID[from.UID] >= d.cfg.ClientsPerUID:
			return nil, nil, &Refusal{"unavailable", fmt.Sprintf("uid %d has %d clients, the limit of one user", from.UID, d.cfg.ClientsPerUID)}
		}
	}
	if rival != nil {
		d.removeLocked(rival)
	}
	if m == nil {
		m = d.openLocked(token, h.Name, from, now)
	}
	m.claimed = h.Attempt
	d.names[h.Name] = m
	return m, rival, nil
}

// openLocked makes a member. If its session was given up before, it goes on
// where that one was: what was begun is not begun again.
func (d *Domain) openLocked(token wire.ID, name string, from wire.Peer, now int64) *Member {
	d.made++
	m := &Member{
		Token: token, ID: d.cfg.Draw(), Name: name, Core: New(d.cfg.Session),
		domain: d, order: d.made, since: now,
	}
	m.Sender = &wire.Peer{Name: name, ID: m.ID, UID: from.UID, GID: from.GID, PID: from.PID}
	if t := d.tombs.take(token); t != nil {
		m.attempt = t.attempt
		m.Core.Succeed(t.done, t.started)
	}
	d.logMu.Lock()
	m.cursor = d.log.NewCursor(m.ID, d.log.Last())
	d.logMu.Unlock()
	d.cfg.Open(m)
	d.tokens[token], d.ids[m.ID], d.sorted = m, m, nil
	d.perUID[from.UID]++
	return m
}

// Remove gives a member up: its name is free, and nothing more of it is begun.
// It reports false if it was given up before. The caller ends the session.
func (d *Domain) Remove(m *Member) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.removeLocked(m)
}

func (d *Domain) removeLocked(m *Member) bool {
	if d.tokens[m.Token] != m {
		return false
	}
	delete(d.tokens, m.Token)
	delete(d.ids, m.ID)
	d.sorted = nil
	if d.perUID[m.uid()]--; d.perUID[m.uid()] <= 0 {
		delete(d.perUID, m.uid())
	}
	if d.names[m.Name] == m {
		delete(d.names, m.Name)
	}
	m.Guard.Lock()
	m.gone = true
	m.Core.Drain()
	done, started := m.Core.Farewell()
	m.Guard.Unlock()
	d.tombs.put(m.Token, &tombstone{uid: m.uid(), attempt: m.claimed, done: done, started: started})
	return true
}

// Finished says that the handler which ran when the session of m was given up
// has returned. Its successor, if there is one already, goes on.
func (d *Domain) Finished(m *Member) {
	d.mu.Lock()
	successor := d.tokens[m.Token]
	if t := d.tombs.at[m.Token]; t != nil {
		t.done = t.started
	}
	d.mu.Unlock()
	if successor != nil {
		successor.Guard.Lock()
		successor.Core.Release()
		successor.Guard.Commit()
	}
}

// Watch is called about every second for every member. It reports whether the
// member is expired, and was removed: the caller ends it; or whether its
// client is late with the private lane: the caller ends its connection.
func (d *Domain) Watch(m *Member, now int64) (expired, late bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m.Guard.Lock()
	keep := d.cfg.Keep
	if !m.met {
		keep = min(keep, d.cfg.Grace) // it has promised nothing to anyone
	}
	expired = m.lanes == 0 && now-m.since > keep
	late = m.lanes == 1 && now-m.bound > d.cfg.Grace
	m.Guard.Unlock()
	return expired && !d.sealed && d.removeLocked(m), late
}

// Seal ends the making of sessions and returns all members, in the order in
// which they came.
func (d *Domain) Seal() []*Member {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sealed = true
	return d.membersLocked()
}

// Members returns all members, in the order in which they came. The slice must
// not be changed.
func (d *Domain) Members() []*Member {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.membersLocked()
}

func (d *Domain) membersLocked() []*Member {
	if d.sorted == nil && len(d.tokens) > 0 {
		d.sorted = make([]*Member, 0, len(d.tokens))
		for _, m := range d.tokens {
			d.sorted = append(d.sorted, m)
		}
		slices.SortFunc(d.sorted, func(a, b *Member) int { return cmp.Compare(a.order, b.order) })
	}
	return d.sorted
}

// ByToken returns the member with this secret if it is that user's, or nil.
func (d *Domain) ByToken(token wire.ID, uid uint32) *Member {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.tokens[token]; m != nil && m.uid() == uid {
		return m
	}
	return nil
}

// ByName returns who has a name at the moment, or nil.
func (d *Domain) ByName(name string) *Member {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name]
}

func (d *Domain) byID(id wire.ID) *Member {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ids[id]
}

// A tombstone is what is left of a session that was given up: enough for a
// client that comes back after all not to be handled a second time.
type tombstone struct {
	uid           uint32
	attempt       uint64
	done, started uint64 // as of a farewell
}

// tombstones keeps the latest ones.
type tombstones struct {
	most   int
	at     map[wire.ID]*tombstone
	oldest ring[grave]
}

type grave struct {
	token wire.ID
	t     *tombstone
}

func (ts *tombstones) put(token wire.ID, t *tombstone) {
	ts.at[token] = t
	ts.oldest.push(grave{token, t})
	for ts.oldest.len() > ts.most {
		if g := ts.oldest.pop(); ts.at[g.token] == g.t {
			delete(ts.at, g.token)
		}
	}
}

// take returns and forgets the tombstone of a session, nil if there is none.
func (ts *tombstones) take(token wire.ID) *tombstone {
	t := ts.at[token]
	delete(ts.at, token)
	return t
}
