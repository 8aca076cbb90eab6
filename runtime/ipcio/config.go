package ipcio

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// ServerConfig configures a [Server]. The zero value is valid: it serves the
// domain "default" to the same user and root.
type ServerConfig struct {
	// Domain is the domain's name: [a-z0-9][a-z0-9._-]{0,62}. "" means "default".
	Domain string

	// Dir is the directory of the sockets. It must belong to this user and be
	// closed to others. "" means $IPCIO_DIR, else $XDG_RUNTIME_DIR/ipcio, else
	// /run/user/<uid>/ipcio, else ipcio-<uid> in the directory for temporary
	// files. The environment is ignored in a setuid or setgid process.
	Dir string

	// Verbose reports every operation to Logger, or to standard error if that
	// is nil. Payloads are never reported.
	Verbose bool

	// Logger receives warnings, and with Verbose every operation. nil means
	// slog.Default() for warnings. Its handler must not call this server or
	// client: they may log with a lock held.
	Logger *slog.Logger

	// Access decides who may connect. nil means the same uid and root. It is
	// called once for each connection and must not block.
	Access func(Credentials) error

	// Queue bounds what waits for one client.
	Queue QueueConfig

	// OnGap is told what was given up or refused on the way to a client: see
	// [Gap]. Calls come one at a time, from a goroutine of their own.
	OnGap func(Gap)

	// CallTimeout bounds a call whose ctx has no deadline. 0 means 30 s.
	CallTimeout time.Duration

	// Limits are the bounds that the server keeps.
	Limits Limits

	// Protocol is what the schema declares; generated code sets it. nil means
	// that this side has none: it talks to every client.
	Protocol *Protocol

	// DeclaredOnly refuses commands that Protocol does not declare, sent or
	// received, but for those that the server passes on between clients.
	DeclaredOnly bool

	// Listener, if not nil, is served instead of the domain's socket; Dir is
	// not used then. The server closes it. A connection that is no
	// *net.UnixConn must have a method Credentials() (Credentials, error).
	Listener net.Listener
}

// ClientConfig configures a [Client]. The zero value is valid: a client with a
// random name in the domain "default".
type ClientConfig struct {
	// Name is unique in the domain: [a-z0-9][a-z0-9._-]{0,62}. "" means a
	// random one.
	Name string

	// Domain and Dir are as in [ServerConfig].
	Domain string
	Dir    string

	// Verbose and Logger are as in [ServerConfig].
	Verbose bool
	Logger  *slog.Logger

	// Queue bounds what waits for the server, connected or not.
	Queue QueueConfig

	// OnStateChange is told when the client connects, loses the connection and
	// ends. OnGap is told what was given up, refused or missed: see [Gap].
	// Their calls come one at a time, from a goroutine of their own. At most
	// 4,096 notices wait for a slow one. Beyond that the newest state replaces the
	// last one that waits, so that the final state is always told, and gaps are
	// added up.
	OnStateChange func(State)
	OnGap         func(Gap)

	// Outbox, if not nil, keeps what Emit, EmitTo and Broadcast accept beyond the
	// life of this process: the next client of the same Name that opens it goes
	// on. They return nil when the message is stored. The client closes it.
	Outbox Outbox

	// OnDeadLetter is told of an event that was delivered to MaxDeliveries servers,
	// one after another, each of which ended without a word before it had handled
	// it: see [DeadLetter]. It is not sent again. Calls of OnDeadLetter come one at
	// a time, from the goroutine of OnGap. An Outbox keeps the event until
	// OnDeadLetter has returned. If it is nil, a client with an Outbox tells OnGap,
	// and one without goes on sending the event.
	OnDeadLetter func(DeadLetter)

	// MaxDeliveries is how many servers an event is delivered to at most if each
	// of them ends without a word before it has handled it. 0 means 5; a negative
	// number means any. It is without effect if both Outbox and OnDeadLetter are
	// nil.
	//
	// A server that ends for another reason counts too: nobody can say what it
	// died of. If servers are killed more often than this while one event waits
	// for its turn or is being handled, raise it.
	MaxDeliveries int

	// CallTimeout bounds a call whose ctx has no deadline. 0 means 30 s.
	CallTimeout time.Duration

	// FrameBytes is the largest frame this client accepts. 0 means 16 MiB.
	FrameBytes int

	// Protocol is what the schema declares; generated code sets it.
	Protocol *Protocol

	// DeclaredOnly refuses commands that Protocol does not declare, sent or
	// received.
	DeclaredOnly bool

	// Dial, if not nil, connects instead of the domain's socket; Dir is not
	// used then. It is called twice for each session: once a lane.
	Dial func(ctx context.Context) (net.Conn, error)
}

// QueueConfig bounds one queue of messages that are accepted and not yet
// handled by the other side. It counts what is on its way as well as what
// waits for a connection.
type QueueConfig struct {
	Frames   int // 0 means 4,096
	Bytes    int // 0 means 64 MiB; one message always fits
	WhenFull WhenFull
}

