package schema

import (
	"fmt"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

const constrained = header + `types:
  Tag: {type: string, len: 1..8, pattern: 'a*'}
  Small: {type: uint8, range: 1..100}
  Task: {union: {shell: {argv: list<string>}, tag: Tag, sub: list<Task>}}
  Priority: {enum: [low, high]}
errors:
  Full: {retry: true, fields: {limit: Small}}
  Gone: {}
commands:
  run: {payload: {task: Task, n: {type: opt<Small>, range: 5.., default: 7}, words: {type: list<Tag>, len: ..4, unique: true}}, reply: {}, errors: [Full, Gone], idempotent: true}
  say: {payload: {word: {type: string, in: [b, a]}, to: {type: string, format: ip}, p: opt<Priority>}}
`

// TestFingerprintOfConstraints proves the documented form of constraints,
// unions and errors, with the decoder of somebody else.
func TestFingerprintOfConstraints(t *testing.T) {
	s := mustLoad(t, constrained)
	var got []any
	for _, c := range s.Commands {
		var form any
		if err := cbor.Unmarshal(c.appendWire(nil), &form); err != nil {
			t.Fatal(err)
		}
		got = append(got, form)
	}
	u := func(n uint64) any { return n }
	where := func(expr any, constraints ...any) any { return []any{"where", constraints, expr} }
	tag := where("string", []any{"len", u(1), u(8)}, []any{"pattern", "a*"})
	want := []any{
		[]any{
			"run", "client->server",
			[]any{
				[]any{"struct", []any{
					[]any{"n", true, where("uint8", []any{"range", "5", "100"})},
					[]any{"task", false, u(3)},
					[]any{"words", false, where([]any{"list", tag}, []any{"len", u(0), u(4)}, []any{"unique"})},
				}},
				[]any{"struct", []any{}},
				[]any{"struct", []any{[]any{"limit", false, where("uint8", []any{"range", "1", "100"})}}},
				[]any{"union", false, []any{[]any{"shell", u(4)}, []any{"sub", []any{"list", u(3)}}, []any{"tag", tag}}},
				[]any{"struct", []any{[]any{"argv", false, []any{"list", "string"}}}},
			},
			u(0), u(1), []any{[]any{"Full", u(2)}, []any{"Gone", u(1)}},
		},
		[]any{
			"say", "client->server",
			[]any{
				[]any{"struct", []any{
					[]any{"p", true, u(1)},
					[]any{"to", false, where("string", []any{"format", "ip"})},
					[]any{"word", false, where("string", []any{"in", "a", "b"})},
				}},
				[]any{"enum", false, []any{"high", "low"}},
			},
			u(0), nil,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFingerprintOfConstraintsStable proves that who says a constraint does not
// matter, nor what no reader refuses.
func TestFingerprintOfConstraintsStable(t *testing.T) {
	base := mustLoad(t, constrained)
	for name, edit := range map[string]edit{
		"defaults":              replace(", default: 7", ""),
		"secrets":               replace("{type: string, format: ip}", "{type: string, format: ip, secret: true}"),
		"idempotent":            replace(", idempotent: true", ""),
		"retry":                 replace("retry: true, ", ""),
		"order of errors":       replace("[Full, Gone]", "[Gone, Full]"),
		"order of in":           replace("[b, a]", "[a, b]"),
		"order of variants":     replace("{shell: {argv: list<string>}, tag: Tag,", "{tag: Tag, shell: {argv: list<string>},"),
		"a wider range outside": replace("{type: opt<Small>, range: 5..", "{type: opt<Small>, range: 5..255"),
		"constraints moved":     replace("{type: opt<Small>, range: 5..,", "{type: opt<uint8>, range: 5..100,"),
		"split in two types":    replace("Tag: {type: string, len: 1..8, pattern: 'a*'}", "Tag: {type: Word, len: 1..}\n  Word: {type: string, pattern: 'a*', len: ..8}"),
		"said twice":            replace("Tag: {type: string,", "Word: {type: string, pattern: 'a*'}\n  Tag: {type: Word,"),
		"inline struct named":   replace("shell: {argv: list<string>}", "shell: Shell").then(replace("Priority: {", "Shell: {fields: {argv: list<string>}}\n  Priority: {")),
		"unused error":          replace("  Gone: {}", "  Gone: {}\n  Never: {}"),
		"reserved":              replace("commands:", "reserved: [x.y]\ncommands:"),
		"a len of nothing":      replace("to: {type: string, format: ip}", "to: {type: string, format: ip, len: 0..}"),
	} {
		t.Run(name, func(t *testing.T) {
			text := edit(constrained)
			if text == constrained {
				t.Fatal("nothing was changed")
			}
			s := mustLoad(t, text)
			if diff := cmp.Diff(fingerprints(base), fingerprints(s)); diff != "" {
				t.Error(diff)
			}
			if s.Fingerprint() != base.Fingerprint() {
				t.Error("the fingerprint changed")
			}
		})
	}
}

// TestFingerprintIgnoresBorrow: it is about the memory of one side.
func TestFingerprintIgnoresBorrow(t *testing.T) {
	const text = "ipcio: 1\nprotocol: p\ncommands: {a: {payload: {raw: {type: bytes, borrow: %v}}}}\n"
	lent, copied := mustLoad(t, fmt.Sprintf(text, true)), mustLoad(t, fmt.Sprintf(text, false))
	if !lent.Commands[0].Payload.Fields[0].Borrow || copied.Commands[0].Payload.Fields[0].Borrow {
		t.Fatal("the two are not what they should be")
	}
	if diff := cmp.Diff(fingerprints(copied), fingerprints(lent)); diff != "" || lent.Fingerprint() != copied.Fingerprint() {
		t.Errorf("borrow changes a fingerprint: %s", diff)
	}
}

// TestFingerprintOfConstraintsChanges proves that whatever a reader may refuse
// counts.
func TestFingerprintOfConstraintsChanges(t *testing.T) {
	seen := map[string]string{mustLoad(t, constrained).Fingerprint(): "base"}
	for name, change := range map[string]edit{
		"range":             replace("range: 1..100", "range: 1..99"),
		"range of a field":  replace("range: 5..", "range: 6.."),
		"range removed":     replace(", range: 5..", ""),
		"len":               replace("len: 1..8", "len: 1..9"),
		"len of a list":     replace("len: ..4", "len: ..5"),
		"pattern":           replace("'a*'", "'a+'"),
		"format":            replace("format: ip", "format: uri"),
		"in":                replace("[b, a]", "[b, a, c]"),
		"unique":            replace(", unique: true", ""),
		"union closed":      replace("sub: list<Task>}}", "sub: list<Task>}, closed: true}"),
		"variant added":     replace("sub: list<Task>}}", "sub: list<Task>, more: bool}}"),
		"variant renamed":   replace("sub: list<Task>}}", "below: list<Task>}}"),
		"variant's type":    replace("sub: list<Task>}}", "sub: map<Task>}}"),
		"error removed":     replace("[Full, Gone]", "[Full]"),
		"errors removed":    replace(", errors: [Full, Gone]", ""),
		"error renamed":     replace("Gone", "Lost"),
		"field of an error": replace("{limit: Small}", "{limit: opt<Small>}"),
	} {
		s := mustLoad(t, change(constrained))
		if other, ok := seen[s.Fingerprint()]; ok {
			t.Errorf("%s: the fingerprint is that of %s", name, other)
		}
		seen[s.Fingerprint()] = name
	}
}
