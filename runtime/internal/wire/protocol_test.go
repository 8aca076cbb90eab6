package wire

import (
	"encoding/hex"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The bytes that PROTOCOL.md prints are real: its conversation is made of
// frames, and its table of vectors is a part of vectors.json.
func TestBytesOfTheSpecification(t *testing.T) {
	doc, err := os.ReadFile("../../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^[<>] (domain|private) +([0-9a-f]+)$`).FindAllSubmatch(doc, -1)
	if len(lines) < 20 {
		t.Errorf("the conversation has %d frames", len(lines))
	}
	kinds := map[Kind]bool{}
	for _, l := range lines {
		v := vector{Name: string(l[0]), Hex: string(l[2])}
		content := v.content(t)
		if h, err := ParseHello(content); err == nil {
			again, err := AppendHello(nil, h)
			if err != nil {
				t.Fatal(err)
			}
			// The document says what is omitted; the reference writes the same.
			if diff := cmp.Diff(v.Hex, hex.EncodeToString(again)); diff != "" {
				t.Error(diff)
			}
			continue
		}
		if _, _, err := ParseAnswerToHello(content); err == nil {
			continue
		}
		var f Frame
		if err := new(Parser).Parse(content, &f); err != nil {
			t.Errorf("%s: %v", v.Hex, err)
			continue
		}
		kinds[f.Kind] = true
		if diff := cmp.Diff(v.Hex, hex.EncodeToString(Append(nil, &f))); diff != "" {
			t.Error(diff)
		}
	}
	for _, k := range []Kind{KindEvent, KindCall, KindReply, KindFail, KindAck, KindBroadcast, KindBroadcastAck, KindQuery, KindAnswer, KindClose} {
		if !kinds[k] {
			t.Errorf("the conversation has no frame of kind %d", k)
		}
	}

	have := map[string]string{}
	all := readVectors(t)
	for _, v := range append(all.Frames, all.Answers...) {
		have[v.Name] = v.Hex
	}
	rows := regexp.MustCompile("(?m)^\\| \\d+ \\| (.+) \\| `([0-9a-f]+)` \\|$").FindAllSubmatch(doc, -1)
	if len(rows) < 20 {
		t.Errorf("the table has %d vectors", len(rows))
	}
	for _, r := range rows {
		if name := string(r[1]); have[name] != string(r[2]) {
			t.Errorf("vector %q of PROTOCOL.md is %s, vectors.json has %q", name, r[2], have[name])
		}
	}
}
