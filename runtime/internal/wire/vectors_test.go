package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

// The vectors of testdata/vectors.json are for every implementation of the
// protocol. Byte strings are hexadecimal; elements have the names that
// PROTOCOL.md gives them.
type vectors struct {
	About     []string
	Frames    []vector // that a session sends
	Hellos    []vector // the first frame of a client
	Answers   []vector // the first frame of a server
	Malformed struct {
		Frames, Hellos, Answers []vector
		Streams                 []vector // of frames of at most 16 bytes
	}
}

type vector struct {
	Name   string
	Hex    string         // the whole frame, its length prefix first
	Fields map[string]any // of a valid one
	Why    string         // of a malformed one: a part of the reason that this package gives
}

func readVectors(t testing.TB) *vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *vector) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return b
}

// content returns the content of the one frame that the vector is.
func (v *vector) content(t testing.TB) []byte {
	t.Helper()
	b := v.bytes(t)
	content, used, err := Split(b, math.MaxUint32)
	if err != nil || used != len(b) {
		t.Fatalf("%s: not one frame: %d of %d bytes, error %v", v.Name, used, len(b), err)
	}
	return content
}

// fieldsOf names the elements of a frame.
func fieldsOf(f *Frame) map[string]any {
	m := map[string]any{"kind": num(f.Kind)}
	numbered := func() { m["number"], m["flags"] = num(f.Number), num(f.Flags) }
	switch f.Kind {
	case KindClose:
		m["code"], m["done"], m["started"] = f.Code, num(f.From), num(f.To)
	case KindAck:
		m["s"], m["r"], m["frames"], m["bytes"] = num(f.Number), num(f.To), num(f.Frames), num(f.Bytes)
	case KindAckRequest:
		m["s"] = num(f.Number)
	case KindBroadcastAck:
		m["b"] = num(f.Number)
	case KindEvent, KindBroadcast:
		numbered()
		m["peer"], m["command"], m["payload"] = peerFields(f.Peer), f.Command, hex.EncodeToString(f.Payload)
	case KindCall:
		numbered()
		m["peer"], m["command"], m["timeout"], m["payload"] = peerFields(f.Peer), f.Command, num(f.Timeout), hex.EncodeToString(f.Payload)
	case KindReply:
		numbered()
		m["call"], m["payload"] = num(f.Ref), hex.EncodeToString(f.Payload)
	case KindFail:
		numbered()
		m["call"], m["code"], m["message"], m["outcome"], m["data"] = num(f.Ref), f.Code, f.Message, num(f.Outcome), hex.EncodeToString(f.Payload)
	case KindNack:
		numbered()
		m["from"], m["to"], m["peer"], m["command"] = num(f.From), num(f.To), peerFields(f.Peer), f.Command
		m["code"], m["message"], m["data"] = f.Code, f.Message, hex.EncodeToString(f.Payload)
	case KindSkip:
		m["sequence"], m["from"], m["to"], m["count"], m["reason"] = num(f.Sequence), num(f.From), num(f.To), num(f.Count), f.Code
	case KindCancel:
		m["call"] = num(f.Ref)
	case KindQuery:
		m["id"], m["what"] = num(f.Number), f.Command
	case KindCommands:
		m["left"], m["payload"] = num(f.Number), hex.EncodeToString(f.Payload)
	case KindAnswer:
		m["id"], m["payload"] = num(f.Number), hex.EncodeToString(f.Payload)
	}
	return m
}

func num[T ~uint8 | ~uint32 | ~uint64 | ~int32 | ~int64](n T) json.Number {
	return json.Number(fmt.Sprint(uint64(n)))
}

func peerFields(p *Peer) any {
	switch {
	case p == nil:
		return nil
	case p.ID == ID{}:
		return map[string]any{"name": p.Name}
	case p.Name == "":
		return map[string]any{"id": hex.EncodeToString(p.ID[:])}
	}
	return map[string]any{
		"name": p.Name, "id": hex.EncodeToString(p.ID[:]), "uid": num(p.UID), "gid": num(p.GID), "pid": num(p.PID),
	}
}

// known are the kinds of Frame that are appended and parsed.
var known = []Kind{
	KindClose, KindPing, KindPong, KindAck, KindAckRequest, KindEvent, KindCall, KindReply, KindFail, KindNack,
	KindSkip, KindCancel, KindBroadcast, KindBroadcastAck, KindQuery, KindAnswer, KindCommands, KindKnock,
}

func TestVectorsOfFrames(t *testing.T) {
	seen := map[Kind]bool{}
	var p Parser
	for _, v := range readVectors(t).Frames {
		t.Run(v.Name, func(t *testing.T) {
			var f Frame
			if err := p.Parse(v.content(t), &f); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Fields, fieldsOf(&f)); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
			seen[f.Kind] = true
			if !slices.Contains(known, f.Kind) {
				return // not known, so there is nothing to append
			}
			if got := hex.EncodeToString(Append(nil, &f)); got != v.Hex {
				t.Errorf("appended\n%s\nwant\n%s", got, v.Hex)
			}
			envelope := AppendEnvelope([]byte("before"), &f)
			if got := string(envelope) + string(f.Payload); got != "before"+string(v.bytes(t)) {
				t.Errorf("appended in two parts: %x", got)
			}
		})
	}
	for _, k := range known {
		if !seen[k] {
			t.Errorf("no vector of kind %d", k)
		}
	}
}

