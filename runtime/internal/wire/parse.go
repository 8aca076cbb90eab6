package wire

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// A Parser reads the content of frames. It keeps the command names it has
// seen, so that a name that comes again is not allocated again; how many is
// bounded. The zero value is ready. It is not safe for concurrent use.
type Parser struct{ names map[string]string }

const mostNames = 1024

// Parse reads the content of one frame, which is what [Reader.Next] returned,
// into f. The payload is not copied: it is a part of content. An unknown kind
// that has the bit Ignorable is no error: f.Kind tells. The kinds Hello,
// Welcome and Refuse are not parsed here. An error is a *MalformedError.
func (p *Parser) Parse(content []byte, f *Frame) error {
	*f = Frame{}
	c := cursor{b: content}
	n := c.array()
	kind := c.uint()
	if c.reason == "" && kind > math.MaxUint8 {
		c.fail("unknown kind")
	}
	f.Kind = Kind(kind)
	if c.reason == "" {
		p.fields(&c, f, n)
	}
	if c.reason != "" {
		return &MalformedError{Kind: f.Kind, Reason: c.reason}
	}
	return nil
}

func (p *Parser) fields(c *cursor, f *Frame, n uint64) {
	want := func(elements uint64) {
		if n != elements {
			c.fail(fmt.Sprintf("an array of %d elements, want %d", n, elements))
		}
	}
	switch f.Kind {
	case KindClose:
		want(4)
		f.Code = c.text(MaxCode)
		f.From = c.number(0)
		f.To = c.number(0)
	case KindPing, KindPong, KindKnock:
		want(1)
	case KindAck:
		want(5)
		f.Number = c.number(0)
		f.To = c.number(0)
		f.Frames = c.uint()
		f.Bytes = c.uint()
	case KindAckRequest, KindBroadcastAck:
		want(2)
		f.Number = c.number(0)
	case KindEvent, KindBroadcast:
		want(6)
		c.numberAndFlags(f)
		f.Peer = c.peer()
		f.Command = p.command(c)
		f.Payload = c.rest()
		return
	case KindCall:
		want(7)
		c.numberAndFlags(f)
		f.Peer = c.peer()
		f.Command = p.command(c)
		f.Timeout = int64(min(c.uint(), math.MaxInt64))
		f.Payload = c.rest()
		return
	case KindReply:
		want(5)
		c.numberAndFlags(f)
		f.Ref = c.ref()
		f.Payload = c.rest()
		return
	case KindFail:
		want(8)
		c.numberAndFlags(f)
		f.Ref = c.ref()
		f.Code = c.text(MaxCode)
		f.Message = c.text(MaxMessage)
		f.Outcome = c.outcome()
		f.Payload = c.rest()
		return
	case KindNack:
		want(10)
		c.numberAndFlags(f)
		f.From, f.To = c.span()
		f.Peer = c.peer()
		f.Command = p.command(c)
		f.Code = c.text(MaxCode)
		f.Message = c.text(MaxMessage)
		f.Payload = c.rest()
		return
	case KindSkip:
		want(6)
		f.Sequence = Sequence(c.below(uint64(B) + 1))
		f.From, f.To = c.span()
		f.Count = c.uint()
		f.Code = c.text(MaxCode)
	case KindCancel:
		want(2)
		f.Ref = c.ref()
	case KindQuery:
		want(3)
		f.Number = c.uint()
		f.Command = c.text(MaxCommand)
	case KindAnswer, KindCommands:
		want(3)
		f.Number = c.uint()
		f.Payload = c.rest()
		return
	default:
		if f.Kind&Ignorable == 0 {
			c.fail("unknown kind")
		}
		return
	}
	c.end()
}

// command reads a command's name through the table of known names.
func (p *Parser) command(c *cursor) string {
	b := c.textBytes(MaxCommand)
	if s, ok := p.names[string(b)]; ok {
		return s
	}
	if c.reason != "" {
		return ""
	}
	if len(b) == 0 {
		c.fail("the command's name is empty")
		return ""
	}
	s := string(b)
	if p.names == nil {
		p.names = make(map[string]string)
	}
	if len(p.names) < mostNames {
		p.names[s] = s
	}
	return s
}

// A cursor reads CBOR items. After the first thing that is wrong it reads
// nothing more: reason says what.
type cursor struct {
	b      []byte
	off    int
	reason string
}

func (c *cursor) fail(reason string) {
	if c.reason == "" {
		c.reason = fmt.Sprintf("%s (at byte %d)", reason, c.off)
	}
}

// head reads one head in preferred length, of the wanted major type.
func (c *cursor) head(major byte, what string) uint64 {
	if c.reason != "" {
		return 0
	}
	if c.off >= len(c.b) {
		c.fail("cut short: want " + what)
		return 0
	}
	first := c.b[c.off]
	if first&0xe0 != major {
		c.fail("want " + what)
		return 0
	}
	info := first & 0x1f
	if info < 24 {
		c.off++
		return uint64(info)
	}
	if info > 27 {
		c.fail("want " + what + " of definite length")
		return 0
	}
	width := 1 << (info - 24)
	if len(c.b)-c.off-1 < width {
		c.fail("cut short: want " + what)
		return 0
	}
	var n uint64
	for _, x := range c.b[c.off+1 : c.off+1+width] {
		n = n<<8 | uint64(x)
	}
	if headLen(n) != 1+width {
		c.fail("a number that is not in its shortest form")
		return 0
	}
	c.off += 1 + width
	return n
}

