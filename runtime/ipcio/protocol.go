package ipcio

import "slices"

// Protocol describes what a schema declares. Generated code makes one and
// hands it to the runtime, which checks messages with it, announces it in the
// handshake and shows it to [Client.Discover]. It must not be changed once it
// is in use.
type Protocol struct {
	Name        string // wire identity; both sides must agree
	Version     int    // major version; both sides must agree
	Fingerprint string // "sha256:" and 64 hex digits over the parts that matter on the wire
	Commands    []CommandSpec
	Errors      []ErrorSpec // what calls may fail with
}

// Direction says who may send a command to whom.
type Direction uint8

// The four directions.
const (
	ClientToServer Direction = iota + 1
	ServerToClient
	Both
	ClientToClient
)

// String returns the direction as a schema spells it.
func (d Direction) String() string {
	switch d {
	case ClientToServer:
		return "client->server"
	case ServerToClient:
		return "server->client"
	case Both:
		return "client<->server"
	case ClientToClient:
		return "client->client"
	}
	return "unknown direction"
}

// Clone returns a copy that may be changed.
func (p *Protocol) Clone() *Protocol {
	c := *p
	c.Commands, c.Errors = slices.Clone(p.Commands), slices.Clone(p.Errors)
	for i := range c.Commands {
		c.Commands[i].Errors = slices.Clone(c.Commands[i].Errors)
	}
	return &c
}

// A Checker says what is wrong with an encoded item, or returns nil. A
// *[codec.Struct] is one. Any number of goroutines call it at once.
type Checker interface {
	Check(b []byte) error
}

// CommandSpec describes one declared command. A nil Payload means that the command carries
// none; a nil Reply means that it is an event.
type CommandSpec struct {
	Name        string
	Direction   Direction
	Fingerprint string // 16 hex digits over this command's wire form
	Payload     Checker
	Reply       Checker
	Errors      []string // the names of the errors that a call may fail with: see Protocol.Errors
	Idempotent  bool     // the runtime repeats a call whose outcome a restart of the server left unknown
}

// IsCall reports whether the command has a reply.
func (c *CommandSpec) IsCall() bool { return c.Reply != nil }
