package model

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A nameCode is package session beside the model of names: it has to decide the
// same of every HELLO.
type nameCode struct {
	pick, seen int  // the step that is taken, and how many there are
	live       bool // it is being taken

	domain   *session.Domain
	members  [mostClients]*session.Member
	attempts [mostClients][2]uint64 // of connections; in the model only their order is left
	attempt  [mostClients]uint64
	drawn    byte

	decided map[string]int
	log     []string
}

type nameGuard struct{ sync.Mutex }

func (g *nameGuard) Commit() { g.Unlock() }

func (k *nameCode) failf(format string, args ...any) {
	panic(departure(strings.Join(k.log, "\n") + "\n" + fmt.Sprintf(format, args...)))
}

func (k *nameCode) restart() {
	k.members = [mostClients]*session.Member{}
	k.domain = session.NewDomain(session.DomainConfig{
		Session:    session.Config{QueueFrames: 4, QueueBytes: 1 << 12, WindowFrames: 4, WindowBytes: 1 << 12, Calls: 4},
		FrameBytes: 1 << 16, Clients: 10, ClientsPerUID: 10, Grace: 1, Keep: 1, Tombstones: 10, RingBytes: 1 << 10, RingAge: 1,
		Draw:      func() wire.ID { k.drawn++; return wire.ID{k.drawn, 1} },
		Open:      func(m *session.Member) { m.Guard = new(nameGuard) },
		Published: func() {},
	})
}

func (k *nameCode) hello(i, j int8) *wire.Hello {
	token := wire.ID{byte(i) + 1}
	return &wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: token[:], Attempt: k.attempts[i][j], Name: "name",
		Frames: 1, Bytes: 1, Calls: 1, FrameBytes: 1 << 12, SFirst: 1, RFirst: 1,
	}
}

func (c *nameConfig) uid(i int8) uint32 {
	if i+1 == c.other {
		return 2
	}
	return 1
}

// member returns the member that a side of the model means, nil for nobody.
func (k *nameCode) member(i int8) *session.Member {
	if i == nobody {
		return nil
	}
	return k.members[i]
}

// asks compares whether the holder of the name is to be asked.
func (c *nameConfig) asks(i, j, holder int8) {
	if k := c.code; k != nil && k.live {
		if got, want := k.domain.Holder(k.hello(i, j), c.uid(i)), k.member(holder); got != want {
			k.failf("the code asks somebody: %v; the model client %d", got != nil, holder)
		}
	}
}

// decides compares what a HELLO comes to: a refusal's code, "stale", or "".
func (c *nameConfig) decides(i, j int8, want string, rival int8) {
	k := c.code
	if k == nil || !k.live {
		return
	}
	h := k.hello(i, j)
	m, gone, err := k.domain.Claim(h, wire.Peer{UID: c.uid(i)}, 0)
	got := ""
	if refusal, ok := errors.AsType[*session.Refusal](err); ok {
		got = refusal.Code
	} else if errors.Is(err, session.ErrStale) {
		got = "stale"
	} else if err != nil {
		k.failf("client %d: %v", i, err)
	}
	if got != want || gone != k.member(rival) {
		k.failf("for client %d the code decides %q and gives a session up: %v; the model %q and client %d", i, got, gone != nil, want, rival)
	}
	k.decided[want]++
	if err != nil {
		return
	}
	if rival != nobody {
		k.decided["takeover"]++
		k.members[rival] = nil
	}
	if before := k.members[i]; before != nil && before != m {
		k.failf("client %d has a new session, in the model it has the same", i)
	}
	k.members[i] = m
	m.Guard.Lock()
	defer m.Guard.Commit()
	if _, err := m.Welcome(h, 0); err != nil {
		k.failf("client %d: %v", i, err)
	}
}

func (c *nameConfig) lost(i int8) {
	if k := c.code; k != nil && k.live && k.members[i] != nil {
		m := k.members[i]
		m.Guard.Lock()
		m.Lost(0)
		m.Guard.Unlock()
	}
}

func (c *nameConfig) removes(i int8) {
	if k := c.code; k != nil && k.live {
		if !k.domain.Remove(k.members[i]) {
			k.failf("the session of client %d is gone already", i)
		}
		k.members[i] = nil
	}
}

// walk takes random steps of the model, and the code along.
func (c *nameConfig) walk(seed uint64) (apart departure) {
	defer func() {
		if p := recover(); p != nil {
			d, ours := p.(departure)
			if !ours {
				panic(p)
			}
			apart = d
		}
	}()
	r := rand.New(rand.NewPCG(seed, 0))
	k := c.code
	k.attempts, k.attempt, k.log = [mostClients][2]uint64{}, [mostClients]uint64{}, nil
	k.restart()
	s := c.system().initial
	for range 100 {
		k.pick, k.seen, k.live = -1, 0, false
		c.next(&s, func(*nstate, step) {})
		if k.seen == 0 {
			break
		}
		k.pick, k.seen = r.IntN(k.seen), 0
		var to nstate
		c.next(&s, func(n *nstate, why step) {
			if k.live {
				to = *n
				k.log = append(k.log, why.String())
			}
		})
		s = to
	}
	return ""
}

// The code decides of names as the model does.
func TestCodeConformsToTheModelOfNames(t *testing.T) {
	if raceEnabled {
		t.Skip("nothing here runs concurrently")
	}
	decided := map[string]int{}
	for seed := *walkSeed; seed < *walkSeed+uint64(*walks); seed++ {
		r := rand.New(rand.NewPCG(seed, 1))
		c := nameConfig{
			clients: 2 + int8(r.IntN(2)), other: int8(r.IntN(4)), breaks: 9, stops: 5, deaths: int8(r.IntN(2)), crashes: int8(r.IntN(2)), drops: 3,
			code: &nameCode{decided: decided},
		}
		if apart := c.walk(seed); apart != "" {
			t.Fatalf("-model.walks=1 -model.seed=%d\n%s", seed, apart)
		}
	}
	t.Logf("%v", decided)
	for _, what := range []string{"", "stale", "name_taken", "takeover"} {
		if decided[what] < 10 && *walks >= 1000 {
			t.Errorf("%q was decided %d times in %d walks", what, decided[what], *walks)
		}
	}
}

// Where the model is made to break a rule that package session decides of, the
// code does not follow.
func TestCodeDoesNotConformToMutantsOfNames(t *testing.T) {
	if raceEnabled {
		t.Skip("nothing here runs concurrently")
	}
	for _, r := range []rule{usersAreApart, lostHoldsNoName, overtakenTakesNothing, lookedUpAgain} {
		t.Run(ruleOfNames(r), func(t *testing.T) {
			for seed := *walkSeed; seed < *walkSeed+uint64(*walks); seed++ {
				c := nameConfig{
					clients: 3, other: 3, breaks: 9, stops: 5, drops: 3,
					code: &nameCode{decided: map[string]int{}}, without: r,
				}
				if r == lookedUpAgain {
					c.other = 0
				}
				if c.walk(seed) != "" {
					return
				}
			}
			t.Errorf("%d walks show no difference", *walks)
		})
	}
}

func ruleOfNames(r rule) string {
	for i, text := range nameRuleTexts {
		if r == 1<<i {
			return text
		}
	}
	return "?"
}
