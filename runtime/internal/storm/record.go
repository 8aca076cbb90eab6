//go:build linux

package storm

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A Flow is a kind of messages that are numbered among themselves.
type Flow uint8

// The flows.
const (
	Up     Flow = iota + 1 // events from a client to the server
	Down                   // events from the server to a client
	Across                 // events from a client to another
	News                   // broadcasts of the server
	Calls                  // calls from a client to the server; no order is promised when they end
)

func (f Flow) String() string {
	names := [...]string{Up: "up", Down: "down", Across: "across", News: "news", Calls: "calls"}
	if int(f) < len(names) && names[f] != "" {
		return names[f]
	}
	return fmt.Sprintf("flow %d", uint8(f))
}

// An Event is what a record says happened.
type Event uint8

// The events.
const (
	Accepted   Event = iota + 1 // Emit, EmitTo or Broadcast returned nil
	Handled                     // a handler ran
	Missed                      // OnGap told of Count messages
	Answered                    // a call's reply came
	NotHandled                  // a call ended with an error that says it did not run
	Unknown                     // a call ended with an error that leaves it open
)

func (e Event) String() string {
	names := [...]string{Accepted: "accepted", Handled: "handled", Missed: "missed", Answered: "answered", NotHandled: "not handled", Unknown: "unknown"}
	if int(e) < len(names) && names[e] != "" {
		return names[e]
	}
	return fmt.Sprintf("event %d", uint8(e))
}

// A Record is one thing that one process saw.
type Record struct {
	Event   Event
	Flow    Flow
	Flagged bool   // Redelivered said so
	Life    uint32 // of the server: which sent it (Down, News), or which handled it (Up, Calls)
	From    uint32 // the session it came from; 0 is the server
	To      uint32 // the session it went to; 0 is the server
	Number  uint64 // from 1, within the flow from From to To
	Count   uint64 // of Missed
}

// recordSize divides the size of a page: the kernel may cut a write short for
// a kill only between pages.
const recordSize = 32

func (r *Record) append(b []byte) []byte {
	flags := byte(0)
	if r.Flagged {
		flags = 1
	}
	b = append(b, byte(r.Event), byte(r.Flow), flags, 'R')
	b = binary.LittleEndian.AppendUint32(b, r.Life)
	b = binary.LittleEndian.AppendUint32(b, r.From)
	b = binary.LittleEndian.AppendUint32(b, r.To)
	b = binary.LittleEndian.AppendUint64(b, r.Number)
	return binary.LittleEndian.AppendUint64(b, r.Count)
}

func (r *Record) parse(b []byte) error {
	if b[3] != 'R' || b[2] > 1 {
		return fmt.Errorf("not a record: %x", b)
	}
	*r = Record{
		Event: Event(b[0]), Flow: Flow(b[1]), Flagged: b[2] == 1,
		Life: binary.LittleEndian.Uint32(b[4:]), From: binary.LittleEndian.Uint32(b[8:]), To: binary.LittleEndian.Uint32(b[12:]),
		Number: binary.LittleEndian.Uint64(b[16:]), Count: binary.LittleEndian.Uint64(b[24:]),
	}
	return nil
}

// A Journal is a file of records to which one process appends. Any number of
// goroutines may use it.
type Journal struct{ file *os.File }

// OpenJournal opens the journal at path, and makes it if it is not there.
func OpenJournal(path string) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &Journal{file: file}, nil
}

// Write appends a record. When it returns, the kernel has it: a kill of this
// process loses it no more.
func (j *Journal) Write(r Record) error {
	var buf [recordSize]byte
	_, err := j.file.Write(r.append(buf[:0]))
	return err
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// ReadJournal calls f with each record of the journal at path, in the order
// they were written. A journal that is not there is empty.
func ReadJournal(path string, f func(Record)) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<16)
	var buf [recordSize]byte
	for n := 0; ; n++ {
		switch _, err := io.ReadFull(r, buf[:]); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("%s: record %d: %w", path, n, err)
		}
		var rec Record
		if err := rec.parse(buf[:]); err != nil {
			return fmt.Errorf("%s: record %d: %w", path, n, err)
		}
		f(rec)
	}
}
