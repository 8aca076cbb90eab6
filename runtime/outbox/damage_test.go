package outbox

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// sample returns the bytes of a segment of about 64 KiB, and what is in it.
func sample(t testing.TB) ([]byte, contents) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(6, 6))
	dir := newMemory()
	b := newBook()
	if err := b.open(dir, true, 1<<20); err != nil {
		t.Fatal(err)
	}
	for size := 0; size < 62<<10; {
		b.append(text(rnd, int(b.mark)+1))
		size += recordBytes + len(b.texts[b.mark])
		switch rnd.IntN(20) {
		case 0:
			b.forget(b.mark)
			size += recordBytes
		case 1:
			b.renumber(b.next-1, 2)
			size += recordBytes + 8
		}
	}
	b.state.Connected = true
	b.save()
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	data := dir.files[segmentName(1)].data
	c := parseSegment(data)
	if c.headerErr != nil || c.stateErr != nil || c.recordErr != nil || c.end != len(data) {
		t.Fatalf("%v %v %v", c.headerErr, c.stateErr, c.recordErr)
	}
	return data, c
}

// prefix checks that what is read of a damaged segment is a prefix of what was
// there: nothing invented, nothing changed, and all that lies before the damage.
func prefix(t *testing.T, got, want contents, at int) {
	t.Helper()
	if len(got.records) > len(want.records) {
		t.Fatalf("damage at byte %d: %d records, there were %d", at, len(got.records), len(want.records))
	}
	for i, r := range got.records {
		if w := want.records[i]; r.typ != w.typ || r.number != w.number || string(r.data) != string(w.data) {
			t.Fatalf("damage at byte %d: record %d is %+v, was %+v", at, i, r, w)
		}
	}
	for _, w := range want.records[len(got.records):] {
		if w.offset+w.size() <= at {
			t.Fatalf("damage at byte %d: the record at %d is lost", at, w.offset)
		}
	}
}

// around returns the segment without the records that are far from byte at, as
// reading them again for every byte takes too long, what is in it, and where
// the byte is now. Now and then it returns all of it.
func around(data []byte, all contents, at int) ([]byte, contents, int) {
	if at%97 == 0 || at < recordsBegin {
		return slices.Clone(data), all, at
	}
	near := slices.Clone(data[:recordsBegin])
	c, now := contents{}, at
	for _, r := range all.records {
		if r.offset+r.size() < at-400 || r.offset > at+400 {
			continue
		}
		if r.offset <= at && at < r.offset+r.size() {
			now = len(near) + at - r.offset
		}
		near = append(near, data[r.offset:r.offset+r.size()]...)
		r.offset = len(near) - r.size()
		c.records = append(c.records, r)
	}
	return near, c, now
}

// A bit that flips, wherever it does, is found, and what is before it is kept.
func TestEveryByteFlipped(t *testing.T) {
	data, all := sample(t)
	for i := 0; i < len(data); i += stride {
		near, want, at := around(data, all, i)
		near[at] ^= 1 << (i % 8)
		got := parseSegment(near)
		if got.headerErr == nil && got.stateErr == nil && got.recordErr == nil {
			t.Fatalf("byte %d: not found", i)
		}
		prefix(t, got, want, at)
		if i < recordsBegin && len(got.records) != len(want.records) {
			t.Fatalf("byte %d: the header is damaged, and records are lost", i)
		}
	}
	t.Logf("ledger: bytes_flipped=%d", (len(data)+stride-1)/stride)
}

// A file that ends anywhere is read up to there, also if the system has left
// zeros behind.
func TestEveryByteTorn(t *testing.T) {
	data, all := sample(t)
	for i := 0; i < len(data); i += stride {
		near, want, at := around(data, all, i)
		torn := parseSegment(near[:at])
		prefix(t, torn, want, at)
		whole := slices.ContainsFunc(want.records, func(r record) bool { return r.offset == at })
		if found := torn.headerErr != nil || torn.stateErr != nil || torn.recordErr != nil; !found && !whole {
			t.Fatalf("torn at byte %d: not found", i)
		}
		if i > recordsBegin {
			prefix(t, parseSegment(append(near[:at:at], make([]byte, 64)...)), want, at)
		}
	}
}

// What damage means for those who open the outbox: all that can be read is
// there and it is reported. If what is known of it may not be true, it is for
// another session, flagged.
func TestOpenDamaged(t *testing.T) {
	dir := newMemory()
	b := newBook()
	if err := b.open(dir, true, recordsBegin+200); err != nil {
		t.Fatal(err)
	}
	token := b.log.Recovered().Token
	for i := range 30 {
		b.append(fmt.Sprintf("message %d", i))
		if err := b.log.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	last := uint64(len(dir.files))
	for _, test := range []struct {
		name     string
		segment  uint64
		at       int
		doubtful bool
		lost     bool // perhaps
	}{
		{"header of the first", 1, 20, true, false},
		{"state of the first", 1, blockBytes + 3, false, false},
		{"record of the first", 1, recordsBegin + 30, true, true},
		{"header of the last", last, 20, true, false},
		{"state of the last", last, blockBytes + 3, true, false},
		{"record of the last", last, recordsBegin + 30, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			damaged := dir.copy()
			damaged.files[segmentName(test.segment)].data[test.at] ^= 4
			l, err := openLog(damaged, config{synced: true, segmentBytes: 1 << 20, domain: "d", client: "c", stored: b.stored})
			if err != nil {
				t.Fatal(err)
			}
			r := l.Recovered()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if len(r.Damage) != 1 {
				t.Errorf("damage %v", r.Damage)
			}
			if !test.lost {
				b.compare(t, r.Messages, true)
			} else if len(r.Messages) < 20 || len(r.Messages) >= 30 {
				t.Errorf("%d messages", len(r.Messages))
			}
			if got := r.Token != token; got != test.doubtful {
				t.Errorf("another session: %v", got)
			}
			if test.doubtful && (!r.State.Connected || r.State.OldTo < 30 || r.State.Incarnation != [16]byte{}) {
				t.Errorf("state %+v", r.State)
			}
			if r.Generation != uint32(last)+1 {
				t.Errorf("generation %d after %d segments", r.Generation, last)
			}
		})
	}
}

