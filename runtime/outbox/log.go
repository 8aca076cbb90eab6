package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

type config struct {
	synced         bool
	segmentBytes   int // a segment that has as many gets no more
	domain, client string
	stored         func(mark uint64, err error)
}

// A log is an open outbox. What it is told waits in a queue; a goroutine, which
// exists only while there is something in it, takes all of it at a time and
// writes it.
type log struct {
	cfg       config
	dir       directory
	token     [16]byte
	recovered ipcio.OutboxContents

	mu      sync.Mutex // guards the fields below
	queue   []op
	state   ipcio.OutboxState // the last one that was saved
	changed bool              // what is acknowledged in it is not in the queue
	running bool              // the writer runs
	idle    chan struct{}     // closed when it has ended
	closed  bool

	// The writer's, or, before the first one and after the last one, of whoever
	// opens and closes the log.
	failed    error
	segments  []*segment // in order; the last one is written to
	current   file
	size      int64             // of current, up to which it is known to be right
	tail      []*entry          // what is stored, in the order of the numbers
	bytes     int64             // of tail
	count     uint64            // of the last state written
	unsure    bool              // it is not synced, though it should be some time
	place     int64             // where the last state is that is as sure as it is asked for
	renumbers uint32            // in current
	latest    ipcio.OutboxState // the last state written
	written   ipcio.OutboxState // the last one that is as sure as it is asked for
}

// An op is one thing to be written.
type op struct {
	typ    byte // of its record; 0 if it has none
	mark   uint64
	number uint64
	data   []byte
	state  *ipcio.OutboxState // of a Save
	done   chan error         // of a Sync
}

// A segment is one file. All but the last one are complete.
type segment struct {
	number uint64
	size   int64
	live   int // messages in it that are needed
}

// An entry is a message that is needed: where it is.
type entry struct {
	number  uint64
	segment *segment
	offset  int64
	size    int
}

const (
	suffix    = ".log"
	unfit     = ".tmp"
	leastRoom = 4 // so many segments more than needed are kept before one is tidied away
	mostFiles = 64
)

func segmentName(n uint64) string { return fmt.Sprintf("%016x%s", n, suffix) }

func openLog(dir directory, cfg config) (*log, error) {
	l := &log{cfg: cfg, dir: dir}
	next, err := l.load()
	if err != nil {
		return nil, err
	}
	if next > 1<<31-1 {
		return nil, fmt.Errorf("outbox: segment %d is beyond the last possible: move the directory away when it is empty", next)
	}
	l.state, l.latest, l.recovered.State = l.written, l.written, l.written
	if err := l.begin(next); err != nil {
		return nil, fmt.Errorf("outbox: begin a segment: %w", err)
	}
	l.recovered.Token, l.recovered.Generation = l.token, uint32(next)
	l.reclaim()
	return l, nil
}

