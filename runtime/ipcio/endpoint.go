package ipcio

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// Defaults of the configuration.
const (
	defaultDomain      = "default"
	defaultCallTimeout = 30 * time.Second
	defaultFrameBytes  = 16 << 20
	defaultCalls       = 256
	defaultHandlers    = 16 << 10
	leastFrameBytes    = session.LeastFrameBytes

	// The window of a session: where it begins, and how far it may grow.
	firstWindowFrames, firstWindowBytes = 64, 256 << 10
	mostWindowFrames, mostWindowBytes   = 1024, 16 << 20

	ackDelay = 100 * time.Millisecond
)

// An endpoint is what a Server and a Client have in common: the handlers, and
// what they need to run.
type endpoint struct {
	registry    registry
	log         *feed
	protocol    *Protocol
	specs       map[string]*CommandSpec
	places      map[string]int // of a command in protocol.Commands
	commands    []byte         // the frames that tell of them; nil if there is nothing to tell
	declared    bool           // only declared commands are sent and handled
	callTimeout time.Duration
	queue       QueueConfig
	frameBytes  int // the largest frame this side takes
	began       time.Time
	durable     bool // an outbox keeps what is sent
	deliveries  int  // after how many a message is a dead letter; 0: never

	base      context.Context // of all handlers; ends with the endpoint
	cancel    context.CancelCauseFunc
	owned     sync.WaitGroup // goroutines of lanes, accepting, connecting: Close waits for them
	slots     chan struct{}  // one for each handler that runs
	active    activity       // handlers that run
	unhandled pace           // of what has no handler
	notify    notifier

	// route takes a message that is not for this process: from one client to
	// another, or to all. It is nil at a client.
	route func(l *link, in *session.Incoming)

	// mayHandle says what is wrong with a declared command from this sender, or
	// returns "".
	mayHandle func(spec *CommandSpec, in *session.Incoming) string

	queues, windows *session.Budget // of all sessions; nil at a client
}

func (ep *endpoint) init(protocol *Protocol, callTimeout time.Duration, queue QueueConfig, frameBytes, handlers int, log *feed) {
	ep.protocol = protocol
	ep.log = log
	ep.callTimeout = withDefault(callTimeout, defaultCallTimeout)
	ep.queue = queue
	ep.queue.Frames = withDefault(queue.Frames, 4096)
	ep.queue.Bytes = withDefault(queue.Bytes, 64<<20)
	ep.frameBytes = max(withDefault(frameBytes, defaultFrameBytes), leastFrameBytes)
	ep.slots = make(chan struct{}, withDefault(handlers, defaultHandlers))
	ep.began = time.Now()
	ep.base, ep.cancel = context.WithCancelCause(context.Background())
	if protocol != nil {
		ep.specs = make(map[string]*CommandSpec, len(protocol.Commands))
		ep.places = make(map[string]int, len(protocol.Commands))
		for i := range protocol.Commands {
			c := &protocol.Commands[i]
			ep.specs[c.Name], ep.places[c.Name] = c, i
		}
		ep.commands = ep.announcement()
	}
}

func withDefault[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// now is the clock of the sessions: nanoseconds since the endpoint was made,
// by the monotonic clock.
func (ep *endpoint) now() int64 { return int64(time.Since(ep.began)) }

// at is t by the clock of the sessions.
func (ep *endpoint) at(t time.Time) int64 { return max(int64(t.Sub(ep.began)), 1) }

func (ep *endpoint) sessionConfig(windowFrames, windowBytes, calls int) session.Config {
	policy := session.Refuse
	if ep.queue.WhenFull == DropOldest {
		policy = session.DropOldest
	}
	return session.Config{
		QueueFrames: ep.queue.Frames, QueueBytes: ep.queue.Bytes, WhenFull: policy,
		WindowFrames: windowFrames, WindowBytes: windowBytes, Calls: calls,
		FrameBytes: ep.frameBytes, MostWindowFrames: mostWindowFrames, MostWindowBytes: mostWindowBytes,
		Queues: ep.queues, Windows: ep.windows, Durable: ep.durable, Deliveries: ep.deliveries,
	}
}

func randomID() (id wire.ID) {
	rand.Read(id[:]) // never fails: it ends the process instead
	return id
}

// activity counts what runs, and lets others wait until nothing does.
type activity struct {
	mu   sync.Mutex // guards the fields below
	n    int
	idle chan struct{} // closed when n falls to the number somebody waits for
	want int
}

func (a *activity) add(delta int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += delta
	if a.idle != nil && a.n <= a.want {
		close(a.idle)
		a.idle = nil
	}
}

// wait waits until at most n run.
func (a *activity) wait(ctx context.Context, n int) error {
	for {
		a.mu.Lock()
		if a.n <= n {
			a.mu.Unlock()
			return nil
		}
		if a.idle == nil {
			a.idle, a.want = make(chan struct{}), n
		}
		a.want = max(a.want, n)
		idle := a.idle
		a.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