func (c *cursor) array() uint64 { return c.head(majorArray, "an array") }
func (c *cursor) uint() uint64  { return c.head(majorUint, "an unsigned integer") }

func (c *cursor) below(limit uint64) uint64 {
	n := c.uint()
	if n >= limit {
		c.fail(fmt.Sprintf("%d is not below %d", n, limit))
		return 0
	}
	return n
}

// number reads a number of a sequence that is least or more.
func (c *cursor) number(least uint64) uint64 {
	n := c.uint()
	if c.reason == "" && (n < least || n > MaxNumber) {
		c.fail(fmt.Sprintf("the number %d is not in %d..%d", n, least, uint64(MaxNumber)))
		return 0
	}
	return n
}

func (c *cursor) numberAndFlags(f *Frame) {
	f.Number = c.number(1)
	flags := c.uint()
	if flags&^uint64(knownFlags) != 0 {
		c.fail("unknown flags")
		return
	}
	f.Flags = Flags(flags)
	if f.Flags&Nested != 0 && f.Kind != KindCall {
		c.fail("only a call can be nested")
	}
}

func (c *cursor) ref() Ref {
	n := c.uint()
	if c.reason == "" && n < 2 {
		c.fail("a call's number is 1 or more")
	}
	return Ref(n)
}

// outcome reads the outcome of a failure that was received, so of a call that
// was sent.
func (c *cursor) outcome() Outcome {
	o := Outcome(c.below(uint64(OutcomeHandled) + 1))
	if o == OutcomeNotSent {
		c.fail("a failure of a call that was not sent")
	}
	return o
}

func (c *cursor) span() (from, to uint64) {
	from, to = c.number(1), c.number(1)
	if c.reason == "" && to < from {
		c.fail(fmt.Sprintf("the range %d..%d is empty", from, to))
	}
	return from, to
}

func (c *cursor) take(n uint64, what string) []byte {
	if c.reason != "" {
		return nil
	}
	if n > uint64(len(c.b)-c.off) {
		c.fail("cut short: want " + what)
		return nil
	}
	b := c.b[c.off : c.off+int(n)]
	c.off += int(n)
	return b
}

func (c *cursor) textBytes(limit uint64) []byte {
	n := c.head(majorText, "a text")
	if n > limit {
		c.fail(fmt.Sprintf("a text of %d bytes, at most %d are allowed", n, limit))
		return nil
	}
	b := c.take(n, "a text")
	if !utf8.Valid(b) {
		c.fail("a text that is not UTF-8")
		return nil
	}
	return b
}

func (c *cursor) text(limit uint64) string { return string(c.textBytes(limit)) }

func (c *cursor) id() (id ID) {
	if n := c.head(majorBytes, "16 bytes"); c.reason == "" && n != 16 {
		c.fail("want 16 bytes")
	}
	copy(id[:], c.take(16, "16 bytes"))
	return id
}

func (c *cursor) peer() *Peer {
	if c.reason != "" {
		return nil
	}
	if c.off >= len(c.b) {
		c.fail("cut short: want a peer")
		return nil
	}
	switch first := c.b[c.off]; first & 0xe0 {
	case majorText:
		name := c.text(MaxName)
		if name == "" {
			c.fail("the peer's name is empty")
		}
		return &Peer{Name: name}
	case majorBytes:
		p := &Peer{ID: c.id()}
		if p.ID == (ID{}) {
			c.fail("the peer's id is zero")
		}
		return p
	case majorArray:
		if n := c.array(); n != 5 {
			c.fail("a peer is null, a name, an id or five elements")
		}
		p := &Peer{Name: c.text(MaxName), ID: c.id()}
		p.UID = uint32(c.below(1 << 32))
		p.GID = uint32(c.below(1 << 32))
		p.PID = int32(c.below(1 << 31))
		if p.Name == "" || p.ID == (ID{}) {
			c.fail("the peer's name or id is empty")
		}
		return p
	default:
		if first != null {
			c.fail("a peer is null, a name, an id or five elements")
			return nil
		}
		c.off++
		return nil
	}
}

// end checks that nothing is left.
func (c *cursor) end() {
	if c.reason == "" && c.off != len(c.b) {
		c.fail(fmt.Sprintf("%d bytes after the end", len(c.b)-c.off))
	}
}

// rest returns what is left: the payload.
func (c *cursor) rest() []byte {
	if c.reason != "" {
		return nil
	}
	if c.off == len(c.b) {
		c.fail("cut short: want a payload")
		return nil
	}
	b := c.b[c.off:]
	c.off = len(c.b)
	return b
}