// load reads what is there, and returns the number of the next segment.
func (l *log) load() (next uint64, err error) {
	names, err := l.dir.list()
	if err != nil {
		return 0, fmt.Errorf("outbox: %w", err)
	}
	for _, name := range names {
		hex, isSegment := strings.CutSuffix(name, suffix)
		n, err := strconv.ParseUint(hex, 16, 64)
		switch {
		case strings.HasSuffix(name, unfit):
			if err := l.dir.remove(name); err != nil {
				return 0, fmt.Errorf("outbox: %w", err)
			}
		case isSegment && err == nil && name == segmentName(n):
			l.segments = append(l.segments, &segment{number: n})
		}
	}
	slices.SortFunc(l.segments, func(a, b *segment) int { return cmp.Compare(a.number, b.number) })

	data := make(map[*entry][]byte)
	damage := func(s *segment, at int, err error) {
		l.recovered.Damage = append(l.recovered.Damage, fmt.Errorf("outbox: %s from byte %d on: %w", segmentName(s.number), at, err))
	}
	known, doubtful := false, false
	for i, s := range l.segments {
		b, err := l.dir.read(segmentName(s.number))
		if err != nil {
			return 0, fmt.Errorf("outbox: %w", err)
		}
		c := parseSegment(b)
		s.size = int64(len(b))
		last := i == len(l.segments)-1
		if c.headerErr != nil {
			damage(s, 0, c.headerErr)
			doubtful = true
		} else {
			if c.header.domain != l.cfg.domain || c.header.client != l.cfg.client {
				return 0, fmt.Errorf("%w: to client %q of domain %q, not to %q of %q", ErrForeign, c.header.client, c.header.domain, l.cfg.client, l.cfg.domain)
			}
			known, l.token = true, c.header.token
		}
		if c.count > 0 {
			l.written = c.state
		}
		if c.shifted {
			l.written.Acked = 0
		}
		if c.stateErr != nil {
			doubtful = doubtful || last
			damage(s, blockBytes, c.stateErr)
		}
		if c.recordErr != nil {
			doubtful = doubtful || !last // the end of the last one may be torn
			damage(s, c.end, c.recordErr)
		}
		for j := range c.records {
			r := &c.records[j]
			switch r.typ {
			case typeMessage:
				data[l.addSorted(s, r)] = r.data
			case typeForget:
				l.forget(r.number)
			case typeRenumber:
				l.renumber(r.number, little.Uint64(r.data))
			}
		}
		next = s.number
	}
	if !known || doubtful {
		rand.Read(l.token[:]) // never fails: it ends the process instead
	}
	if doubtful {
		// Nobody knows what was sent of what is left, or whether the numbers are
		// those that the server knows: it is all for another session.
		l.written.Incarnation = [16]byte{}
		l.written.Connected, l.written.OldTo = true, mostNumber
		if len(l.tail) > 0 {
			l.written.Acked = max(l.written.Acked, l.tail[0].number-1)
		}
	}
	l.acked(l.written.Acked)
	for _, e := range l.tail {
		l.recovered.Messages = append(l.recovered.Messages, ipcio.OutboxMessage{Number: e.number, Frame: data[e]})
	}
	return next + 1, nil
}

// find returns where in tail the first message from number on is.
func (l *log) find(number uint64) int {
	return sort.Search(len(l.tail), func(i int) bool { return l.tail[i].number >= number })
}

// addSorted takes note of a message that was read. One with the same number,
// which was written before, is forgotten.
func (l *log) addSorted(s *segment, r *record) *entry {
	e := &entry{number: r.number, segment: s, offset: int64(r.offset), size: r.size()}
	i := l.find(r.number)
	if i < len(l.tail) && l.tail[i].number == r.number {
		l.drop(l.tail[i])
		l.tail[i] = e
	} else {
		l.tail = slices.Insert(l.tail, i, e)
	}
	s.live++
	l.bytes += int64(e.size)
	return e
}

func (l *log) drop(e *entry) {
	e.segment.live--
	l.bytes -= int64(e.size)
}

func (l *log) forget(number uint64) {
	if i := l.find(number); i < len(l.tail) && l.tail[i].number == number {
		l.drop(l.tail[i])
		l.tail = slices.Delete(l.tail, i, i+1)
	}
}

func (l *log) renumber(from, by uint64) {
	for _, e := range l.tail[l.find(from):] {
		e.number = min(e.number+by, mostNumber)
	}
}

// acked forgets the messages up to number n.
func (l *log) acked(n uint64) {
	i := 0
	for ; i < len(l.tail) && l.tail[i].number <= n; i++ {
		l.drop(l.tail[i])
		l.tail[i] = nil
	}
	if l.tail = l.tail[i:]; len(l.tail) == 0 {
		l.tail = nil
	}
}

