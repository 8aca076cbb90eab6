package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

func TestGen(t *testing.T) {
	type ov struct {
		Name   string         `json:"name"`
		Hex    string         `json:"hex"`
		Fields map[string]any `json:"fields,omitempty"`
		Why    string         `json:"why,omitempty"`
	}
	var out struct {
		About     []string `json:"about"`
		Frames    []ov     `json:"frames"`
		Hellos    []ov     `json:"hellos"`
		Answers   []ov     `json:"answers"`
		Malformed struct {
			Frames  []ov `json:"frames"`
			Hellos  []ov `json:"hellos"`
			Answers []ov `json:"answers"`
			Streams []ov `json:"streams"`
		} `json:"malformed"`
	}
	out.About = []string{
		"Test vectors of the ipcio wire protocol: see runtime/PROTOCOL.md.",
		"hex is a whole frame, its length prefix first, except in malformed.streams, where it is what a stream begins with.",
		"fields are the elements of a frame, or the keys of a handshake map, by the names of PROTOCOL.md; byte strings, payload and data are hexadecimal.",
		"Whatever is in malformed ends the connection; why is a part of what the reference implementation says.",
		"malformed.streams is read with a limit of 16 bytes for a frame.",
		"The key from_the_future is not defined: a receiver passes over it.",
	}
	id := ID{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf}
	pl := func(v any) []byte { b, _ := handshakeEnc.Marshal(v); return b }
	add := func(name string, f Frame) {
		out.Frames = append(out.Frames, ov{Name: name, Hex: hex.EncodeToString(Append(nil, &f)), Fields: fieldsOf(&f)})
	}
	add("close, nothing begun", Frame{Kind: KindClose, Code: "closed"})
	add("close, 7 done, 9 started", Frame{Kind: KindClose, Code: "closed", From: 7, To: 9})
	add("ping", Frame{Kind: KindPing})
	add("pong", Frame{Kind: KindPong})
	add("ack, nothing yet", Frame{Kind: KindAck, Frames: 1024, Bytes: 16 << 20})
	add("ack, a first window", Frame{Kind: KindAck, Number: 23, To: 24, Frames: 64, Bytes: 262144})
	add("ack, large numbers", Frame{Kind: KindAck, Number: 1 << 32, To: MaxNumber, Frames: 1<<64 - 1, Bytes: 1<<64 - 1})
	add("ack request", Frame{Kind: KindAckRequest, Number: 255})
	add("event to or from the server", Frame{Kind: KindEvent, Number: 1, Command: "greet", Payload: pl("hi")})
	add("event, redelivered", Frame{Kind: KindEvent, Number: 65535, Flags: Redelivered, Command: "greet", Payload: pl(nil)})
	add("event to a name", Frame{Kind: KindEvent, Number: 65536, Peer: &Peer{Name: "worker-1"}, Command: "job.submit", Payload: pl(map[string]any{"id": 7})})
	add("event to a session", Frame{Kind: KindEvent, Number: 256, Peer: &Peer{ID: id}, Command: "job.submit", Payload: pl([]any{})})
	add("event from a client", Frame{Kind: KindEvent, Number: 24, Peer: &Peer{Name: "cli", ID: id, UID: 1000, GID: 1000, PID: 4242}, Command: "job.done", Payload: pl(map[string]any{})})
	add("event, the longest command", Frame{Kind: KindEvent, Number: MaxNumber, Command: string(bytes.Repeat([]byte("c"), MaxCommand)), Payload: pl([]byte{1, 2, 3})})
	add("event, a command that is not ASCII", Frame{Kind: KindEvent, Number: 2, Command: "größe", Payload: pl(1.5)})
	add("call, no deadline", Frame{Kind: KindCall, Number: 3, Command: "add", Payload: pl([]int{1, 2})})
	add("call, 30 s left", Frame{Kind: KindCall, Number: 4, Command: "add", Timeout: 30e9, Payload: pl([]int{1, 2})})
	add("call, nested, to a session", Frame{Kind: KindCall, Number: 1, Flags: Nested, Peer: &Peer{ID: id}, Command: "who", Timeout: 1, Payload: pl(nil)})
	add("call, redelivered, from a client", Frame{Kind: KindCall, Number: 5, Flags: Redelivered, Peer: &Peer{Name: "a", ID: id}, Command: "who", Payload: pl(nil)})
	add("reply to call 3 of s", Frame{Kind: KindReply, Number: 1, Ref: RefOf(3, false), Payload: pl(3)})
	add("reply to nested call 1 of r", Frame{Kind: KindReply, Number: 2, Ref: RefOf(1, true), Payload: pl("me")})
	add("fail, no handler", Frame{Kind: KindFail, Number: 3, Ref: RefOf(4, false), Code: "unknown_command", Message: `no handler for "add"`, Outcome: OutcomeNotHandled, Payload: pl(nil)})
	add("fail of the handler, with data", Frame{Kind: KindFail, Number: 4, Ref: RefOf(5, false), Code: "out_of_stock", Message: "", Outcome: OutcomeHandled, Payload: pl(map[string]any{"left": 0})})
	add("fail, outcome unknown", Frame{Kind: KindFail, Number: 5, Ref: RefOf(6, false), Code: "peer_gone", Message: "gone", Payload: pl(nil)})
	add("nack of one", Frame{Kind: KindNack, Number: 6, From: 9, To: 9, Command: "greet", Code: "unknown_command", Message: `no handler for "greet"`})
	add("nack of a run", Frame{Kind: KindNack, Number: 7, From: 10, To: 19, Command: "job.submit", Code: "unknown_client", Message: `there is no client "worker-1"`})
	add("skip of a call that has its outcome", Frame{Kind: KindSkip, Sequence: S, From: 12, To: 12})
	add("skip, 300 dropped", Frame{Kind: KindSkip, Sequence: S, From: 13, To: 13, Count: 300, Code: "dropped"})
	add("skip in r", Frame{Kind: KindSkip, Sequence: R, From: 2, To: 2})
	add("skip of the receiver's own broadcast", Frame{Kind: KindSkip, Sequence: B, From: 5, To: 5})
	add("skip of expired broadcasts", Frame{Kind: KindSkip, Sequence: B, From: 6, To: 105, Count: 100, Code: "expired"})
	add("cancel of call 3 of s", Frame{Kind: KindCancel, Ref: RefOf(3, false)})
	add("cancel of nested call 1 of r", Frame{Kind: KindCancel, Ref: RefOf(1, true)})
	add("broadcast request", Frame{Kind: KindBroadcast, Number: 8, Command: "news", Payload: pl("n1")})
	add("broadcast of the server", Frame{Kind: KindBroadcast, Number: 41, Command: "news", Payload: pl("n2")})
	add("broadcast of a client", Frame{Kind: KindBroadcast, Number: 42, Peer: &Peer{Name: "cli", ID: id, UID: 0, GID: 0, PID: 1}, Command: "news", Payload: pl("n1")})
	add("broadcast ack", Frame{Kind: KindBroadcastAck, Number: 42})
	add("query", Frame{Kind: KindQuery, Number: 1, Command: "directory"})
	add("answer", Frame{Kind: KindAnswer, Number: 1, Payload: pl(map[string]any{"clients": []any{}, "commands": []any{}})})
	add("answer to what is not known", Frame{Kind: KindAnswer, Number: 1<<64 - 1, Payload: pl(nil)})
	for _, x := range []struct{ n, h string }{{"ignorable kind 64", "8218404161"}, {"ignorable kind 255, nothing else", "8118ff"}} {
		c, _ := hex.DecodeString(x.h)
		var f Frame
		if err := new(Parser).Parse(c, &f); err != nil {
			t.Fatal(err)
		}
		out.Frames = append(out.Frames, ov{Name: x.n, Hex: hex.EncodeToString(append(appendHead(nil, majorBytes, uint64(len(c))), c...)), Fields: fieldsOf(&f)})
	}

	fields := func(v any) map[string]any {
		b, _ := cbor.Marshal(v)
		m := map[string]any{}
		cbor.Unmarshal(b, &m)
		for k, x := range m {
			if x, ok := x.([]byte); ok {
				m[k] = hex.EncodeToString(x)
			}
		}
		return m
	}
	bid := func(first byte) []byte {
		b := make([]byte, 16)
		for i := range b {
			b[i] = first + byte(i)
		}
		return b
	}
	hello := func(name string, h Hello) {
		b, err := AppendHello(nil, &h)
		if err != nil {
			t.Fatal(err)
		}
		out.Hellos = append(out.Hellos, ov{Name: name, Hex: hex.EncodeToString(b), Fields: fields(&h)})
	}
	hello("domain lane, a first connection", Hello{Version: 1, Lane: LaneDomain, Token: bid(0x10), Attempt: 1, Name: "cli", Frames: 1024, Bytes: 16 << 20, Calls: 256, FrameBytes: 16 << 20, SFirst: 1, RFirst: 1})
	hello("domain lane, back again", Hello{Version: 1, Lane: LaneDomain, Token: bid(0x10), Attempt: 2, Name: "cli", Incarnation: bid(0x20), Frames: 1024, Bytes: 16 << 20, Calls: 256, FrameBytes: 16 << 20,
		SFirst: 8, RFirst: 3, SRx: 5, RRx: 7, BRx: 42, Protocol: "shop", Major: 2, Fingerprint: "sha256:00"})
	hello("private lane", Hello{Version: 1, Lane: LanePrivate, Token: bid(0x10), Attempt: 1, Cookie: bid(0x30)})
	{
		m := map[string]any{"ipcio": 1, "lane": "private", "token": bid(0x10), "attempt": 1, "cookie": bid(0x30), "from_the_future": []any{1, "x"}}
		b := pl(m)
		b = append([]byte{0x82, 0}, b...)
		for k, x := range m {
			if x, ok := x.([]byte); ok {
				m[k] = hex.EncodeToString(x)
			}
		}
		m["from_the_future"] = true
		out.Hellos = append(out.Hellos, ov{Name: "an unknown key", Hex: hex.EncodeToString(append(appendHead(nil, majorBytes, uint64(len(b))), b...)), Fields: m})
	}
	answer := func(name string, b []byte, m map[string]any) {
		out.Answers = append(out.Answers, ov{Name: name, Hex: hex.EncodeToString(b), Fields: m})
	}
	w := Welcome{Version: 1, Epoch: bid(0x40), Incarnation: bid(0x20), Cookie: bid(0x30), SFirst: 1, RFirst: 1, Frames: 64, Bytes: 256 << 10, FrameBytes: 16 << 20, Calls: 256}
	b, _ := AppendWelcome(nil, &w)
	answer("welcome on the domain lane, a new session", b, fields(&w))
	w = Welcome{Version: 1, Epoch: bid(0x40), Incarnation: bid(0x20), Cookie: bid(0x50), Resumed: true, SFirst: 6, RFirst: 8, SRx: 9, RRx: 2, BPos: 42, Frames: 128, Bytes: 512 << 10, FrameBytes: 16 << 20, Calls: 256,
		Protocol: "shop", Major: 2, Fingerprint: "sha256:00"}
	b, _ = AppendWelcome(nil, &w)
	answer("welcome on the domain lane, resumed", b, fields(&w))
	w = Welcome{Version: 1}
	b, _ = AppendWelcome(nil, &w)
	answer("welcome on the private lane", b, fields(&w))
	r := Refuse{"name_taken", `the name "cli" is taken`}
	answer("refuse", AppendRefuse(nil, &r), map[string]any{"kind": 2, "code": r.Code, "message": r.Message})

	bad := func(to *[]ov, name, h, why string) {
		c, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(name, err)
		}
		*to = append(*to, ov{Name: name, Hex: hex.EncodeToString(append(appendHead(nil, majorBytes, uint64(len(c))), c...)), Why: why})
	}
	F := &out.Malformed.Frames
	cut := func(f Frame) string {
		c, _, _ := Split(Append(nil, &f), 1<<30)
		return hex.EncodeToString(c)
	}
	bad(F, "empty", "", "cut short: want an array")
	bad(F, "not an array", "a0", "want an array")
	bad(F, "an array of indefinite length", "9f04ff", "definite length")
	bad(F, "an array length not in its shortest form", "980104", "shortest form")
	bad(F, "an empty array", "80", "cut short: want an unsigned integer")
	bad(F, "a kind that is text", "816161", "want an unsigned integer")
	bad(F, "a kind not in its shortest form", "811804", "shortest form")
	bad(F, "an unknown kind", "8113", "unknown kind")
	bad(F, "an unknown kind of two bytes, not ignorable", "811880", "unknown kind")
	bad(F, "a kind above 255", "81190140", "unknown kind")
	bad(F, "a hello after the handshake", "8200a0", "unknown kind")
	bad(F, "a ping with an element too many", "820400", "an array of 2 elements, want 1")
	bad(F, "a ping with a byte behind it", "810400", "1 bytes after the end")
	bad(F, "an ack with an element too few", "840600000a", "an array of 4 elements, want 5")
	bad(F, "an ack whose number is negative", "85062000190400190400", "want an unsigned integer")
	bad(F, "an ack of a number above 2^63-1", "85061b800000000000000000190400190400", "is not in 0..9223372036854775807")
	bad(F, "an event with number 0", cut(Frame{Kind: KindEvent, Command: "c", Payload: pl(nil)}), "is not in 1..")
	bad(F, "an event with a number above 2^63-1", "86081b800000000000000000"+"00f66163f6", "is not in 1..")
	bad(F, "an event with an unknown flag", cut(Frame{Kind: KindEvent, Number: 1, Flags: 4, Command: "c", Payload: pl(nil)}), "unknown flags")
	bad(F, "an event that is nested", cut(Frame{Kind: KindEvent, Number: 1, Flags: 2, Command: "c", Payload: pl(nil)}), "only a call can be nested")
	bad(F, "an event without a command", "86080100f660f6", "name is empty")
	bad(F, "an event whose command is a byte string", "86080100f64163f6", "want a text")
	bad(F, "an event whose command is not UTF-8", "86080100f661fff6", "not UTF-8")
	bad(F, "an event whose command is too long", cut(Frame{Kind: KindEvent, Number: 1, Command: string(bytes.Repeat([]byte("c"), MaxCommand+1)), Payload: pl(nil)}), "a text of 129 bytes, at most 128")
	bad(F, "an event whose command claims more than there is", "86080100f6787f63f6", "cut short: want a text")
	bad(F, "an event without a payload", "86080100f66163", "cut short: want a payload")
	bad(F, "an event from a peer that is a number", "860801000161"+"63f6", "a peer is null")
	bad(F, "an event from a peer that is undefined", "86080100f761"+"63f6", "a peer is null")
	bad(F, "an event from a peer without a name", "860801006061"+"63f6", "the peer's name is empty")
	bad(F, "an event from a peer with an id of 15 bytes", "860801004f"+"a0a1a2a3a4a5a6a7a8a9aaabacadae"+"6163f6", "want 16 bytes")
	bad(F, "an event from a peer whose id is zero", "8608010050"+"00000000000000000000000000000000"+"6163f6", "id is zero")
	bad(F, "an event from a peer of four elements", "8608010084"+"6161"+"50a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"+"0000"+"6163f6", "five elements")
	bad(F, "an event from a peer with a uid of 2^32", "8608010085"+"6161"+"50a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"+"1b0000000100000000"+"0000"+"6163f6", "is not below")
	bad(F, "an event from a peer with a name of 64 bytes", cut(Frame{Kind: KindEvent, Number: 1, Peer: &Peer{Name: string(bytes.Repeat([]byte("n"), 64))}, Command: "c", Payload: pl(nil)}), "a text of 64 bytes, at most 63")
	bad(F, "a call without a payload", "87090100f6616300", "cut short: want a payload")
	bad(F, "a call with an unknown flag", "87090104f6616300f6", "unknown flags")
	bad(F, "a reply to call 0", "850a01000" + "0f6", "a call's number is 1 or more")
	bad(F, "a fail with the outcome not sent", "880b01000"+"26178"+"6001"+"f6", "not sent")
	bad(F, "a fail with an unknown outcome", "880b010002"+"6178"+"60"+"04"+"f6", "is not below 4")
	bad(F, "a fail with a code of 129 bytes", cut(Frame{Kind: KindFail, Number: 1, Ref: 2, Code: string(bytes.Repeat([]byte("x"), MaxCode+1)), Outcome: OutcomeHandled, Payload: pl(nil)}), "at most 128")
	bad(F, "a fail with a message of 4097 bytes", cut(Frame{Kind: KindFail, Number: 1, Ref: 2, Code: "x", Message: string(bytes.Repeat([]byte("x"), MaxMessage+1)), Outcome: OutcomeHandled, Payload: pl(nil)}), "at most 4096")
	bad(F, "a nack of an empty range", cut(Frame{Kind: KindNack, Number: 1, From: 2, To: 1, Command: "c", Code: "x"}), "the range 2..1 is empty")
	bad(F, "a nack that is nested", cut(Frame{Kind: KindNack, Number: 1, Flags: Nested, From: 1, To: 1, Command: "c", Code: "x"}), "only a call can be nested")
	bad(F, "a skip of an unknown sequence", cut(Frame{Kind: KindSkip, Sequence: 3, From: 1, To: 1}), "is not below 3")
	bad(F, "a skip from 0", cut(Frame{Kind: KindSkip, From: 0, To: 1}), "is not in 1..")
	bad(F, "a cancel of call 0 of r", "820e01", "a call's number is 1 or more")
	bad(F, "a query of 129 bytes", cut(Frame{Kind: KindQuery, Number: 1, Command: string(bytes.Repeat([]byte("q"), MaxCommand+1))}), "at most 128")
	bad(F, "an answer without a payload", "831201", "cut short: want a payload")

	mapOf := func(kind byte, m map[string]any, change func(map[string]any)) string {
		if change != nil {
			change(m)
		}
		return hex.EncodeToString(append([]byte{0x82, kind}, pl(m)...))
	}
	good := func() map[string]any {
		return map[string]any{"ipcio": 1, "lane": "private", "token": bid(0x10), "attempt": 1, "cookie": bid(0x30)}
	}
	H := &out.Malformed.Hellos
	bad(H, "another kind", mapOf(1, good(), nil), "want kind 0")
	bad(H, "an array of 3", "8300a0a0", "an array of 2 elements")
	bad(H, "no map", "8200", "cut short: want a payload")
	bad(H, "a list", "820080", "cannot unmarshal")
	bad(H, "no token", mapOf(0, good(), func(m map[string]any) { delete(m, "token") }), "token has 0 bytes, want 16")
	bad(H, "a token of 15 bytes", mapOf(0, good(), func(m map[string]any) { m["token"] = bid(1)[:15] }), "token has 15 bytes, want 16")
	bad(H, "a private lane without a cookie", mapOf(0, good(), func(m map[string]any) { delete(m, "cookie") }), "cookie has 0 bytes, want 16")
	bad(H, "a domain lane without an attempt", mapOf(0, good(), func(m map[string]any) { delete(m, "attempt"); m["lane"] = "domain" }), "attempt is missing")
	bad(H, "an incarnation of 17 bytes", mapOf(0, good(), func(m map[string]any) { m["incarnation"] = make([]byte, 17) }), "incarnation has 17 bytes, want 16")
	bad(H, "an attempt that is negative", mapOf(0, good(), func(m map[string]any) { m["attempt"] = -1 }), "cannot unmarshal")
	bad(H, "an attempt that is text", mapOf(0, good(), func(m map[string]any) { m["attempt"] = "1" }), "cannot unmarshal")
	bad(H, "a position above 2^63-1", mapOf(0, good(), func(m map[string]any) { m["s_rx"] = uint64(1 << 63) }), "a number is too large")
	bad(H, "a key that comes twice", "8200a2646c616e6561"+"61646c616e656162", "duplicate")
	bad(H, "a map of indefinite length", "8200bfff", "indefinite")
	bad(H, "a tag", "8200a1656970636"+"96fc101", "tag")
	bad(H, "a byte behind the map", mapOf(0, good(), nil)+"00", "extraneous")
	A := &out.Malformed.Answers
	bad(A, "a kind that is no answer", "8203a0", "want kind 1")
	bad(A, "a refuse of two elements", "8202617"+"8", "want kind 1")
	bad(A, "a refuse whose message is missing", "83026178", "cut short")
	bad(A, "a refuse with a byte behind it", "830261786000", "1 bytes after the end")
	bad(A, "a welcome whose epoch is text", "8201a16565706f6368"+"6178", "cannot unmarshal")
	bad(A, "a welcome with a position above 2^63-1", mapOf(1, map[string]any{"ipcio": 1, "b_pos": uint64(1 << 63)}, nil), "a number is too large")
	S := &out.Malformed.Streams
	for _, x := range [][3]string{
		{"not a byte string", "8104", "not a sequence of byte strings"},
		{"a text string", "6104", "not a sequence of byte strings"},
		{"a byte string of indefinite length", "5f41", "indefinite length"},
		{"a reserved length", "5c", "indefinite length"},
		{"a length of 2 in two bytes", "58028104", "shortest form"},
		{"a length of 255 in three bytes", "5900ff", "shortest form"},
		{"a length of 65535 in five bytes", "5a0000ffff", "shortest form"},
		{"a length of 2^32-1 in nine bytes", "5b00000000ffffffff", "shortest form"},
		{"one byte more than the limit", "51", "17 bytes is larger than the limit of 16"},
		{"a length of 4 GiB", "5b0000000100000000", "4294967296 bytes is larger than the limit of 16"},
		{"the largest length", "5bffffffffffffffff", "larger than the limit of 16"},
	} {
		*S = append(*S, ov{Name: x[0], Hex: x[1], Why: x[2]})
	}

	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/vectors.json", buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