// Another implementation of CBOR reads the vectors, and writes them the same
// when it is told to be deterministic.
func TestVectorsAreDeterministicCBOR(t *testing.T) {
	v := readVectors(t)
	for _, v := range slices.Concat(v.Frames, v.Hellos, v.Answers) {
		t.Run(v.Name, func(t *testing.T) {
			var content []byte
			if err := cbor.Unmarshal(v.bytes(t), &content); err != nil {
				t.Fatalf("not one byte string: %v", err)
			}
			var items []any
			if err := cbor.Unmarshal(content, &items); err != nil {
				t.Fatalf("the content is not one array: %v", err)
			}
			again, err := handshakeEnc.Marshal(items)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, content) {
				t.Errorf("deterministic is\n%x, the vector has\n%x", again, content)
			}
		})
	}
}

func TestVectorsOfHellos(t *testing.T) {
	for _, v := range readVectors(t).Hellos {
		t.Run(v.Name, func(t *testing.T) {
			h, err := ParseHello(v.content(t))
			if err != nil {
				t.Fatal(err)
			}
			checkMap(t, v, h)
			if _, unknown := v.Fields["from_the_future"]; unknown {
				return
			}
			got, err := AppendHello(nil, h)
			if err != nil {
				t.Fatal(err)
			}
			if hex.EncodeToString(got) != v.Hex {
				t.Errorf("appended\n%x\nwant\n%s", got, v.Hex)
			}
		})
	}
}

func TestVectorsOfAnswers(t *testing.T) {
	for _, v := range readVectors(t).Answers {
		t.Run(v.Name, func(t *testing.T) {
			w, r, err := ParseAnswerToHello(v.content(t))
			if err != nil {
				t.Fatal(err)
			}
			if r != nil {
				if diff := cmp.Diff(v.Fields, map[string]any{"kind": num(KindRefuse), "code": r.Code, "message": r.Message}); diff != "" {
					t.Error(diff)
				}
				if got := hex.EncodeToString(AppendRefuse(nil, r)); got != v.Hex {
					t.Errorf("appended %s", got)
				}
				return
			}
			checkMap(t, v, w)
			got, err := AppendWelcome(nil, w)
			if err != nil {
				t.Fatal(err)
			}
			if hex.EncodeToString(got) != v.Hex {
				t.Errorf("appended\n%x\nwant\n%s", got, v.Hex)
			}
		})
	}
}

// checkMap compares the keys of a handshake with a vector's fields, by way of
// JSON. Keys that are not known are passed over.
func checkMap(t *testing.T, v vector, parsed any) {
	t.Helper()
	b, err := cbor.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := cbor.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for key, value := range got {
		switch value := value.(type) {
		case []byte:
			got[key] = hex.EncodeToString(value)
		case uint64:
			got[key] = num(value)
		}
	}
	want := maps.Clone(v.Fields)
	delete(want, "from_the_future")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parsed (-want +got):\n%s", diff)
	}
}

func TestVectorsOfMalformedBytes(t *testing.T) {
	all := readVectors(t).Malformed
	check := func(kind string, vectors []vector, parse func(t *testing.T, v *vector) error) {
		if len(vectors) == 0 {
			t.Errorf("no malformed %s", kind)
		}
		for _, v := range vectors {
			t.Run(kind+"/"+v.Name, func(t *testing.T) {
				err := parse(t, &v)
				if err == nil {
					t.Fatal("taken")
				}
				_, malformed := errors.AsType[*MalformedError](err)
				_, size := errors.AsType[*SizeError](err)
				if !malformed && !size {
					t.Errorf("%v is a %T", err, err)
				}
				if v.Why == "" || !strings.Contains(err.Error(), v.Why) {
					t.Errorf("the reason is %q, want %q", err, v.Why)
				}
			})
		}
	}
	check("frame", all.Frames, func(t *testing.T, v *vector) error {
		return new(Parser).Parse(v.content(t), new(Frame))
	})
	check("hello", all.Hellos, func(t *testing.T, v *vector) error {
		_, err := ParseHello(v.content(t))
		return err
	})
	check("answer", all.Answers, func(t *testing.T, v *vector) error {
		_, _, err := ParseAnswerToHello(v.content(t))
		return err
	})
	check("stream", all.Streams, func(t *testing.T, v *vector) error {
		_, err := NewReader(bytes.NewReader(v.bytes(t)), 16).Next()
		return err
	})
}

// No prefix of a frame is a frame, and none of a content is a content. Only
// where a payload begins, cutting it leaves something that is passed on.
func TestEveryPrefixOfEveryVector(t *testing.T) {
	v := readVectors(t)
	for _, v := range slices.Concat(v.Frames, v.Hellos, v.Answers) {
		t.Run(v.Name, func(t *testing.T) {
			b := v.bytes(t)
			for n := range len(b) {
				if content, used, err := Split(b[:n], math.MaxUint32); content != nil || used != 0 || err != nil {
					t.Errorf("the first %d of %d bytes are the frame %x, used %d, error %v", n, len(b), content, used, err)
				}
			}
			content := v.content(t)
			var f Frame
			payload := 0
			if new(Parser).Parse(content, &f) == nil {
				payload = len(f.Payload)
				if !slices.Contains(known, f.Kind) {
					return // whatever it has is passed over
				}
			}
			for n := range len(content) - max(payload-1, 0) {
				var h Parser
				if h.Parse(content[:n], new(Frame)) == nil {
					t.Errorf("the first %d of %d bytes of the content are parsed as a frame", n, len(content))
				}
				if _, err := ParseHello(content[:n]); err == nil {
					t.Errorf("the first %d of %d bytes of the content are parsed as a hello", n, len(content))
				}
				if _, _, err := ParseAnswerToHello(content[:n]); err == nil {
					t.Errorf("the first %d of %d bytes of the content are parsed as an answer", n, len(content))
				}
			}
		})
	}
}