// begin makes a segment the one that is written to. If it fails, the former one
// still is.
func (l *log) begin(number uint64) error {
	name := segmentName(number)
	draft := strings.TrimSuffix(name, suffix) + unfit
	b := appendHeader(nil, &header{token: l.token, segment: number, domain: l.cfg.domain, client: l.cfg.client})
	b = append(b, make([]byte, 2*blockBytes)...)
	copy(b[blockBytes:], appendState(nil, &l.latest, l.count+1, 0))
	l.dir.remove(draft) // of a try that failed; there is none as a rule
	f, err := l.dir.create(draft)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil && l.cfg.synced {
		err = f.Sync()
	}
	if err == nil {
		err = l.dir.rename(draft, name)
	}
	if err == nil && l.cfg.synced {
		if err = l.dir.sync(); err != nil {
			err = &fatalError{err} // who knows under which name it is
		}
	}
	if err != nil {
		f.Close()
		l.dir.remove(draft) // it may have its name already; then it is no draft any more
		return err
	}
	if l.current != nil {
		l.current.Close() // everything in it was written, and synced if that is asked for
	}
	l.segments = append(l.segments, &segment{number: number, size: recordsBegin})
	l.current, l.size, l.count, l.renumbers = f, recordsBegin, l.count+1, 0
	l.place, l.unsure = blockBytes, false
	return nil
}

// A fatalError is one after which nobody knows what the disk holds.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

// Recovered returns what the outbox held when it was opened. It can be called
// once: the contents are not kept.
func (l *log) Recovered() ipcio.OutboxContents {
	r := l.recovered
	l.recovered = ipcio.OutboxContents{}
	return r
}

// Append has a message stored.
func (l *log) Append(mark, number uint64, frame []byte) {
	l.take(op{typ: typeMessage, mark: mark, number: number, data: frame})
}

// Forget gives a message up.
func (l *log) Forget(number uint64) { l.take(op{typ: typeForget, number: number}) }

// Renumber changes numbers.
func (l *log) Renumber(from, by uint64) {
	l.take(op{typ: typeRenumber, number: from, data: little.AppendUint64(nil, by)})
}

func (l *log) take(o op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takeLocked(o)
}

func (l *log) takeLocked(o op) {
	l.queue = append(l.queue, o)
	l.runLocked()
}

// Save replaces the state. If only the acknowledged number is another one, it
// is written when the rest is: it may be out of date, so it need not keep its
// place among the records.
func (l *log) Save(s ipcio.OutboxState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.state
	before.Acked = s.Acked
	l.state = s
	if before == s {
		l.changed = true
	} else {
		l.queue = append(l.queue, op{state: &s})
	}
	l.runLocked()
}

// Sync waits until everything before is stored. After Close it fails with
// [ipcio.ErrClosed].
func (l *log) Sync(ctx context.Context) error {
	done := make(chan error, 1)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fmt.Errorf("outbox: nothing is stored any more: %w", ipcio.ErrClosed)
	}
	l.takeLocked(op{done: done})
	l.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes what is left and closes the files.
func (l *log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	idle := l.idle
	l.mu.Unlock()
	if idle != nil {
		<-idle
	}
	if l.mu.Lock(); len(l.queue) > 0 && l.failed == nil { // what waited for room
		queue := l.queue
		l.queue = nil
		l.mu.Unlock()
		l.write(queue, l.state, true)
	} else {
		l.mu.Unlock()
	}
	if l.failed == nil && l.cfg.synced {
		if err := l.current.Sync(); err != nil {
			l.failed = fmt.Errorf("%w: %w", ErrFailed, err)
		}
	}
	return errors.Join(l.failed, l.current.Close(), l.dir.close())
}

func (l *log) runLocked() {
	if !l.running && !l.closed {
		l.running, l.idle = true, make(chan struct{})
		go l.run()
	}
}

// run is the writer. It ends when nothing is left, or when what is left has to
// wait for room.
func (l *log) run() {
	var waiting []op // for room, and for something else to happen
	for {
		l.mu.Lock()
		if len(l.queue) == 0 && (!l.changed || waiting != nil) { // a try without news is in vain
			l.queue = waiting
			l.running = false
			close(l.idle)
			l.mu.Unlock()
			return
		}
		batch := append(waiting, l.queue...)
		state, changed := l.state, l.changed
		l.queue, l.changed = nil, false
		l.mu.Unlock()
		if waiting = l.write(batch, state, changed); waiting != nil {
			l.mu.Lock()
			l.changed = true
			l.mu.Unlock()
		}
	}
}

