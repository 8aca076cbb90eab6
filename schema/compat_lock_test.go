package schema_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

const lockSource = `ipcio: 1
protocol: jobs
version: 3
doc: Not part of the lock.
go: {package: jobrunner, initialisms: [GPU, AMD]}
types:
  Tag: {type: string, len: 1..32, pattern: '[a-z]\d+', go: Label}
  Ratio: {type: float64, range: 0..1}
  Size: {type: uint64, in: [18446744073709551615, 1]}
  State: {enum: {queued: Waiting., "no": , "a \"b\"\t": {deprecated: use queued, go: Odd}}, closed: true}
  Kind: {enum: [b, a]}
  Task: {union: {shell: {argv: list<string>}, sleep: duration}, closed: true}
  Job:
    fields:
      tags: {type: list<Tag>, unique: true, len: ..16}
      state: {type: opt<State>, default: queued}
      wait: {type: opt<duration>, range: 1s..24h, default: 1h30m}
      big: {type: opt<int64>, default: -9223372036854775808}
      half: {type: opt<float32>, default: 0.1}
      yes: {type: opt<bool>, default: true}
      token: {type: opt<string>, secret: true, deprecated: use wait, format: hostname}
      next: opt<Job>
errors:
  Busy: {retry: true, fields: {limit: uint32}}
  Gone: {}
commands:
  job.put: {payload: Job, reply: {}, errors: [Gone, Busy], idempotent: true}
  job.changed: {dir: server->client, payload: {task: Task, size: Size, ratio: Ratio, kind: Kind}}
  a.first: {deprecated: use job.put}
reserved: [job.start, Job.owner, State.x y]
`

const lockWant = `{
 "ipcio": 1,
 "protocol": "jobs",
 "version": 3,
 "go": {"package": "jobrunner", "initialisms": ["AMD","GPU"]},
 "types": {
  "Job": {"fields": {"big": {"type": "opt<int64>", "default": -9223372036854775808}, "half": {"type": "opt<float32>", "default": 0.1}, "next": "opt<Job>", "state": {"type": "opt<State>", "default": "queued"}, "tags": {"type": "list<Tag>", "len": "..16", "unique": true}, "token": {"type": "opt<string>", "format": "hostname", "secret": true, "deprecated": "use wait"}, "wait": {"type": "opt<duration>", "range": "1s..24h", "default": "1h30m"}, "yes": {"type": "opt<bool>", "default": true}}},
  "Kind": {"enum": ["a","b"]},
  "Ratio": {"type": "float64", "range": "0..1"},
  "Size": {"type": "uint64", "in": [1, 18446744073709551615]},
  "State": {"enum": {"a \"b\"\t": {"deprecated": "use queued", "go": "Odd"}, "no": null, "queued": null}, "closed": true},
  "Tag": {"type": "string", "len": "1..32", "pattern": "[a-z]\\d+", "go": "Label"},
  "Task": {"union": {"shell": {"argv": "list<string>"}, "sleep": "duration"}, "closed": true}
 },
 "errors": {
  "Busy": {"fields": {"limit": "uint32"}, "retry": true},
  "Gone": {}
 },
 "commands": {
  "a.first": {"dir": "client->server", "deprecated": "use job.put"},
  "job.changed": {"dir": "server->client", "payload": {"kind": "Kind", "ratio": "Ratio", "size": "Size", "task": "Task"}},
  "job.put": {"dir": "client->server", "payload": "Job", "reply": {}, "errors": ["Busy","Gone"], "idempotent": true}
 },
 "reserved": [
  "Job.owner",
  "State.x y",
  "job.start"
 ]
}
`

// same fails unless a snapshot of s reads back as the same schema.
func same(t *testing.T, s *schema.Schema) {
	t.Helper()
	first := schema.Snapshot(s)
	back, err := schema.ParseSnapshot(first)
	if err != nil {
		t.Fatalf("%v\n%s", err, first)
	}
	if diff := cmp.Diff(string(first), string(schema.Snapshot(back))); diff != "" {
		t.Errorf("a snapshot of a snapshot (-first +second)\n%s", diff)
	}
	for _, pair := range [][2]*schema.Schema{{s, back}, {back, s}} {
		if r := schema.Compare(pair[0], pair[1], schema.CompareOptions{}); len(r.Changes) > 0 {
			t.Errorf("a snapshot differs from its schema:\n%s", text(t, r))
		}
	}
	if s.Fingerprint() != back.Fingerprint() {
		t.Error("a snapshot has another fingerprint")
	}
}

func TestSnapshot(t *testing.T) {
	s, err := load(lockSource)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lockWant, string(schema.Snapshot(s))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	same(t, s)
}

// TestSnapshotGoldens proves that what every valid golden says survives.
func TestSnapshotGoldens(t *testing.T) {
	paths, _ := filepath.Glob("testdata/ok-*.txtar")
	compat, _ := filepath.Glob("testdata/compat/*.txtar")
	read := 0
	for _, path := range append(paths, compat...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for _, f := range txtar.Parse(data).Files {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		for _, root := range []string{"commands.yaml", "old.yaml", "new.yaml"} {
			if fsys[root] == nil {
				continue
			}
			if s, err := schema.Load(fsys, root); err == nil {
				read++
				same(t, s)
			}
		}
	}
	if read < len(compat) {
		t.Errorf("only %d schemas were read", read)
	}
}

// TestSnapshotOfRandomSchemas also proves that the bytes do not depend on what
// was declared first.
func TestSnapshotOfRandomSchemas(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		spec := randomSpec(rng)
		s, err := load(spec.yaml())
		if err != nil {
			continue
		}
		same(t, s)
		rng.Shuffle(len(spec.types), func(i, j int) { spec.types[i], spec.types[j] = spec.types[j], spec.types[i] })
		if spec.payload == nil {
			continue // the payload is the first type
		}
		shuffled, err := load(spec.yaml())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(schema.Snapshot(s)), string(schema.Snapshot(shuffled))); diff != "" {
			t.Errorf("order matters:\n%s", diff)
		}
	}
}

