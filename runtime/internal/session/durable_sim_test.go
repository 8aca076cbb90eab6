package session

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

var (
	durableSeeds = flag.Uint64("session.durable", 500, "how many histories TestDurableHistories plays")
	durableFrom  = flag.Uint64("session.durable-from", 0, "the seed of the first of them")
)

// TestDurableHistories plays random histories of a durable client and a
// server: connections are cut, both are killed, what the keeper was told and
// has not confirmed is lost or not. Whatever happens, what was accepted is
// handled, exactly once and in order within one incarnation, and flagged when
// it is handled again; or, in every second history, given up after it was
// delivered to some servers that were killed, each of which counts once.
func TestDurableHistories(t *testing.T) {
	var sum durableWorld
	for seed := *durableFrom; seed < *durableFrom+*durableSeeds; seed++ {
		w := playDurable(t, seed, false)
		if t.Failed() {
			t.Logf("seed %d", seed)
			playDurable(t, seed, true)
			return
		}
		sum.clientKills += w.clientKills
		sum.serverKills += w.serverKills
		sum.cuts += w.cuts
		sum.renumbered += w.renumbered
		sum.resumedByNext += w.resumedByNext
		sum.refusals += w.refusals
		sum.flagged += w.flagged
		sum.dead += w.dead
		sum.givenUp += w.givenUp
	}
	t.Logf("%+v", []int{sum.clientKills, sum.serverKills, sum.cuts, sum.renumbered, sum.resumedByNext, sum.refusals, sum.flagged, sum.dead, sum.givenUp})
	for what, n := range map[string]int{
		"killed client": sum.clientKills, "killed server": sum.serverKills, "cut": sum.cuts, "change of numbers": sum.renumbered,
		"session resumed by the next process": sum.resumedByNext, "refusal of the keeper": sum.refusals, "flagged message": sum.flagged, "dead letter": sum.dead, "session given up": sum.givenUp,
	} {
		if n == 0 {
			t.Errorf("no history had a %s", what)
		}
	}
}

type durableWorld struct {
	t      *testing.T
	rnd    *rand.Rand
	loud   bool
	failed bool

	client, server       *Session
	process, incarnation int // counters of lives
	known                int // the incarnation that the client knows
	serverProcess        int // the process that the server knows, 0 for none
	up                   bool
	toServer, toClient   []*wire.Frame
	keeper               keeper
	pending              []keeperOp
	ids                  int
	accepted, maybe      map[int]bool
	handled              map[int]int // by id: how often
	lastHandled          int         // of this incarnation
	fromServer           map[int]bool
	handledByClient      map[int]int
	lastFromServer       int
	renumbered           int
	clientKills          int
	serverKills, cuts    int
	resumedByNext        int
	refusals, flagged    int
	calls                int

	deliveries int                  // of an event, to servers that are killed
	epoch      int                  // counts the servers
	lastMet    int                  // the one that the client's process knows
	reached    map[int]map[int]bool // by id: the epochs in which it was written, or may have been as far as the next process knows
	dead       int
	givenUp    int
}

// A keeper is what survives the client's process.
type keeper struct {
	messages    []Stored
	progress    Progress
	connected   bool
	incarnation int
	epoch       int
}

type keeperOp struct {
	mark     uint64
	id       int
	stored   Stored
	forget   uint64
	from, by uint64
}

func (k *keeper) apply(op keeperOp) {
	switch {
	case op.by > 0:
		for i := range k.messages {
			if k.messages[i].Number >= op.from {
				k.messages[i].Number += op.by
			}
		}
	case op.forget > 0:
		kept := k.messages[:0:0]
		for _, m := range k.messages {
			if m.Number != op.forget {
				kept = append(kept, m)
			}
		}
		k.messages = kept
	default:
		k.messages = append(k.messages, op.stored)
	}
}

func (k *keeper) acked(n uint64) {
	k.progress.Acked = max(k.progress.Acked, n)
	kept := k.messages[:0:0]
	for _, m := range k.messages {
		if m.Number > n {
			kept = append(kept, m)
		}
	}
	k.messages = kept
}

var durableConfig = Config{QueueFrames: 40, QueueBytes: 1 << 20, WindowFrames: 8, WindowBytes: 1 << 20, Calls: 6, Durable: true}

func playDurable(t *testing.T, seed uint64, loud bool) *durableWorld {
	w := &durableWorld{
		t: t, rnd: rand.New(rand.NewPCG(seed, 7)), loud: loud,
		accepted: map[int]bool{}, maybe: map[int]bool{}, handled: map[int]int{}, fromServer: map[int]bool{}, handledByClient: map[int]int{},
	}
	w.reached = map[int]map[int]bool{}
	if seed%2 == 1 {
		w.deliveries = 2
	}
	w.newServer()
	w.newClient()
	for range 300 {
		w.step()
		if w.failed {
			return w
		}
	}
	w.settle()
	return w
}