// write writes a batch and tells what has become of it. What it returns is to
// be written with the next one.
func (l *log) write(batch []op, state ipcio.OutboxState, changed bool) (waiting []op) {
	var (
		kept, refused uint64 // marks
		full          error  // there is no room
		sync          bool
		syncs         []chan error
		before        = l.written
		run           []op
	)
	flush := func() {
		if len(run) == 0 {
			return
		}
		if full == nil && l.failed == nil {
			l.refuse(l.storeRecords(run), &full)
		}
		for _, o := range run {
			switch {
			case full == nil && l.failed == nil:
				sync = sync || o.typ == typeMessage
				kept = max(kept, o.mark)
			case o.typ == typeMessage:
				refused = o.mark
			case full != nil:
				waiting = append(waiting, o)
			}
		}
		run = run[:0]
	}
	save := func(s ipcio.OutboxState) {
		if l.failed == nil {
			l.refuse(l.storeState(&s), &full)
		}
	}
	for _, o := range batch {
		if o.typ != 0 {
			run = append(run, o)
			continue
		}
		flush()
		switch {
		case o.done != nil:
			sync = true
			syncs = append(syncs, o.done)
		case full == nil:
			save(*o.state)
		}
		if full != nil && o.state != nil {
			waiting = append(waiting, o)
		}
	}
	flush()
	if changed && full == nil {
		save(state)
	}
	if sync && l.cfg.synced && l.failed == nil {
		l.refuse(l.sync(), &full)
	}
	if l.failed != nil {
		refused, kept, waiting = max(refused, kept), 0, nil
	} else {
		l.written = l.latest
	}
	if full != nil && waiting == nil {
		waiting = []op{}
	}

	// Also if there is no room to say on the disk what is acknowledged: it makes
	// some. At worst it is sent once more.
	l.acked(state.Acked)
	if kept > 0 {
		l.cfg.stored(kept, nil)
	}
	err := l.failed
	if err == nil && full != nil {
		err = fmt.Errorf("outbox: the disk is full: %w (%w)", ipcio.ErrQueueFull, full)
	}
	if refused > 0 {
		l.cfg.stored(refused, err)
	}
	for _, done := range syncs {
		if l.failed != nil && before.Connected {
			done <- nil // what the disk says of all messages stays true
		} else {
			done <- err
		}
	}
	if l.failed == nil {
		l.reclaim()
	}
	return waiting
}

// refuse takes note of an error: that there is no room for the time being, or
// that the log has failed.
func (l *log) refuse(err error, full *error) {
	switch {
	case err == nil:
	case l.temporary(err):
		*full = err
	default:
		l.failed = fmt.Errorf("%w: %w", ErrFailed, err)
	}
}

// temporary reports whether an error only says that there is no room.
func (l *log) temporary(err error) bool {
	_, fatal := errors.AsType[*fatalError](err)
	return !fatal && noRoom(err)
}

// sync has the current segment on the disk. It is tried once.
func (l *log) sync() error {
	if err := l.current.Sync(); err != nil {
		return &fatalError{err}
	}
	l.sure()
	return nil
}

// sure says that what was written to the current segment is as sure as it is
// asked for.
func (l *log) sure() {
	if l.unsure {
		l.place, l.unsure = l.otherPlace(), false
	}
}

// otherPlace is where the next state goes: never over the one that is sure.
func (l *log) otherPlace() int64 { return 3*blockBytes - l.place }

// storeState writes the state. It is synced with what comes after it.
func (l *log) storeState(s *ipcio.OutboxState) error {
	block := appendState(nil, s, l.count+1, l.renumbers)
	if _, err := l.current.WriteAt(block, l.otherPlace()); err != nil {
		return err
	}
	l.count++
	l.unsure = true
	if !l.cfg.synced {
		l.sure()
	}
	l.latest = *s
	return nil
}

