package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Version is the version of the wire protocol: the key "ipcio" of a Hello.
const Version = 1

// The lanes, as a Hello names them.
const (
	LaneDomain  = "domain"
	LanePrivate = "private"
)

// A Hello is the first frame of a client on a connection. Keys that a
// receiver does not know are passed over.
type Hello struct {
	Version     int    `cbor:"ipcio"`
	Lane        string `cbor:"lane"`
	Token       []byte `cbor:"token"`   // 16 bytes, the session's secret
	Attempt     uint64 `cbor:"attempt"` // from 1, raised with each try to connect
	Cookie      []byte `cbor:"cookie,omitempty"`
	Name        string `cbor:"name,omitempty"`
	Incarnation []byte `cbor:"incarnation,omitempty"` // of the session the client knows, if any
	Instance    []byte `cbor:"instance,omitempty"`    // of the process, if a session may outlive it
	SFirst      uint64 `cbor:"s_first,omitempty"`     // the first number of s the server has not acknowledged
	RFirst      uint64 `cbor:"r_first,omitempty"`
	SRx         uint64 `cbor:"s_rx,omitempty"` // the last number received of the server's s
	RRx         uint64 `cbor:"r_rx,omitempty"`
	BRx         uint64 `cbor:"b_rx,omitempty"`
	Frames      uint64 `cbor:"frames,omitempty"`      // the client's window: numbers of s beyond the last acknowledged one
	Bytes       uint64 `cbor:"bytes,omitempty"`       // and their bytes
	FrameBytes  uint64 `cbor:"frame_bytes,omitempty"` // the largest frame the client takes
	Calls       uint64 `cbor:"calls,omitempty"`       // how many calls it takes at a time
	Knock       bool   `cbor:"knock,omitempty"`       // it wants to be told of what it does not wait for
	Protocol    string `cbor:"protocol,omitempty"`
	Major       int    `cbor:"version,omitempty"`
	Fingerprint string `cbor:"fingerprint,omitempty"`
}

// A Welcome answers a Hello. On the private lane only the first key is sent.
type Welcome struct {
	Version     int    `cbor:"ipcio"`
	Epoch       []byte `cbor:"epoch,omitempty"`       // 16 bytes, drawn when the server started
	Incarnation []byte `cbor:"incarnation,omitempty"` // 16 bytes, drawn when the session was made
	Cookie      []byte `cbor:"cookie,omitempty"`      // 16 bytes, to be shown on the private lane
	Resumed     bool   `cbor:"resumed,omitempty"`
	SFirst      uint64 `cbor:"s_first,omitempty"` // the first number of s the client has not acknowledged
	RFirst      uint64 `cbor:"r_first,omitempty"`
	SRx         uint64 `cbor:"s_rx,omitempty"` // the last number received of the client's s
	RRx         uint64 `cbor:"r_rx,omitempty"`
	BPos        uint64 `cbor:"b_pos,omitempty"` // the last broadcast before this session, or b_rx if resumed
	Frames      uint64 `cbor:"frames,omitempty"`
	Bytes       uint64 `cbor:"bytes,omitempty"`
	FrameBytes  uint64 `cbor:"frame_bytes,omitempty"` // the largest frame the server takes
	Calls       uint64 `cbor:"calls,omitempty"`       // how many calls may be in flight in one direction
	Knock       bool   `cbor:"knock,omitempty"`       // the server knocks
	Protocol    string `cbor:"protocol,omitempty"`
	Major       int    `cbor:"version,omitempty"`
	Fingerprint string `cbor:"fingerprint,omitempty"`
}

// A Refuse answers a Hello that is not welcome; the connection ends.
type Refuse struct{ Code, Message string }

var handshakeEnc, handshakeDec = func() (cbor.EncMode, cbor.DecMode) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   8,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}()

// AppendHello appends h as a frame. It fails if the frame is larger than
// MaxHello.
func AppendHello(b []byte, h *Hello) ([]byte, error) {
	out, err := appendMap(b, KindHello, h)
	if err != nil {
		return b, err
	}
	if _, _, err := Split(out[len(b):], MaxHello); err != nil {
		return b, err
	}
	return out, nil
}

// AppendWelcome appends w as a frame.
func AppendWelcome(b []byte, w *Welcome) ([]byte, error) { return appendMap(b, KindWelcome, w) }

// AppendRefuse appends r as a frame.
func AppendRefuse(b []byte, r *Refuse) []byte {
	content := []byte{majorArray | 3, byte(KindRefuse)}
	content = appendText(content, r.Code)
	content = appendText(content, r.Message)
	return append(appendHead(b, majorBytes, uint64(len(content))), content...)
}

func appendMap(b []byte, kind Kind, v any) ([]byte, error) {
	m, err := handshakeEnc.Marshal(v)
	if err != nil {
		return b, err
	}
	b = appendHead(b, majorBytes, uint64(2+len(m)))
	b = append(b, majorArray|2, byte(kind))
	return append(b, m...), nil
}

// ParseHello reads the content of a connection's first frame.
func ParseHello(content []byte) (*Hello, error) {
	var h Hello
	if err := parseMap(content, KindHello, &h); err != nil {
		return nil, err
	}
	for _, id := range []struct {
		key  string
		b    []byte
		must bool
	}{
		{"token", h.Token, true},
		{"cookie", h.Cookie, h.Lane == LanePrivate},
		{"incarnation", h.Incarnation, false},
		{"instance", h.Instance, false},
	} {
		if len(id.b) != 16 && (id.must || len(id.b) > 0) {
			return nil, &MalformedError{KindHello, fmt.Sprintf("%s has %d bytes, want 16", id.key, len(id.b))}
		}
	}
	if h.Attempt == 0 && h.Lane == LaneDomain {
		return nil, &MalformedError{KindHello, "attempt is missing: the first one is 1"}
	}
	for _, n := range []uint64{h.SFirst, h.RFirst, h.SRx, h.RRx, h.BRx} {
		if n > MaxNumber {
			return nil, &MalformedError{KindHello, "a number is too large"}
		}
	}
	return &h, nil
}

// ParseAnswerToHello reads the content of the frame that answers a Hello: a
// Welcome or a Refuse.
func ParseAnswerToHello(content []byte) (*Welcome, *Refuse, error) {
	c := cursor{b: content}
	if n := c.array(); n == 3 && c.uint() == uint64(KindRefuse) {
		r := &Refuse{Code: c.text(MaxCode), Message: c.text(MaxMessage)}
		if c.end(); c.reason != "" {
			return nil, nil, &MalformedError{KindRefuse, c.reason}
		}
		return nil, r, nil
	}
	var w Welcome
	if err := parseMap(content, KindWelcome, &w); err != nil {
		return nil, nil, err
	}
	for _, n := range []uint64{w.SFirst, w.RFirst, w.SRx, w.RRx, w.BPos} {
		if n > MaxNumber {
			return nil, nil, &MalformedError{KindWelcome, "a number is too large"}
		}
	}
	return &w, nil, nil
}

func parseMap(content []byte, kind Kind, v any) error {
	c := cursor{b: content}
	if n := c.array(); c.reason == "" && n != 2 {
		c.fail("want an array of 2 elements")
	}
	if k := c.uint(); c.reason == "" && k != uint64(kind) {
		return &MalformedError{Kind: Kind(min(k, 255)), Reason: fmt.Sprintf("want kind %d", kind)}
	}
	m := c.rest()
	if c.reason != "" {
		return &MalformedError{kind, c.reason}
	}
	if err := handshakeDec.Unmarshal(m, v); err != nil {
		return &MalformedError{kind, err.Error()}
	}
	return nil
}
