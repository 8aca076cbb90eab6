package wire

import "fmt"

// CBOR major types, as the high bits of a head (RFC 8949, section 3.1).
const (
	majorUint  = 0x00
	majorBytes = 0x40
	majorText  = 0x60
	majorArray = 0x80
	majorMap   = 0xa0
	null       = 0xf6
)

// appendHead appends a head in preferred length (RFC 8949, section 4.1).
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return append(b, major|25, byte(n>>8), byte(n))
	case n < 1<<32:
		return append(b, major|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, major|27, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func headLen(n uint64) int {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	case n < 1<<32:
		return 5
	}
	return 9
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

// Append appends f as it travels, its length prefix first. The frame's fields
// must be within the limits of this package; its payload must be one CBOR
// item, or nil for the kinds that have none.
func Append(b []byte, f *Frame) []byte {
	b = appendEnvelope(b, f)
	return append(b, f.Payload...)
}

// MarkRedelivered sets the flag Redelivered in an encoded frame of a kind that
// has flags behind its number, and whose kind is below 24.
func MarkRedelivered(frame []byte) {
	length := func(head byte) int {
		return headLen([...]uint64{0, 1 << 5, 1 << 8, 1 << 16, 1 << 32}[max(int(head&0x1f)-23, 0)])
	}
	at := length(frame[0]) + 2 // the prefix, the array's head and the kind
	frame[at+length(frame[at])] |= byte(Redelivered)
}

// AppendEnvelope appends all of f but its payload, which must follow. So a
// large payload need not be copied.
func AppendEnvelope(b []byte, f *Frame) []byte { return appendEnvelope(b, f) }

func appendEnvelope(b []byte, f *Frame) []byte {
	// The prefix needs the size of what follows: build the envelope behind the
	// longest prefix, then move it to the front.
	const longest = 9
	start := len(b)
	b = append(b, make([]byte, longest)...)
	b = appendContent(b, f)
	envelope := b[start+longest:]
	size := uint64(len(envelope) + len(f.Payload))
	prefix := appendHead(b[:start], majorBytes, size)
	return append(prefix, envelope...)
}

func appendContent(b []byte, f *Frame) []byte {
	array := func(n int) []byte { return appendHead(append(b, majorArray|byte(n)), majorUint, uint64(f.Kind)) }
	switch f.Kind {
	case KindClose:
		b = array(4)
		b = appendText(b, f.Code)
		b = appendHead(b, majorUint, f.From)
		return appendHead(b, majorUint, f.To)
	case KindPing, KindPong, KindKnock:
		return array(1)
	case KindAck:
		b = array(5)
		b = appendHead(b, majorUint, f.Number)
		b = appendHead(b, majorUint, f.To)
		b = appendHead(b, majorUint, f.Frames)
		return appendHead(b, majorUint, f.Bytes)
	case KindAckRequest, KindBroadcastAck:
		b = array(2)
		return appendHead(b, majorUint, f.Number)
	case KindEvent, KindBroadcast:
		b = array(6)
		b = appendNumber(b, f)
		b = appendPeer(b, f.Peer)
		return appendText(b, f.Command)
	case KindCall:
		b = array(7)
		b = appendNumber(b, f)
		b = appendPeer(b, f.Peer)
		b = appendText(b, f.Command)
		return appendHead(b, majorUint, uint64(f.Timeout))
	case KindReply:
		b = array(5)
		b = appendNumber(b, f)
		return appendHead(b, majorUint, uint64(f.Ref))
	case KindFail:
		b = array(8)
		b = appendNumber(b, f)
		b = appendHead(b, majorUint, uint64(f.Ref))
		b = appendText(b, f.Code)
		b = appendText(b, f.Message)
		return append(b, byte(f.Outcome))
	case KindNack:
		b = array(10)
		b = appendNumber(b, f)
		b = appendHead(b, majorUint, f.From)
		b = appendHead(b, majorUint, f.To)
		b = appendPeer(b, f.Peer)
		b = appendText(b, f.Command)
		b = appendText(b, f.Code)
		return appendText(b, f.Message)
	case KindSkip:
		b = array(6)
		b = append(b, byte(f.Sequence))
		b = appendHead(b, majorUint, f.From)
		b = appendHead(b, majorUint, f.To)
		b = appendHead(b, majorUint, f.Count)
		return appendText(b, f.Code)
	case KindCancel:
		b = array(2)
		return appendHead(b, majorUint, uint64(f.Ref))
	case KindQuery:
		b = array(3)
		b = appendHead(b, majorUint, f.Number)
		return appendText(b, f.Command)
	case KindAnswer, KindCommands:
		b = array(3)
		return appendHead(b, majorUint, f.Number)
	}
	panic(fmt.Sprintf("wire: cannot append a frame of kind %d", f.Kind))
}

func appendNumber(b []byte, f *Frame) []byte {
	return append(appendHead(b, majorUint, f.Number), byte(f.Flags))
}

func appendPeer(b []byte, p *Peer) []byte {
	switch {
	case p == nil:
		return append(b, null)
	case p.ID == ID{}:
		return appendText(b, p.Name)
	case p.Name == "":
		return append(append(b, majorBytes|16), p.ID[:]...)
	}
	b = append(b, majorArray|5)
	b = appendText(b, p.Name)
	b = append(append(b, majorBytes|16), p.ID[:]...)
	b = appendHead(b, majorUint, uint64(p.UID))
	b = appendHead(b, majorUint, uint64(p.GID))
	return appendHead(b, majorUint, uint64(max(p.PID, 0)))
}

// Size returns an upper bound of the bytes that Append adds for f, close enough
// for the limits that are checked with it.
func Size(f *Frame) int {
	return MaxOverhead + len(f.Command) + len(f.Code) + len(f.Message) + len(f.Payload)
}