// The format is what the doc says: these bytes do not change.
func TestFormat(t *testing.T) {
	token := [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	h := appendHeader(nil, &header{token: token, segment: 0x1122, domain: "jobs", client: "ann"})
	s := appendState(nil, &ipcio.OutboxState{
		Incarnation: token, Connected: true, Farewell: true, Acked: 1, SentTo: 2, OldTo: 3, Suspect: 4, SuspectTo: 5, Deliveries: 6,
		Epoch: [16]byte{9, 8, 7}, NowTo: 10,
	}, 7, 8)
	trim := func(b []byte, from, to int) string { return hex.EncodeToString(b[from:to]) }
	got := []string{
		trim(h, 0, 48), trim(h, 104, 110), trim(h, 508, 512),
		trim(s, 0, 99), trim(s, 508, 512),
		hex.EncodeToString(appendRecord(nil, typeMessage, 9, []byte("frame"))),
		hex.EncodeToString(appendRecord(nil, typeForget, 9, nil)),
		hex.EncodeToString(appendRecord(nil, typeRenumber, 9, little.AppendUint64(nil, 3))),
	}
	want := []string{
		"697063696f2d6f7574626f7820310a000102030405060708090a0b0c0d0e0f102211000000000000046a6f6273000000",
		"03616e6e0000",
		"a6783347",
		"0700000000000000030102030405060708090a0b0c0d0e0f10010000000000000002000000000000000300000000000000040000000000000005000000000000000600000008000000090807000000000000000000000000000a000000000000000000",
		"4a030d44",
		"0e000000651e5a770109000000000000006672616d65",
		"09000000c48b62e9020900000000000000",
		"11000000fd0277530309000000000000000300000000000000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A state that was written before there were epochs is read.
func TestFormatWithoutEpoch(t *testing.T) {
	want := ipcio.OutboxState{
		Incarnation: [16]byte{1, 2, 3}, Connected: true, Acked: 1, SentTo: 2, OldTo: 3, Suspect: 4, SuspectTo: 5, Deliveries: 6,
	}
	old, err := hex.DecodeString("070000000000000001010203000000000000000000000000000100000000000000" +
		"0200000000000000030000000000000004000000000000000500000000000000" + "0600000008000000")
	if err != nil {
		t.Fatal(err)
	}
	block := append(old, make([]byte, blockBytes-len(old))...)
	sealBlock(block)
	segment := append(appendHeader(nil, &header{segment: 1, domain: "d", client: "c"}), block...)
	c := parseSegment(append(segment, make([]byte, blockBytes)...))
	if diff := cmp.Diff(want, c.state); diff != "" || c.count != 7 {
		t.Errorf("state %d (-want +got):\n%s", c.count, diff)
	}
}

// FuzzSegment: whatever a file holds, reading it ends, takes no more memory
// than the file, and what was read can be written and is read again. With seal,
// checksums are made right, so that what they protect is reached.
func FuzzSegment(f *testing.F) {
	records := appendRecord(nil, typeMessage, 3, []byte("one"))
	records = appendRecord(records, typeRenumber, 3, little.AppendUint64(nil, 4))
	records = appendRecord(records, typeForget, 9, nil)
	records = appendRecord(records, typeMessage, 9, []byte("another"))
	state := appendState(nil, &ipcio.OutboxState{Acked: 2, SentTo: 3}, 1, 0)
	f.Add(state[:80], records, true)
	f.Add([]byte{}, records, false)
	f.Fuzz(func(t *testing.T, state, records []byte, seal bool) {
		b := appendHeader(nil, &header{segment: 7, domain: "d", client: "c"})
		b = append(b, make([]byte, 2*blockBytes)...)
		copy(b[blockBytes:], state)
		b = append(b, records...)
		if seal {
			sealBlock(b[blockBytes:])
			for rest := b[recordsBegin:]; len(rest) >= recordBytes; {
				n := 8 + int64(little.Uint32(rest))
				if n < recordBytes || n > int64(len(rest)) {
					break
				}
				little.PutUint32(rest[4:], recordSum(rest[:n]))
				rest = rest[n:]
			}
		}
		c := parseSegment(b)
		again := slices.Clone(b[:recordsBegin])
		for _, r := range c.records {
			again = appendRecord(again, r.typ, r.number, r.data)
		}
		if string(again) != string(b[:c.end]) {
			t.Fatalf("%d records are written as other bytes", len(c.records))
		}
		dir := newMemory()
		dir.files[segmentName(7)] = &memoryFile{dir: dir, data: slices.Clone(b), kept: slices.Clone(b)}
		l, err := openLog(dir, config{segmentBytes: 1 << 20, domain: "d", client: "c", stored: func(uint64, error) {}})
		if err != nil {
			t.Fatal(err)
		}
		r := l.Recovered()
		for i, m := range r.Messages {
			if m.Number <= r.State.Acked || i > 0 && m.Number < r.Messages[i-1].Number {
				t.Fatalf("message %d, state %+v", m.Number, r.State)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