func (w *durableWorld) fail(format string, args ...any) {
	w.failed = true
	w.t.Errorf(format, args...)
}

func (w *durableWorld) log(format string, args ...any) {
	if w.loud {
		w.t.Logf(format, args...)
	}
}

func (w *durableWorld) newServer() {
	w.epoch++
	w.newSession()
}

func (w *durableWorld) newSession() {
	w.server = New(Config{QueueFrames: 40, QueueBytes: 1 << 20, WindowFrames: 8, WindowBytes: 1 << 20, Calls: 6})
	w.incarnation++
	w.serverProcess = 0
	w.fromServer = map[int]bool{}
}

func (w *durableWorld) newClient() {
	w.process++
	w.known, w.lastMet = w.keeper.incarnation, w.keeper.epoch
	cfg := durableConfig
	cfg.Deliveries = w.deliveries
	if w.rnd.IntN(3) == 0 {
		cfg.WhenFull, cfg.QueueFrames = DropOldest, 6
	}
	w.client = New(cfg)
	k := Kept{
		Progress: w.keeper.progress, Messages: SortStored(append([]Stored(nil), w.keeper.messages...)),
	}
	if w.keeper.connected {
		k.SentTo, k.NowTo = wire.MaxNumber, wire.MaxNumber
	}
	if err := w.client.Restore(k); err != nil {
		w.fail("restore: %v", err)
	}
	w.keeper.progress, w.keeper.connected = w.client.Progress(), false
	w.lastFromServer = 0
	w.log("process %d: acked %d sent %d, %d messages, next %d", w.process, k.Acked, k.SentTo, len(k.Messages), w.client.out[wire.S].next)
}

func (w *durableWorld) step() {
	switch n := w.rnd.IntN(100); {
	case n < 25:
		w.emit()
	case n < 32:
		if _, err := w.client.Call(&Message{Kind: wire.KindCall, Command: "call", Payload: []byte{0xf6}, Deadline: int64(w.rnd.IntN(2))}); err == nil {
			w.calls++
		}
	case n < 45:
		w.commit(w.rnd.IntN(len(w.pending) + 1))
	case n < 47 && len(w.pending) > 0:
		w.refuse()
	case n < 52:
		if !w.up {
			w.connect()
		}
	case n < 64:
		w.write(1 + w.rnd.IntN(200))
	case n < 78:
		w.deliver(1 + w.rnd.IntN(6))
	case n < 90:
		w.handle()
	case n < 92:
		w.keeper.acked(w.client.Acked())
	case n < 94:
		w.cut()
	case n < 96:
		w.id(func(id int) { // from the server
			if w.serverProcess > 0 && w.server.Emit(&Message{Kind: wire.KindEvent, Command: fmt.Sprint(id), Payload: []byte{0xf6}}) == nil {
				w.fromServer[id] = true
			}
		})
	case n < 98:
		w.killClient()
	case n < 99:
		w.killServer()
	case n < 100 && !w.up && w.serverProcess > 0: // the server lives, and gives the session up
		w.givenUp++
		w.server.Drain()
		done, started := w.server.Farewell()
		w.newSession()
		w.server.Succeed(done, started)
	case n < 100 && w.up: // calls that nobody waits for leave holes
		for _, c := range w.client.sentCalls() {
			w.client.Cancel(c)
		}
	}
	w.pump()
}

func (w *durableWorld) id(f func(id int)) { w.ids++; f(w.ids) }

func (w *durableWorld) emit() {
	w.id(func(id int) {
		m := &Message{Kind: wire.KindEvent, Command: fmt.Sprint(id), Payload: []byte{0xf6}}
		if w.client.Emit(m) != nil {
			return
		}
		w.pump() // what was dropped to make room is forgotten first
		w.log("emit %d as %d", id, m.Number)
		w.pending = append(w.pending, keeperOp{mark: m.Mark, id: id, stored: Stored{Number: m.Number, Message: *m}})
	})
}

func (w *durableWorld) commit(n int) {
	for _, op := range w.pending[:n] {
		w.keeper.apply(op)
		if op.id > 0 {
			w.client.Stored(op.mark, false)
			w.accepted[op.id] = true
		}
	}
	w.pending = append([]keeperOp(nil), w.pending[n:]...)
}

func (w *durableWorld) refuse() {
	w.refusals++
	mark := uint64(0)
	rest := w.pending[:0:0]
	for _, op := range w.pending {
		if op.id > 0 {
			mark = op.mark
		} else {
			rest = append(rest, op) // kept until there is room
		}
	}
	w.pending = rest
	w.client.Stored(mark, true)
}

