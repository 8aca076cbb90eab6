package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

const fingerprinted = header + `version: 2
types:
  JobID: uuid
  State: {enum: [queued, done]}
  Priority: {enum: [low, high], closed: true}
  Job:
    fields:
      id: JobID
      state: State
      tags: list<string>
      parent: opt<Job>
      weight: Weight
  Weight: {fields: {grams: int64, by: Priority}}
commands:
  job.get: {payload: {job: JobID}, reply: Job}
  job.changed: {dir: server->client, payload: {job: JobID, labels: map<list<string>>}}
  ping: {}
`

// TestFingerprintFixed proves that the fingerprint is the same in every build
// on every machine: these values were computed once and may never change.
func TestFingerprintFixed(t *testing.T) {
	s := mustLoad(t, fingerprinted)
	got := []string{s.Fingerprint()}
	for _, c := range s.Commands {
		got = append(got, c.Name+" "+c.Fingerprint())
	}
	want := []string{
		"sha256:3536b956684ca578ba4bf4fb679d6103b4fee4a30fedf2f1a8bc00eee09fc6c5",
		"job.get 4f1ddea29f9d4d0a",
		"job.changed a8eb63a2decdab10",
		"ping 2beaceedbb5aeef2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFingerprintForm proves that what is hashed is the documented CBOR, with
// the decoder of somebody else.
func TestFingerprintForm(t *testing.T) {
	s := mustLoad(t, fingerprinted)
	form := s.Commands[0].appendWire(nil)
	var got any
	if err := cbor.Unmarshal(form, &got); err != nil {
		t.Fatal(err)
	}
	u := func(n uint64) any { return n }
	field := func(name string, optional bool, expr any) any { return []any{name, optional, expr} }
	want := []any{
		"job.get", "client->server",
		[]any{
			[]any{"struct", []any{field("job", false, "uuid")}},
			[]any{"struct", []any{
				field("id", false, "uuid"), field("parent", true, u(1)), field("state", false, u(2)),
				field("tags", false, []any{"list", "string"}), field("weight", false, u(3)),
			}},
			[]any{"enum", false, []any{"done", "queued"}},
			[]any{"struct", []any{field("by", false, u(4)), field("grams", false, "int64")}},
			[]any{"enum", true, []any{"high", "low"}},
		},
		u(0), u(1),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := mode.Marshal(got); err != nil || string(again) != string(form) {
		t.Errorf("the form is not deterministic CBOR: %x, want %x (%v)", form, again, err)
	}
}

func TestAppendHead(t *testing.T) {
	for _, n := range []uint64{0, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<64 - 1} {
		want, err := cbor.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendHead(nil, cborUint, n); string(got) != string(want) {
			t.Errorf("%d: %x, want %x", n, got, want)
		}
	}
}

// TestFingerprintStable proves that what does not travel does not count.
func TestFingerprintStable(t *testing.T) {
	base := mustLoad(t, fingerprinted)
	for name, edit := range map[string]edit{
		"docs":               replace("{job: JobID}, reply", "{job: {type: JobID, doc: Which.}}, doc: Get., reply"),
		"enum docs":          replace("[queued, done]", "{queued: Waits., done: }"),
		"deprecations":       replace("reply: Job}", "reply: Job, deprecated: use ping}"),
		"Go names":           replace("ping: {}", "ping: {go: Pong}"),
		"Go options":         replace("version: 2\n", "version: 2\ngo: {package: x}\n"),
		"type names":         replace("Weight", "Mass"),
		"field order":        replace("grams: int64, by: Priority", "by: Priority, grams: int64"),
		"value order":        replace("[queued, done]", "[done, queued]"),
		"new type removed":   replace("id: JobID", "id: uuid"),
		"new type added":     replace("id: JobID", "id: Ident"),
		"unused type":        replace("commands:", "  Unused: {fields: {a: bool}}\ncommands:"),
		"named payload":      replace("{payload: {job: JobID}, reply", "{payload: Get, reply"),
		"a copy of a type":   replace("weight: Weight\n", "weight: Copy\n  Copy: {fields: {by: Priority, grams: int64}}\n"),
		"recursion unrolled": replace("parent: opt<Job>", "parent: opt<Other>"),
		"new type of a list": replace("tags: list<string>", "tags: Tags"),
		"flow style":         replace("  Job:\n    fields:\n", "  Job:\n    fields:\n      # the same\n"),
		"command order": func(s string) string {
			return strings.Replace(strings.Replace(s, "  ping: {}\n", "", 1), "commands:\n", "commands:\n  ping: {}\n", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := edit(fingerprinted)
			if text == fingerprinted {
				t.Fatal("nothing was changed")
			}
			// The types that some of the edits need.
			text = strings.Replace(text, "commands:", `  Ident: JobID
  Get: {fields: {job: uuid}}
  Tags: list<Tag>
  Tag: string
  Other: {fields: {weight: Weight2, tags: Tags, state: State, id: uuid, parent: opt<Third>}}
  Weight2: {fields: {grams: int64, by: Priority}}
  Third: {fields: {id: uuid, state: State, tags: Tags, parent: opt<Other>, weight: Weight2}}
commands:`, 1)
			s := mustLoad(t, text)
			if got, want := s.Fingerprint(), base.Fingerprint(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if diff := cmp.Diff(fingerprints(base), fingerprints(s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An edit makes another schema of one.
type edit func(string) string

func replace(old, to string) edit {
	return func(s string) string { return strings.ReplaceAll(s, old, to) }
}

// then returns the edit that does both.
func (e edit) then(next edit) edit { return func(s string) string { return next(e(s)) } }

func fingerprints(s *Schema) map[string]string {
	m := make(map[string]string)
	for _, c := range s.Commands {
		m[c.Name] = c.Fingerprint()
	}
	return m
}

// TestFingerprintFiles proves that it does not matter how a protocol is spread
// over files, nor in which order things are declared.
func TestFingerprintFiles(t *testing.T) {
	types, commands, _ := strings.Cut(strings.TrimPrefix(fingerprinted, header+"version: 2\n"), "commands:\n")
	lines := strings.SplitAfter(strings.TrimSuffix(commands, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	lines[0], lines[2] = lines[2], lines[0]
	fsys := one(header + "version: 2\ninclude: [a.yaml, b.yaml]\n")
	fsys["a.yaml"] = one("ipcio: 1\ncommands:\n" + strings.Join(lines, ""))["commands.yaml"]
	fsys["b.yaml"] = one("ipcio: 1\n" + types)["commands.yaml"]
	s, err := Load(fsys, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Fingerprint(), mustLoad(t, fingerprinted).Fingerprint(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFingerprintChanges proves that what travels counts, and that only the
// commands which it concerns have another fingerprint.
func TestFingerprintChanges(t *testing.T) {
	base := mustLoad(t, fingerprinted)
	seen := map[string]string{base.Fingerprint(): "base"}
	for _, tc := range []struct {
		name    string
		edit    edit
		changed string // commands
	}{
		{"protocol", replace("protocol: p", "protocol: q"), ""},
		{"version", replace("version: 2", "version: 3"), ""},
		{"command added", replace("ping: {}", "ping: {}\n  pong: {}"), "pong"},
		{"command renamed", replace("ping: {}", "pong: {}"), "ping pong"},
		{"direction", replace("server->client", "client<->server"), "job.changed"},
		{"reply added", replace("ping: {}", "ping: {reply: {}}"), "ping"},
		{"empty payload added", replace("ping: {}", "ping: {payload: {}}"), "ping"},
		{"field added", replace("grams: int64", "grams: int64, ounces: opt<int64>"), "job.get"},
		{"field renamed", replace("grams: int64", "gram: int64"), "job.get"},
		{"field type", replace("grams: int64", "grams: int32"), "job.get"},
		{"field optional", replace("grams: int64", "grams: opt<int64>"), "job.get"},
		{"list to map", replace("tags: list<string>", "tags: map<string>"), "job.get"},
		{"nesting", replace("map<list<string>>", "list<map<string>>"), "job.changed"},
		{"enum value", replace("[queued, done]", "[queued, done, failed]"), "job.get"},
		{"enum closed", replace("enum: [queued, done]", "enum: [queued, done], closed: true"), "job.get"},
		{"new type's base", replace("JobID: uuid", "JobID: string"), "job.changed job.get"},
		{"recursion", replace("parent: opt<Job>", "parent: opt<Weight>"), "job.get"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := tc.edit(fingerprinted)
			s := mustLoad(t, text)
			if other, ok := seen[s.Fingerprint()]; ok {
				t.Errorf("the fingerprint is that of %q", other)
			}
			seen[s.Fingerprint()] = tc.name
			var changed []string
			before, after := fingerprints(base), fingerprints(s)
			for _, name := range []string{"job.changed", "job.get", "ping", "pong"} {
				if before[name] != after[name] {
					changed = append(changed, name)
				}
			}
			if got := strings.Join(changed, " "); got != tc.changed {
				t.Errorf("other commands changed: %q, want %q", got, tc.changed)
			}
		})
	}
}

// TestFingerprintCircles proves that types which refer to each other are told
// apart by what they hold, however far away that is, and not by their number.
func TestFingerprintCircles(t *testing.T) {
	ring := func(n, odd int) string {
		var b strings.Builder
		b.WriteString(header + "types:\n")
		for i := range n {
			scalar := "int64"
			if i == odd {
				scalar = "int32"
			}
			fmt.Fprintf(&b, "  T%d: {fields: {a: %s, next: opt<T%d>}}\n", i, scalar, (i+1)%n)
		}
		b.WriteString("commands: {x: {payload: T0}}\n")
		return mustLoad(t, b.String()).Fingerprint()
	}
	same := ring(1, -1)
	for _, n := range []int{2, 3, 7} {
		if got := ring(n, -1); got != same {
			t.Errorf("a ring of %d equal types differs from a type that holds itself", n)
		}
	}
	seen := make(map[string]string)
	for _, n := range []int{2, 3, 4, 5} {
		for odd := range n {
			name := fmt.Sprintf("%d of %d", odd, n)
			got := ring(n, odd)
			if other, ok := seen[got]; ok || got == same {
				t.Errorf("ring %s is equal to %s", name, other)
			}
			seen[got] = name
		}
	}
}