func TestParseSnapshotIsStrict(t *testing.T) {
	tests := map[string]struct {
		data        string
		diagnostics bool
		want        string
	}{
		"empty":        {"", false, "not the JSON"},
		"yaml":         {"ipcio: 1\nprotocol: p\n", false, "not the JSON"},
		"list":         {"[]", false, "not the JSON"},
		"trailing":     {`{"ipcio": 1, "protocol": "p"} {}`, false, "not the JSON"},
		"cut":          {lockWant[:len(lockWant)/2], false, "not the JSON"},
		"conflict":     {"<<<<<<< ours\n" + lockWant, false, "not the JSON"},
		"unknown key":  {`{"ipcio": 1, "protocol": "p", "stuff": 1}`, true, "unknown key `stuff`"},
		"twice":        {`{"ipcio": 1, "protocol": "p", "protocol": "q"}`, true, "twice"},
		"no language":  {`{"protocol": "p"}`, true, "`ipcio:` is missing"},
		"newer":        {`{"ipcio": 2, "protocol": "p"}`, true, "newer"},
		"unknown type": {`{"ipcio": 1, "protocol": "p", "types": {"A": "B"}}`, true, "unknown type `B`"},
		"include":      {`{"ipcio": 1, "protocol": "p", "include": ["x.yaml"]}`, false, "`include`"},
		"too large":    {strings.Repeat(" ", schema.MaxSnapshotSize+1), false, "at most"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := schema.ParseSnapshot([]byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if _, ok := errors.AsType[schema.Diagnostics](err); ok != tt.diagnostics {
				t.Errorf("is %T: Diagnostics %v, want %v", err, ok, tt.diagnostics)
			}
		})
	}
}

// TestSnapshotBeyondOneFile proves that a lock may be larger than a file of a
// schema, since it holds all of them.
func TestSnapshotBeyondOneFile(t *testing.T) {
	fsys := fstest.MapFS{}
	root := "ipcio: 1\nprotocol: p\ninclude: [a.yaml, b.yaml]\ncommands:\n  x.y: {payload: {a: A0, b: B0}}\n"
	fsys["commands.yaml"] = &fstest.MapFile{Data: []byte(root)}
	for _, letter := range []string{"A", "B"} {
		var b strings.Builder
		b.WriteString("ipcio: 1\ntypes:\n")
		for i := range 1200 {
			b.WriteString("  " + letter + strings.Repeat("x", 50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + ": {type: string, pattern: '" + strings.Repeat("a", 100) + "'}\n")
		}
		b.WriteString("  " + letter + "0: string\n")
		fsys[strings.ToLower(letter)+".yaml"] = &fstest.MapFile{Data: []byte(b.String())}
	}
	s, err := schema.Load(fsys, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(schema.Snapshot(s)); n <= schema.MaxFileSize {
		t.Fatalf("the lock has only %d bytes", n)
	}
	same(t, s)
}

// TestSnapshotOfLargerSchemas takes schemas with everything that the language
// has, also unused and recursive types, and compares each with the next one:
// all that these have in common is by chance, and every witness must hold.
func TestSnapshotOfLargerSchemas(t *testing.T) {
	var last *schema.Schema
	witnesses := 0
	for seed := range uint64(150) {
		s, err := load(string(schematest.Random(seed, schematest.Options{})))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		same(t, s)
		if last != nil {
			for _, c := range schema.Compare(last, s, schema.CompareOptions{}).Changes {
				if (c.Verdict == schema.AnyOrder) != (len(c.Witnesses) == 0 && !c.Undecided) {
					t.Errorf("seed %d: %s %s: verdict %v with witnesses %v", seed, c.Rule.ID, c.Path, c.Verdict, c.Witnesses)
				}
				for _, w := range c.Witnesses {
					witnesses++
					if err := refuted(last, s, w); err != nil {
						t.Errorf("seed %d: %s %s: witness %s: %v", seed, c.Rule.ID, c.Path, w, err)
					}
				}
			}
		}
		last = s
	}
	if witnesses < 100 {
		t.Errorf("only %d witnesses", witnesses)
	}
}

// FuzzCompare proves that nothing that loads makes Compare panic, that all its
// witnesses hold, and that a snapshot says the same as its schema.
func FuzzCompare(f *testing.F) {
	paths, _ := filepath.Glob("testdata/compat/*.txtar")
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		ar := txtar.Parse(data)
		f.Add(string(ar.Files[0].Data), string(ar.Files[1].Data))
	}
	f.Fuzz(func(t *testing.T, oldText, newText string) {
		old, errOld := load(oldText)
		new, errNew := load(newText)
		if errOld != nil || errNew != nil {
			return
		}
		same(t, old)
		for _, c := range schema.Compare(old, new, schema.CompareOptions{}).Changes {
			for _, w := range c.Witnesses {
				if err := refuted(old, new, w); err != nil {
					t.Errorf("%s %s: witness %s: %v", c.Rule.ID, c.Path, w, err)
				}
			}
		}
	})
}