func (w *durableWorld) pump() {
	command := ""
	for _, a := range w.client.Actions(nil) {
		switch a.Kind {
		case ActionGap:
			command = a.Gap.Command
		case ActionRenumber:
			w.renumbered++
			w.pending = append(w.pending, keeperOp{from: a.From, by: a.By})
		case ActionForget:
			w.dropped(command, a.From)
			w.pending = append(w.pending, keeperOp{forget: a.From})
		case ActionDead:
			w.died(a.Dead)
		}
	}
	w.server.Actions(nil)
}

func (w *durableWorld) reach(command string, epoch int) {
	id := atoi(command)
	if w.reached[id] == nil {
		w.reached[id] = map[int]bool{}
	}
	w.reached[id][epoch] = true
}

// died checks that a message was given up for as many servers as it may be, and
// takes note.
func (w *durableWorld) died(d *Dead) {
	id, servers := atoi(d.Command), 0
	for epoch := range w.reached[id] {
		if epoch < w.epoch {
			servers++
		}
	}
	if w.deliveries == 0 || d.Deliveries < w.deliveries || d.Deliveries > servers {
		w.fail("message %d is given up after %d deliveries, limit %d; %d servers were killed that it was written to", id, d.Deliveries, w.deliveries, servers)
	}
	w.log("message %d is given up", id)
	w.dead++
	w.maybe[id] = true
	w.pending = append(w.pending, keeperOp{forget: d.Number})
}

// dropped takes note that the program was told of a dropped message, and checks
// that the keeper is told to give up the same one: under the number that it will
// have when the keeper has done everything that it was asked before.
func (w *durableWorld) dropped(command string, number uint64) {
	id := atoi(command)
	w.maybe[id] = true
	k := keeper{messages: append([]Stored(nil), w.keeper.messages...)}
	for _, op := range w.pending {
		k.apply(op)
	}
	for _, m := range k.messages {
		if m.Number == number && atoi(m.Message.Command) == id {
			return
		}
	}
	w.fail("message %d is dropped, and the keeper is told to give up number %d", id, number)
}

func atoi(s string) (n int) { fmt.Sscan(s, &n); return n }

func (w *durableWorld) connect() {
	hello := positions(w.client)
	resumed := w.serverProcess > 0 && w.known == w.incarnation
	if w.serverProcess > 0 && !resumed {
		w.incarnation++ // the client does not know the one there is
		w.lastHandled = 0
	}
	if resumed && w.serverProcess != w.process {
		w.resumedByNext++
		w.server.PeerRestarted()
	}
	w.log("connect: resumed %v, hello %+v", resumed, hello)
	if !resumed { // as a Member does it
		hello.SRx, hello.RRx = 0, 0
		w.server.Forget()
	}
	if err := w.server.Adopt(hello, resumed); err != nil {
		w.fail("the server: %v", err)
		return
	}
	if !resumed {
		w.lastHandled = 0
		w.lastFromServer = 0
	}
	w.serverProcess = w.process
	if w.rnd.IntN(10) == 0 {
		return // the welcome is lost
	}
	w.client.spared = w.lastMet == w.epoch
	if err := w.client.Adopt(positions(w.server), resumed); err != nil {
		w.fail("the client: %v", err)
		return
	}
	w.known, w.lastMet = w.incarnation, w.epoch
	w.pump()
	if w.rnd.IntN(10) == 0 {
		return // killed or cut before the keeper knows
	}
	w.commit(len(w.pending)) // in order, so that the numbers are changed before anything is written
	w.keeper.connected, w.keeper.incarnation, w.keeper.epoch = true, w.incarnation, w.epoch
	w.keeper.progress = w.client.Progress()
	w.keeper.progress.Farewell = false
	w.keeper.acked(w.keeper.progress.Acked)
	w.server.Up()
	w.client.Up()
	w.up, w.toServer, w.toClient = true, nil, nil
}

func (w *durableWorld) write(limit int) {
	if !w.up {
		return
	}
	frames := parse(w.t, w.client.Output(nil, limit, 1))
	for _, f := range frames {
		if f.Kind == wire.KindEvent {
			w.reach(f.Command, w.epoch)
		}
	}
	w.toServer = append(w.toServer, frames...)
	w.toClient = append(w.toClient, parse(w.t, w.server.Output(nil, limit, 1))...)
}

func (w *durableWorld) deliver(n int) {
	for ; n > 0 && len(w.toServer) > 0; n-- {
		if err := w.server.Receive(w.toServer[0], 1, clone); err != nil {
			w.fail("the server receives %+v: %v", w.toServer[0], err)
			return
		}
		w.toServer = w.toServer[1:]
		if w.rnd.IntN(3) > 0 && len(w.toClient) > 0 {
			if err := w.client.Receive(w.toClient[0], 1, clone); err != nil {
				w.fail("the client receives %+v: %v", w.toClient[0], err)
				return
			}
			w.toClient = w.toClient[1:]
		}
	}
	for ; n > 0 && len(w.toClient) > 0; n-- {
		if err := w.client.Receive(w.toClient[0], 1, clone); err != nil {
			w.fail("the client receives %+v: %v", w.toClient[0], err)
			return
		}
		w.toClient = w.toClient[1:]
	}
}