// storeRecords writes records, all of them or none. They are synced with what
// comes after them.
func (l *log) storeRecords(ops []op) error {
	size := 0
	for i := range ops {
		size += recordBytes + len(ops[i].data)
	}
	if l.size > recordsBegin && l.size+int64(size) > int64(l.cfg.segmentBytes) {
		if l.cfg.synced {
			if err := l.sync(); err != nil {
				return err
			}
		}
		if err := l.begin(l.segments[len(l.segments)-1].number + 1); err != nil {
			return err
		}
	}
	last := l.segments[len(l.segments)-1]
	b := make([]byte, 0, size)
	offset := l.size
	for i := range ops {
		b = appendRecord(b, ops[i].typ, ops[i].number, ops[i].data)
	}
	if err := l.append(b); err != nil {
		return err
	}
	for i := range ops {
		o := &ops[i]
		size := recordBytes + len(o.data)
		switch o.typ {
		case typeMessage:
			l.tail = append(l.tail, &entry{number: o.number, segment: last, offset: offset, size: size})
			last.live++
			l.bytes += int64(size)
		case typeForget:
			l.forget(o.number)
		case typeRenumber:
			l.renumber(o.number, little.Uint64(o.data))
			l.renumbers++
		}
		offset += int64(size)
	}
	return nil
}

// append writes records to the end of the current segment. If it fails for want
// of room, nothing of them is there.
func (l *log) append(b []byte) error {
	if _, err := l.current.WriteAt(b, l.size); err != nil {
		if noRoom(err) {
			if err := l.current.Truncate(l.size); err != nil {
				return &fatalError{err}
			}
		}
		return err
	}
	l.size += int64(len(b))
	l.segments[len(l.segments)-1].size = l.size
	return nil
}

// reclaim deletes what is not needed, and makes room if what is needed is
// scattered over much that is not.
func (l *log) reclaim() {
	for len(l.segments) > 1 {
		first := l.segments[0]
		if first.live > 0 && !l.scattered() {
			return
		}
		if first.live > 0 && l.move(first) != nil {
			return // it is tried again
		}
		if err := l.dir.remove(segmentName(first.number)); err != nil {
			return // the same
		}
		l.segments = l.segments[1:]
		if l.cfg.synced && l.dir.sync() != nil {
			return // the next one is not to be gone before this one
		}
	}
}

func (l *log) scattered() bool {
	total := int64(0)
	for _, s := range l.segments {
		total += s.size
	}
	room := int64(leastRoom * l.cfg.segmentBytes)
	return total > 2*l.bytes+room || len(l.segments) > mostFiles+int(2*l.bytes/int64(l.cfg.segmentBytes))
}

// move writes the messages of a segment once more, at the end.
func (l *log) move(from *segment) error {
	f, err := l.dir.open(segmentName(from.number))
	if err != nil {
		return err
	}
	defer f.Close()
	if l.size > recordsBegin && l.size > int64(l.cfg.segmentBytes) {
		if err := l.begin(l.segments[len(l.segments)-1].number + 1); err != nil {
			return err
		}
	}
	last := l.segments[len(l.segments)-1]
	var b []byte
	var moved []*entry
	var offsets []int64
	for _, e := range l.tail {
		if e.segment != from {
			continue
		}
		old := make([]byte, e.size)
		if _, err := f.ReadAt(old, e.offset); err != nil {
			return err
		}
		r, err := parseRecord(old)
		if err != nil {
			return err // it can still be sent by this process: what is on the disk stays as it is
		}
		moved, offsets = append(moved, e), append(offsets, l.size+int64(len(b)))
		b = appendRecord(b, typeMessage, e.number, r.data)
	}
	err = l.append(b)
	if err == nil && l.cfg.synced {
		err = l.sync()
	}
	if err != nil {
		var full error
		l.refuse(err, &full)
		return err
	}
	for i, e := range moved {
		e.segment.live--
		e.segment, e.offset = last, offsets[i]
		last.live++
	}
	return nil
}
