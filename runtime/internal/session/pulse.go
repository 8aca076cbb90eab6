package session

// Silence of a connection is counted in ticks of a second each. They are part
// of the protocol.
const (
	PingAfter = 5  // ticks without a frame after which the other side is asked for one
	DeadAfter = 15 // ticks without a frame after which it is gone
)

// A Pulse watches one connection for signs of life. The zero value has just
// heard something.
type Pulse struct{ quiet int }

// Tick says that a second has passed, and whether a frame came in it. It
// reports whether the other side is to be asked for a sign of life, or gone.
func (p *Pulse) Tick(heard bool) (ping, dead bool) {
	if heard {
		p.quiet = 0
		return false, false
	}
	p.quiet++
	return p.quiet%PingAfter == 0 && p.quiet < DeadAfter, p.quiet >= DeadAfter
}
