package outbox

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

var powerSeeds = flag.Uint64("outbox.power", 2000, "how often the power goes off in TestPowerLoss")

// A book is what a test knows of the messages it has handed to a log.
type book struct {
	mu        sync.Mutex
	log       *log
	mark      uint64
	next      uint64
	confirmed uint64            // the last mark that was told to be stored
	failed    map[uint64]error  // marks that were told not to be
	numbers   map[uint64]uint64 // of marks
	texts     map[uint64]string // of marks
	gone      map[uint64]bool   // marks that were acknowledged or forgotten
	state     ipcio.OutboxState
	saved     []ipcio.OutboxState // all of them
	sure      int                 // how many there were before the last Sync
	off       func() bool         // the power is; nil if it stays on
}

// A Sync that comes after Close, or that Close overtakes, ends at once.
func TestSyncAfterClose(t *testing.T) {
	for range 200 {
		b := newBook()
		if err := b.open(newMemory(), true, 1<<20); err != nil {
			t.Fatal(err)
		}
		b.append("x")
		before := make(chan error, 1)
		go func() { before <- b.log.Sync(context.Background()) }() // there is no ctx to end it
		if err := b.log.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-before; err != nil && !errors.Is(err, ipcio.ErrClosed) {
			t.Errorf("while it is closed: %v", err)
		}
		if err := b.log.Sync(context.Background()); !errors.Is(err, ipcio.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func newBook() *book {
	return &book{
		next: 1, failed: map[uint64]error{}, numbers: map[uint64]uint64{}, texts: map[uint64]string{}, gone: map[uint64]bool{},
	}
}

func (b *book) open(dir directory, synced bool, segmentBytes int) error {
	l, err := openLog(dir, config{synced: synced, segmentBytes: segmentBytes, domain: "d", client: "c", stored: b.stored})
	b.log = l
	return err
}

func (b *book) stored(mark uint64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		for m := b.confirmed + 1; m <= mark; m++ {
			if b.failed[m] == nil {
				b.failed[m] = err
			}
		}
		return
	}
	b.confirmed = max(b.confirmed, mark)
}

func (b *book) append(text string) {
	b.mu.Lock()
	b.mark++
	number, mark := b.next, b.mark
	b.next++
	b.numbers[mark], b.texts[mark] = number, text
	b.mu.Unlock()
	b.log.Append(mark, number, []byte(text))
}

func (b *book) save() {
	b.saved = append(b.saved, b.state)
	b.log.Save(b.state)
}

func (b *book) sync(ctx context.Context) {
	if b.log.Sync(ctx) == nil && (b.off == nil || !b.off()) { // one that has failed may say that it is sure enough
		b.sure = len(b.saved)
	}
}

func (b *book) ack(number uint64) {
	for m, n := range b.numbers {
		if n <= number {
			b.gone[m] = true
		}
	}
	b.state.Acked = number
	b.save()
}

func (b *book) forget(mark uint64) {
	b.gone[mark] = true
	b.log.Forget(b.numbers[mark])
}

func (b *book) renumber(from, by uint64) {
	for m, n := range b.numbers {
		if n >= from {
			b.numbers[m] = n + by
		}
	}
	b.next += by
	b.log.Renumber(from, by)
}

// marks returns the marks of what must be there, and of what may be.
func (b *book) marks() (must, may []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for m := uint64(1); m <= b.mark; m++ {
		if b.failed[m] == nil && m <= b.confirmed && !b.gone[m] {
			must = append(must, m)
		}
		may = append(may, m)
	}
	return must, may
}

// compare looks whether the messages that were recovered are those of the book:
// all that are confirmed, none that never were, each whole, in order.
func (b *book) compare(t *testing.T, messages []ipcio.OutboxMessage, numbersToo bool) {
	t.Helper()
	must, may := b.marks()
	marks := make(map[string]uint64, len(may))
	for _, m := range may {
		marks[b.texts[m]] = m
	}
	got := make(map[uint64]bool)
	last := uint64(0)
	for i, m := range messages {
		mark, known := marks[string(m.Frame)]
		switch {
		case !known:
			t.Errorf("message %d is %q, which nobody has sent", m.Number, m.Frame)
		case mark <= last:
			t.Errorf("message %q comes after one that was sent later", m.Frame)
		case i > 0 && m.Number <= messages[i-1].Number:
			t.Errorf("number %d follows %d", m.Number, messages[i-1].Number)
		case numbersToo && m.Number != b.numbers[mark]:
			t.Errorf("message %q has number %d, want %d", m.Frame, m.Number, b.numbers[mark])
		}
		got[mark], last = true, mark
	}
	for _, m := range must {
		if !got[m] {
			t.Errorf("message %q was stored and is lost", b.texts[m])
		}
	}
}

// compareState looks whether the state is the last one that was on the disk for
// sure, or a later one; or one that fears the worst, as after damage.
func (b *book) compareState(t *testing.T, r ipcio.OutboxContents) {
	t.Helper()
	for i, s := range append([]ipcio.OutboxState{{}}, b.saved...) {
		if i < b.sure {
			continue
		}
		if r.State == s {
			return
		}
		if s.Connected, s.OldTo, s.Acked = true, mostNumber, r.State.Acked; r.State == s {
			return
		}
	}
	t.Errorf("state %+v, of %d that were saved the first %d were synced", r.State, len(b.saved), b.sure)
}

func text(rnd *rand.Rand, i int) string {
	size := rnd.IntN(60)
	if rnd.IntN(10) == 0 {
		size = rnd.IntN(3000)
	}
	return fmt.Sprintf("%d:%s", i, bytes.Repeat([]byte{'x'}, size))
}

// play does n random things. With pin, the oldest message is needed all the
// time.
func (b *book) play(rnd *rand.Rand, n int, pin bool) {
	ctx := context.Background()
	for range n {
		switch k := rnd.IntN(20); {
		case pin && k >= 11 && k < 14:
			for m := uint64(2); m <= b.mark; m++ {
				if !b.gone[m] && rnd.IntN(4) > 0 {
					b.forget(m)
				}
			}
		case k < 11:
			b.append(text(rnd, int(b.mark)+1))
		case k < 13:
			b.ack(b.state.Acked + uint64(rnd.IntN(int(b.next-b.state.Acked))))
		case k < 14:
			if m := uint64(rnd.IntN(int(b.mark) + 1)); m > 0 && !b.gone[m] {
				b.forget(m)
			}
		case k < 15:
			from := b.next - uint64(rnd.IntN(3))
			if from > b.state.Acked && from <= b.next {
				b.renumber(from, 1+uint64(rnd.IntN(5)))
			}
		case k < 17:
			b.state.Connected = !b.state.Connected
			b.save()
		default:
			b.sync(ctx) // its error is that of the messages before it
		}
	}
}

// TestPowerLoss has the power go off at a random operation of a random history,
// and some part of what was not synced be there all the same. What the log said
// is stored is there, whole and in order.
func TestPowerLoss(t *testing.T) {
	lost, damaged := 0, 0
	for seed := range *powerSeeds / stride {
		rnd := rand.New(rand.NewPCG(seed, 3))
		dir := newMemory()
		at := 1 + rnd.IntN(160)
		dir.fail = func(_ string, n int) error {
			if n >= at {
				return errPower
			}
			return nil
		}
		pin, segment := rnd.IntN(3) == 0, []int{recordsBegin + 300, 4000}[rnd.IntN(2)]
		b := newBook()
		b.off = func() bool {
			dir.mu.Lock()
			defer dir.mu.Unlock()
			return dir.ops >= at
		}
		for process := 0; process < 2 && !b.off(); process++ { // the second goes on with what the first has left
			if b.open(dir, true, segment) != nil {
				break
			}
			b.log.Recovered()
			b.state.Connected = false
			b.play(rnd, 60, pin)
			b.log.Close() // fails if the power is off
		}
		for range 1 + rnd.IntN(2) { // it may go off again while the outbox is opened
			again := dir.powerOff(rnd)
			again.fail = func(_ string, n int) error {
				if n == 1+rnd.IntN(30) {
					return errPower
				}
				return nil
			}
			if l, err := openLog(again, config{synced: true, segmentBytes: segment, domain: "d", client: "c", stored: b.stored}); err == nil {
				l.Close()
			}
			dir = again
		}
		after := dir.powerOff(rnd)
		l, err := openLog(after, config{synced: true, segmentBytes: segment, domain: "d", client: "c", stored: b.stored})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		r := l.Recovered()
		b.compare(t, r.Messages, false)
		b.compareState(t, r)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, may := b.marks(); len(may) > len(r.Messages) {
			lost++
		}
		if len(r.Damage) > 0 {
			damaged++
		}
		if t.Failed() {
			t.Fatalf("seed %d, power off at operation %d, damage %v", seed, at, r.Damage)
		}
	}
	if lost == 0 || damaged == 0 {
		t.Errorf("the power went off %d times too late to do harm, %d records were torn: the test proves nothing", lost, damaged)
	}
	t.Logf("ledger: power_losses=%d torn=%d", *powerSeeds/stride, damaged)
}

// What was written is there when the process is killed, with the numbers and
// the state it had: with and without fsync.
func TestKilled(t *testing.T) {
	for seed := range uint64(128 / stride) {
		for _, synced := range []bool{false, true} {
			rnd := rand.New(rand.NewPCG(seed, 4))
			dir := newMemory()
			b := newBook()
			for range 4 {
				if err := b.open(dir, synced, 4000); err != nil {
					t.Fatal(err)
				}
				r := b.log.Recovered()
				b.compare(t, r.Messages, true)
				if r.State != b.state || len(r.Damage) > 0 {
					t.Fatalf("seed %d: state %+v, want %+v; damage %v", seed, r.State, b.state, r.Damage)
				}
				b.play(rnd, 80, seed%3 == 0)
				if err := b.log.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				killed := dir.copy() // without a Close
				b.log.Close()
				dir = killed
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		}
	}
}

// TestFaults has every operation of a history fail in turn, for want of room or
// because the disk is broken, at once or in the middle of a write. What the log
// said is stored is there afterwards; what it refused for want of room is not.
func TestFaults(t *testing.T) {
	history := func(dir *memory) (*book, error) {
		rnd := rand.New(rand.NewPCG(5, 5))
		b := newBook()
		if err := b.open(dir, true, 3000); err != nil {
			return b, err
		}
		for range 40 {
			b.play(rnd, 3, false)
			b.log.Sync(t.Context())
		}
		return b, b.log.Close()
	}
	count := newMemory()
	if _, err := history(count); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []struct {
		name string
		err  error
	}{
		{"no room", syscall.ENOSPC},
		{"no room, after a part", &shortError{syscall.ENOSPC, 60}},
		{"over quota", syscall.EDQUOT},
		{"input/output error", syscall.EIO},
		{"input/output error, after a part", &shortError{syscall.EIO, 60}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			noRoom := errors.Is(fault.err, syscall.ENOSPC) || errors.Is(fault.err, syscall.EDQUOT)
			refusals, failures := 0, 0
			for at := 1; at <= count.ops; at++ {
				for _, length := range []int{1, 7} { // operations that fail
					dir := newMemory()
					failed := ""
					dir.fail = func(op string, n int) error {
						if n >= at && n < at+length {
							failed = op
							return fault.err
						}
						return nil
					}
					b, err := history(dir)
					dir.fail = nil
					if b.log == nil { // it could not be opened
						if err == nil {
							t.Fatalf("operation %d: no error", at)
						}
						continue
					}
					isDead := errors.Is(b.log.failed, ErrFailed)
					if isDead != errors.Is(err, ErrFailed) {
						t.Errorf("operation %d: Close returns %v, the log has failed with %v", at, err, b.log.failed)
					}
					for mark, err := range b.failed {
						switch {
						case errors.Is(err, ErrFailed):
							failures++
						case !errors.Is(err, ipcio.ErrQueueFull) || !noRoom:
							t.Errorf("operation %d: message %d was refused: %v", at, mark, err)
						default:
							refusals++
						}
					}
					after := newBook()
					killed := dir.copy()
					if err := after.open(killed, true, 3000); err != nil {
						t.Fatalf("operation %d, %s: %v", at, failed, err)
					}
					r := after.log.Recovered()
					b.compare(t, r.Messages, !isDead)
					for _, m := range r.Messages {
						for mark, err := range b.failed {
							if b.texts[mark] == string(m.Frame) && !errors.Is(err, ErrFailed) {
								t.Errorf("operation %d: %q was refused and is there", at, m.Frame)
							}
						}
					}
					if !isDead && len(r.Damage) > 0 {
						t.Errorf("operation %d: damage %v", at, r.Damage)
					}
					after.log.Close()
					if t.Failed() {
						t.Fatalf("operation %d, %s", at, failed)
					}
				}
			}
			if noRoom && refusals == 0 || !noRoom && failures == 0 {
				t.Errorf("%d refusals, %d failures", refusals, failures)
			}
			t.Logf("%d operations, %d refusals, %d failures", count.ops, refusals, failures)
		})
	}
}

// A failed fsync is not tried again: the log takes nothing any more.
func TestFailedSyncIsFinal(t *testing.T) {
	dir := newMemory()
	b := newBook()
	if err := b.open(dir, true, 4<<20); err != nil {
		t.Fatal(err)
	}
	b.append("first")
	if err := b.log.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	syncs := 0
	dir.mu.Lock()
	dir.fail = func(op string, _ int) error {
		if op == "sync" {
			if syncs++; syncs == 1 {
				return syscall.EIO
			}
		}
		return nil
	}
	dir.mu.Unlock()
	for _, text := range []string{"second", "third"} {
		b.append(text)
		if err := b.log.Sync(t.Context()); !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := b.log.Close(); !errors.Is(err, ErrFailed) {
		t.Errorf("Close: %v", err)
	}
	if syncs != 1 || b.confirmed != 1 || len(b.failed) != 2 {
		t.Errorf("%d syncs, mark %d is confirmed, failed %v", syncs, b.confirmed, b.failed)
	}
}

// A log that has failed can go on with a connection only if what is on the disk
// says that everything may have been written to it.
func TestFailedSyncOfAConnection(t *testing.T) {
	for _, connected := range []bool{false, true} {
		dir := newMemory()
		b := newBook()
		if err := b.open(dir, true, 4<<20); err != nil {
			t.Fatal(err)
		}
		b.log.Save(ipcio.OutboxState{Connected: connected})
		if err := b.log.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		dir.mu.Lock()
		dir.fail = func(op string, _ int) error { return syscall.EIO }
		dir.mu.Unlock()
		b.append("lost")
		b.log.Save(ipcio.OutboxState{Connected: true})
		if err := b.log.Sync(t.Context()); connected != (err == nil) {
			t.Errorf("connected %v: %v", connected, err)
		}
		b.log.Close()
	}
}

// The disk is not filled with what is not needed, however long the oldest
// message is.
func TestTidy(t *testing.T) {
	const segment = 4000
	dir := newMemory()
	b := newBook()
	if err := b.open(dir, true, segment); err != nil {
		t.Fatal(err)
	}
	b.append("the oldest is needed all the time")
	most := 0
	for i := range 3000 {
		b.append(fmt.Sprintf("%d:%s", i, bytes.Repeat([]byte{'x'}, 50)))
		if i%10 == 9 {
			if err := b.log.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			for m := b.mark - 9; m <= b.mark; m++ {
				b.forget(m)
			}
			if err := b.log.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			sum := 0
			dir.mu.Lock()
			for _, f := range dir.files {
				sum += len(f.data)
			}
			dir.mu.Unlock()
			most = max(most, sum)
		}
	}
	if bound := (leastRoom + 2) * segment; most > bound {
		t.Errorf("%d bytes on the disk for one short message, want at most %d", most, bound)
	}
	killed := dir.copy()
	b.log.Close()
	again := newBook()
	if err := again.open(killed, true, segment); err != nil {
		t.Fatal(err)
	}
	b.compare(t, again.log.Recovered().Messages, true)
	again.log.Close()
}

// Processes that start and end again and again leave no heap of files.
func TestManyGenerations(t *testing.T) {
	dir := newMemory()
	b := newBook()
	for i := range 300 {
		if err := b.open(dir, true, 4<<20); err != nil {
			t.Fatal(err)
		}
		r := b.log.Recovered()
		if i > 0 && (len(r.Messages) != 1 || len(r.Damage) > 0) {
			t.Fatalf("generation %d: %+v", i, r)
		}
		if r.Generation != uint32(i+1) {
			t.Fatalf("generation %d, want %d", r.Generation, i+1)
		}
		if i == 0 {
			b.append("needed all the time")
		}
		if err := b.log.Close(); err != nil {
			t.Fatal(err)
		}
		if len(dir.files) > mostFiles+2 {
			t.Fatalf("%d files", len(dir.files))
		}
	}
}
