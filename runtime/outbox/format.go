package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

const (
	blockBytes   = 512 // of the header and of each state
	recordsBegin = 3 * blockBytes
	recordBytes  = 17 // of a record, before what its type adds
	mostRecord   = 1 << 30

	typeMessage  = 1
	typeForget   = 2
	typeRenumber = 3
)

var (
	magic      = [16]byte{'i', 'p', 'c', 'i', 'o', '-', 'o', 'u', 't', 'b', 'o', 'x', ' ', '1', '\n', 0}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	little     = binary.LittleEndian
)

// A header says whose a segment is.
type header struct {
	token          [16]byte
	segment        uint64
	domain, client string
}

func sealBlock(b []byte) {
	little.PutUint32(b[blockBytes-4:], crc32.Checksum(b[:blockBytes-4], castagnoli))
}

func sealed(b []byte) bool {
	return little.Uint32(b[blockBytes-4:]) == crc32.Checksum(b[:blockBytes-4], castagnoli)
}

func appendHeader(b []byte, h *header) []byte {
	var block [blockBytes]byte
	copy(block[:], magic[:])
	copy(block[16:], h.token[:])
	little.PutUint64(block[32:], h.segment)
	block[40] = byte(copy(block[41:104], h.domain))
	block[104] = byte(copy(block[105:168], h.client))
	sealBlock(block[:])
	return append(b, block[:]...)
}

func parseHeader(b []byte) (h header, err error) {
	switch {
	case len(b) < blockBytes:
		return h, fmt.Errorf("its header has %d bytes, not %d", len(b), blockBytes)
	case !sealed(b):
		return h, errors.New("the checksum of its header is wrong")
	case [16]byte(b) != magic:
		return h, errors.New("it is of another version")
	case b[40] > 63 || b[104] > 63:
		return h, errors.New("a name in its header is too long")
	}
	h.token = [16]byte(b[16:])
	h.segment = little.Uint64(b[32:])
	h.domain = string(b[41 : 41+b[40]])
	h.client = string(b[105 : 105+b[104]])
	return h, nil
}

// appendState appends the state with its count. renumbers is how many records
// of that type its segment has.
func appendState(b []byte, s *ipcio.OutboxState, count uint64, renumbers uint32) []byte {
	var block [blockBytes]byte
	little.PutUint64(block[0:], count)
	if s.Connected {
		block[8] |= 1
	}
	if s.Farewell {
		block[8] |= 2
	}
	copy(block[9:], s.Incarnation[:])
	little.PutUint64(block[25:], s.Acked)
	little.PutUint64(block[33:], s.SentTo)
	little.PutUint64(block[41:], s.OldTo)
	little.PutUint64(block[49:], s.Suspect)
	little.PutUint64(block[57:], s.SuspectTo)
	little.PutUint32(block[65:], s.Deliveries)
	little.PutUint32(block[69:], renumbers)
	copy(block[73:], s.Epoch[:])
	little.PutUint64(block[89:], s.NowTo)
	sealBlock(block[:])
	return append(b, block[:]...)
}

func parseState(b []byte) (s ipcio.OutboxState, count uint64, renumbers uint32) {
	s = ipcio.OutboxState{
		Incarnation: [16]byte(b[9:]), Epoch: [16]byte(b[73:]), Connected: b[8]&1 != 0, Farewell: b[8]&2 != 0,
		Acked: little.Uint64(b[25:]), SentTo: little.Uint64(b[33:]), OldTo: little.Uint64(b[41:]),
		NowTo: little.Uint64(b[89:]), Suspect: little.Uint64(b[49:]), SuspectTo: little.Uint64(b[57:]), Deliveries: little.Uint32(b[65:]),
	}
	return s, little.Uint64(b[0:]), little.Uint32(b[69:])
}

// A record is one record of a segment. Its data are part of the segment's.
type record struct {
	typ    byte
	number uint64
	data   []byte
	offset int // where it begins
}

func (r *record) size() int { return recordBytes + len(r.data) }

func appendRecord(b []byte, typ byte, number uint64, data []byte) []byte {
	start := len(b)
	b = little.AppendUint32(b, uint32(recordBytes-8+len(data)))
	b = append(b, 0, 0, 0, 0, typ)
	b = little.AppendUint64(b, number)
	b = append(b, data...)
	little.PutUint32(b[start+4:], recordSum(b[start:]))
	return b
}

func recordSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[8:])
}

func parseRecord(b []byte) (r record, err error) {
	if len(b) < recordBytes {
		return r, fmt.Errorf("%d bytes are no record", len(b))
	}
	n := int64(little.Uint32(b))
	switch {
	case n < recordBytes-8 || n > mostRecord:
		return r, fmt.Errorf("a record of %d bytes", n)
	case n > int64(len(b)-8):
		return r, fmt.Errorf("a record of %d bytes, of which %d are there", n, len(b)-8)
	}
	b = b[:8+n]
	if little.Uint32(b[4:]) != recordSum(b) {
		return r, errors.New("the checksum of a record is wrong")
	}
	r = record{typ: b[8], number: little.Uint64(b[9:]), data: b[recordBytes:len(b):len(b)]}
	switch {
	case r.number == 0 || r.number > mostNumber:
		return r, fmt.Errorf("a record with the number %d", r.number)
	case r.typ == typeMessage:
	case r.typ == typeForget && len(r.data) == 0:
	case r.typ == typeRenumber && len(r.data) == 8 && little.Uint64(r.data) <= mostNumber:
	default:
		return r, fmt.Errorf("a record of type %d with %d bytes", r.typ, len(r.data))
	}
	return r, nil
}

// mostNumber is the largest number of a message.
const mostNumber = 1<<63 - 1

// A contents is what can be read of one segment.
type contents struct {
	header    header
	headerErr error
	state     ipcio.OutboxState
	count     uint64 // of the state; 0 if there is none
	stateErr  error  // a state cannot be read: what is in state may be out of date
	shifted   bool   // a change of numbers is missing: those in state are not those of the records
	records   []record
	end       int   // behind the last record
	recordErr error // what follows them is none
}

// parseSegment reads as much of a segment as it can.
func parseSegment(b []byte) (c contents) {
	c.header, c.headerErr = parseHeader(b)
	renumbers := uint32(0)
	for begin := blockBytes; begin < recordsBegin; begin += blockBytes {
		if len(b) < begin+blockBytes {
			c.stateErr = errors.New("a state is missing")
			break
		}
		block := b[begin : begin+blockBytes]
		switch {
		case sealed(block):
			if s, count, n := parseState(block); count > c.count {
				c.state, c.count, renumbers = s, count, n
			}
		case !bytes.Equal(block, make([]byte, blockBytes)):
			c.stateErr = errors.New("the checksum of a state is wrong")
		}
	}
	c.end = min(recordsBegin, len(b))
	for c.end < len(b) {
		r, err := parseRecord(b[c.end:])
		if err != nil {
			c.recordErr = err
			break
		}
		r.offset = c.end
		c.records = append(c.records, r)
		c.end += r.size()
		if r.typ == typeRenumber && renumbers > 0 {
			renumbers--
		}
	}
	if renumbers > 0 {
		c.stateErr, c.shifted = errors.New("a change of numbers is missing"), true
	}
	if c.count == 0 && c.stateErr == nil {
		c.stateErr = errors.New("there is no state")
	}
	return c
}