// WhenFull says what a send does when the queue is full.
type WhenFull uint8

// The policies of a full queue.
const (
	Refuse     WhenFull = iota // fail at once with ErrQueueFull
	Block                      // wait until ctx ends; with a handler's ctx, refuse
	DropOldest                 // give up the oldest messages not yet sent, and report them to OnGap
)

// Limits are the bounds of a server. A zero field takes the default that its
// comment names.
type Limits struct {
	Clients          int           // sessions; 8,192
	ClientsPerUID    int           // sessions of one uid that is not the server's own; 256
	Handshakes       int           // connections of one uid that have not said hello; 64
	HandshakeTimeout time.Duration // 2 s
	FrameBytes       int           // the largest frame; 16 MiB
	Calls            int           // calls in flight in one direction of a session; 256
	Handlers         int           // handlers running at once; 16,384
	QueueBytes       int           // what waits for all clients together; 512 MiB
	InboxBytes       int           // what was received and is not yet handled, of all clients together; 256 MiB
	RingBytes        int           // broadcasts kept for clients that lag or are away; 16 MiB
	RingAge          time.Duration // how long they are kept; 60 s
	SessionKeep      time.Duration // how long a session whose connection was lost is kept; 120 s
}

// State is a client's relation to the server.
type State uint8

// The states of a client.
const (
	StateStopped    State = iota // not started, or stopped by a refusal
	StateConnecting              // started, not connected
	StateConnected               // both lanes are welcomed
	StateClosed                  // Close or Shutdown was called; final
)

// String returns the state's name.
func (s State) String() string {
	switch s {
	case StateStopped:
		return "stopped"
	case StateConnecting:
		return "connecting"
	case StateConnected:
		return "connected"
	case StateClosed:
		return "closed"
	}
	return "unknown"
}

// A Gap reports messages that were accepted and will not be handled, or that
// were missed. Nothing is dropped without one. Behind a slow OnGap, reports
// with the same Reason, Client and code of Err are added up once 4,096 wait; once
// 8,192 wait, those with the same Reason, and Client and Err are left empty if
// they differ.
type Gap struct {
	Reason   GapReason
	Client   string   // at a server: the client it concerns; at a client: "" or the peer it concerns
	From, To uint64   // the numbers of the messages in their sequence, inclusive; 0 if not known
	Count    uint64   // how many messages; 0 if not known
	Commands []string // their commands, where known, in order and without repeats; at most 16
	Err      error    // why, if another error tells more: a *RemoteError if the other side said so, with what comes with it from Call
}

// GapReason says why messages were given up, refused or missed.
type GapReason uint8

// The reasons of a Gap.
const (
	GapRefused    GapReason = iota + 1 // the other side had no handler, could not decode it, or a peer was unknown: see Gap.Err
	GapDropped                         // DropOldest gave it up
	GapTooLarge                        // the server's limit is smaller than what was queued
	GapExpired                         // broadcasts fell out of the server's ring before they were sent
	GapRestarted                       // the server has begun another session: broadcasts may have been missed, and reports of refused events
	GapGivenUp                         // the session was given up with messages in its queue
	GapUnreadable                      // a broadcast came whose payload this client's handler cannot take: see Gap.Err
	GapDamaged                         // the outbox could not be read to its end: see Gap.Err
	GapPoisoned                        // MaxDeliveries servers died with it, and there is no OnDeadLetter
)

// String returns the reason in words.
func (r GapReason) String() string {
	switch r {
	case GapRefused:
		return "refused"
	case GapDropped:
		return "dropped"
	case GapTooLarge:
		return "too large"
	case GapExpired:
		return "expired"
	case GapRestarted:
		return "new session"
	case GapGivenUp:
		return "given up"
	case GapUnreadable:
		return "unreadable"
	case GapDamaged:
		return "damaged"
	case GapPoisoned:
		return "poisoned"
	}
	return "unknown"
}

// Credentials are what the kernel says of a process at the moment it
// connected. PID is for logs only: numbers are used again.
type Credentials struct {
	UID, GID uint32
	PID      int32
}

// ClientInfo describes one client of a domain.
type ClientInfo struct {
	Name        string
	ID          string // of its session
	Credentials Credentials
	Connected   bool
	Since       time.Time // when it connected, or lost its connection
}

// CommandInfo describes one command that the server handles.
type CommandInfo struct {
	Name        string // a pattern such as "job.*" or "*" for a handler of several
	Call        bool   // declared with a reply; false if it is not declared
	Fingerprint string // of the declared command; "" if it is not declared
}

// Directory is what [Client.Discover] returns.
type Directory struct {
	Clients     []ClientInfo  // sorted by name
	Commands    []CommandInfo // what the server handles, sorted by name
	Protocol    string        // the server's protocol; "" if it has none
	Version     int           // its version
	Fingerprint string        // its fingerprint
}