func (w *durableWorld) handle() {
	if in := w.server.Next(); in != nil {
		if in.Kind == wire.KindEvent {
			id := atoi(in.Command)
			again := in.Flags&wire.Redelivered != 0
			w.log("the server handles %d, number %d, again %v", id, in.Number, again)
			switch {
			case id <= w.lastHandled && in.life == w.server.life:
				w.fail("message %d is handled after %d in one incarnation", id, w.lastHandled)
			case w.handled[id] > 0 && !again:
				w.fail("message %d is handled again and not flagged", id)
			}
			if in.life == w.server.life {
				w.lastHandled = id
			}
			w.handled[id]++
			if again {
				w.flagged++
			}
		}
		if in.Kind == wire.KindCall {
			w.server.Reply(in, []byte{0xf6})
		} else {
			w.server.Done(in)
		}
	}
	if in := w.client.Next(); in != nil {
		if in.Kind == wire.KindEvent {
			id := atoi(in.Command)
			switch {
			case id <= w.lastFromServer && in.life == w.client.life:
				w.fail("message %d of the server is handled after %d in one process", id, w.lastFromServer)
			case w.handledByClient[id] > 0 && in.Flags&wire.Redelivered == 0:
				w.fail("message %d of the server is handled again and not flagged", id)
			}
			w.lastFromServer = id
			w.handledByClient[id]++
		}
		w.client.Done(in)
	}
	if w.rnd.IntN(4) == 0 {
		w.server.AckTimer()
		w.client.AckTimer()
	}
}

func (w *durableWorld) cut() {
	if !w.up {
		return
	}
	w.cuts++
	if w.rnd.IntN(2) == 0 { // the server's last words are read
		for _, f := range w.toClient {
			if err := w.client.Receive(f, 1, clone); err != nil {
				w.fail("the client receives %+v: %v", f, err)
			}
		}
	}
	w.down()
	if w.rnd.IntN(3) > 0 {
		w.keeper.progress, w.keeper.connected = w.client.Progress(), false
		w.keeper.acked(w.keeper.progress.Acked)
	}
}

func (w *durableWorld) down() {
	w.log("down")
	w.client.Down()
	w.server.Down()
	w.up, w.toServer, w.toClient = false, nil, nil
}

func (w *durableWorld) killClient() {
	w.clientKills++
	if w.up {
		w.down()
	}
	// What was not confirmed may be there all the same, up to some point.
	for _, op := range w.pending[:w.rnd.IntN(len(w.pending)+1)] {
		w.keeper.apply(op)
	}
	w.pending = nil
	for _, m := range w.keeper.messages {
		if w.keeper.connected {
			w.reach(m.Message.Command, w.keeper.epoch)
		}
	}
	w.newClient()
}

func (w *durableWorld) killServer() {
	w.serverKills++
	w.log("the server is killed")
	if w.up {
		w.cut()
		w.up = false
	}
	w.lastHandled = 0
	w.newServer()
}

// settle lets everything come to rest, and looks at what has become of it.
func (w *durableWorld) settle() {
	w.commit(len(w.pending))
	for i := 0; !w.up; i++ {
		if w.connect(); w.failed || i > 100 {
			w.fail("no connection")
			return
		}
	}
	for i := range 5000 {
		if i > 100 && w.client.Unacked() == 0 && w.server.Unacked() == 0 && w.server.inbox.len() == 0 && w.client.inbox.len() == 0 {
			break
		}
		w.write(1 << 20)
		w.deliver(1000)
		w.handle()
		w.server.AckTimer()
		w.client.AckTimer()
		w.pump()
		if w.failed {
			return
		}
	}
	for id := range w.accepted {
		if w.handled[id] == 0 && !w.maybe[id] {
			w.fail("message %d was accepted and never handled", id)
		}
	}
	for id := range w.fromServer {
		if w.handledByClient[id] == 0 {
			w.fail("message %d of the server was accepted and never handled", id)
		}
	}
	if n := w.client.Unacked(); n > 0 {
		w.fail("%d messages are not acknowledged at the end", n)
	}
	w.keeper.acked(w.client.Acked())
	if n := len(w.keeper.messages); n > 0 {
		w.fail("the keeper has %d messages at the end, the first with number %d, acknowledged %d", n, w.keeper.messages[0].Number, w.client.Acked())
	}
	if n := w.client.QueuedBytes(); n != 0 {
		w.fail("%d bytes are queued at the end", n)
	}
}
