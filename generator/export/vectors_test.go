package export_test

import (
	"math"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipcio/ipcio-go/generator/export"
)

// Values of the samples and whether the definition with that name takes them.
// The JSON is what the same value is there; "" means that it has none or that
// JSON Schema says something else, as the package doc explains.
type vector struct {
	sample, name string
	value        any
	json         string
	ok           bool
}

type m = map[string]any

// jsonOnly stands for a value about which CDDL says something else.
type jsonOnly struct{}

var (
	id    = cbor.Tag{Number: 37, Content: []byte("0123456789abcdef")}
	at    = cbor.Tag{Number: 0, Content: "2026-01-02T03:04:05.000000001Z"}
	shell = m{"shell": m{"argv": []string{"ls"}}}
)

const jsonID = `"30313233-3435-3637-3839-616263646566"`

var vectors = []vector{
	// The worked example.
	{"jobrunner", "JobID", id, jsonID, true},
	{"jobrunner", "JobID", []byte("0123456789abcdef"), "", false}, // readers take it, writers do not send it
	{"jobrunner", "JobID", cbor.Tag{Number: 37, Content: []byte("short")}, `"short"`, false},
	{"jobrunner", "job.get-payload", m{"job": id}, `{"job": ` + jsonID + `}`, true},
	{"jobrunner", "job.get-payload", m{"job": id, "added_later": 1}, `{"job": ` + jsonID + `, "added_later": 1}`, true},
	{"jobrunner", "job.get-payload", m{}, `{}`, false},
	{"jobrunner", "job.get-payload", []any{id}, `[` + jsonID + `]`, false},
	{"jobrunner", "JobState", "running", `"running"`, true},
	{"jobrunner", "JobState", "unheard of", `"unheard of"`, true},
	{"jobrunner", "JobState", 1, `1`, false},
	{"jobrunner", "Priority", "high", `"high"`, true},
	{"jobrunner", "Priority", "highest", `"highest"`, false},
	{"jobrunner", "Task", shell, `{"shell": {"argv": ["ls"]}}`, true},
	{"jobrunner", "Task", m{"sleep": int64(5)}, `{"sleep": 5}`, true},
	{"jobrunner", "Task", m{"unheard_of": "x"}, `{"unheard_of": "x"}`, true},
	{"jobrunner", "Task", m{"shell": m{"argv": []string{}}}, `{"shell": {"argv": []}}`, false}, // and not another variant
	{"jobrunner", "Task", m{}, `{}`, false},
	{"jobrunner", "Task", m{"sleep": int64(5), "shell": shell["shell"]}, `{"sleep": 5, "shell": {"argv": ["ls"]}}`, false},
	{"jobrunner", "job.submit-payload", m{"task": shell, "tags": []string{"a"}}, `{"task": {"shell": {"argv": ["ls"]}}, "tags": ["a"]}`, true},
	{"jobrunner", "job.submit-payload", m{"task": shell, "tags": []string{}, "timeout": int64(1e9)}, `{"task": {"shell": {"argv": ["ls"]}}, "tags": [], "timeout": 1000000000}`, true},
	{"jobrunner", "job.submit-payload", m{"task": shell, "tags": []string{}, "timeout": int64(1e9 - 1)}, `{"task": {"shell": {"argv": ["ls"]}}, "tags": [], "timeout": 999999999}`, false},
	{"jobrunner", "job.submit-payload", m{"task": shell, "tags": []string{""}}, `{"task": {"shell": {"argv": ["ls"]}}, "tags": [""]}`, false},
	{"jobrunner", "job.submit-payload", m{"task": shell, "tags": strings.Split(strings.Repeat("x,", 16)+"x", ",")}, "", false},
	{"jobrunner", "job.submit-payload", m{"task": shell, "tags": nil}, `{"task": {"shell": {"argv": ["ls"]}}, "tags": null}`, false},
	{"jobrunner", "job.changed-payload", m{"job": id, "state": "done", "progress": float32(100)}, `{"job": ` + jsonID + `, "state": "done", "progress": 100}`, true},
	{"jobrunner", "job.changed-payload", m{"job": id, "state": "done", "progress": float32(100.5)}, `{"job": ` + jsonID + `, "state": "done", "progress": 100.5}`, false},
	{"jobrunner", "job.changed-payload", m{"job": id, "state": "done", "progress": float64(100)}, "", false},
	{"jobrunner", "clock.probe-reply", m{"at": at}, `{"at": "2026-01-02T03:04:05.000000001Z"}`, true},
	{"jobrunner", "clock.probe-reply", m{"at": "2026-01-02T03:04:05Z"}, "", false},
	{"jobrunner", "clock.probe-reply", m{"at": 0}, `{"at": 0}`, false},
	{"jobrunner", "WorkerID", "worker-1", `"worker-1"`, true},
	{"jobrunner", "WorkerID", "worker 1", `"worker 1"`, false},
	{"jobrunner", "WorkerID", "worker-1\n", `"worker-1\n"`, false},
	{"jobrunner", "WorkerID", strings.Repeat("w", 65), `"` + strings.Repeat("w", 65) + `"`, false},
	{"jobrunner", "error.QueueFull", m{"limit": 3, "retry_after": int64(-1)}, `{"limit": 3, "retry_after": -1}`, true},
	{"jobrunner", "error.QueueFull", m{"limit": -3, "retry_after": int64(1)}, `{"limit": -3, "retry_after": 1}`, false},
	{"jobrunner", "error.WorkerBusy", m{}, `{}`, true},
	{"jobrunner", "ContainerTask", m{"image": "debian:12"}, `{"image": "debian:12"}`, true},
	{"jobrunner", "ContainerTask", m{"image": "Debian:12"}, `{"image": "Debian:12"}`, false},

	// Every scalar and constraint.
	{"everything", "Scalars", scalars(nil), "", true},
	{"everything", "Scalars", scalars(m{"an_int8": 128}), "", false},
	{"everything", "Scalars", scalars(m{"an_int16": -32769}), "", false},
	{"everything", "Scalars", scalars(m{"an_int32": int64(1) << 31}), "", false},
	{"everything", "Scalars", scalars(m{"an_int64": uint64(1 << 63)}), "", false},
	{"everything", "Scalars", scalars(m{"a_uint8": 256}), "", false},
	{"everything", "Scalars", scalars(m{"a_uint16": -1}), "", false},
	{"everything", "Scalars", scalars(m{"a_uint32": int64(1) << 32}), "", false},
	{"everything", "Scalars", scalars(m{"a_uint64": -1}), "", false},
	{"everything", "Scalars", scalars(m{"a_float32": 1.5}), "", false},
	{"everything", "Scalars", scalars(m{"a_float64": float32(1.5)}), "", false},
	{"everything", "Scalars", scalars(m{"a_string": []byte("x")}), "", false},
	{"everything", "Scalars", scalars(m{"some_bytes": "x"}), "", false},
	{"everything", "Scalars", scalars(m{"a_bool": 1}), "", false},
	{"everything", "Scalars", scalars(m{"a_duration": 1.5}), "", false},
	{"everything", "Scalars", scalars(m{"anything": nil}), "", true},
	{"everything", "Smaller", 3, `3`, true},
	{"everything", "Smaller", 4, `4`, false},   // by the type beneath
	{"everything", "Smaller", -1, `-1`, false}, // by its own
	{"everything", "Even", uint64(math.MaxUint64 - 1), "", true},
	{"everything", "Even", 1, `1`, false},
	{"everything", "Ratio", 1.0, `1`, true},
	{"everything", "Ratio", math.Nextafter(1, 2), `1.0000000000000002`, false},
	{"everything", "Step", float32(0.25), `0.25`, true},
	{"everything", "Step", float32(0.75), `0.75`, false},
	{"everything", "Step", 0.25, "", false},
	{"everything", "Ids", []any{id}, `[` + jsonID + `]`, true},
	{"everything", "Ids", []any{}, `[]`, false},
	{"everything", "Ids", []any{id, id, id, id}, "", false},
	{"everything", "Ids", jsonOnly{}, `[` + jsonID + `, ` + jsonID + `]`, false},
	{"everything", "FewIds", []any{id, id, id}, "", false},
	{"everything", "Word", "aS$-7", `"aS$-7"`, true},
	{"everything", "Word", "a", `"a"`, false},
	{"everything", "Word", "\u017f\u212a", `"\u017f\u212a"`, true}, // case folding of RE2
	{"everything", "Word", "käse", `"käse"`, false},
	{"everything", "Text", strings.Repeat("x", 999), `"` + strings.Repeat("x", 999) + `"`, false},
	{"everything", "Text", strings.Repeat("€", 2000), `"` + strings.Repeat("€", 2000) + `"`, true},
	{"everything", "Hash", make([]byte, 32), `"` + strings.Repeat("A", 43) + `="`, true},
	{"everything", "Hash", make([]byte, 31), "", false},
	{"everything", "Hash", make([]byte, 34), `"` + strings.Repeat("A", 46) + `=="`, false},
	{"everything", "Labels", m{"a": "ab"}, `{"a": "ab"}`, true},
	{"everything", "Labels", m{"a": "x!"}, `{"a": "x!"}`, false},
	{"everything", "File", "/x", `"/x"`, true},
	{"everything", "File", "x", `"x"`, false},
	{"everything", "Host", "a.example", `"a.example"`, true},
	{"everything", "Address", "2001:db8::1", `"2001:db8::1"`, true},
	{"everything", "Color", "hidden \u202e\a", `"hidden \u202e\u0007"`, true},
	{"everything", "Switch", "hidden", `"hidden"`, false},
	{"everything", "Tree", m{"children": []any{m{"children": []any{}, "named": m{}}}, "named": m{"x": []any{}}, "value": m{"square": m{"side": 0.5}}}, `{"children": [{"children": [], "named": {}}], "named": {"x": []}, "value": {"square": {"side": 0.5}}}`, true},
	{"everything", "Tree", m{"children": []any{}, "named": m{}, "value": m{"square": m{"side": 2.0}}}, `{"children": [], "named": {}, "value": {"square": {"side": 2}}}`, false},
	{"everything", "Shape", m{"circle": m{"radius": -1.0}}, `{"circle": {"radius": -1}}`, false},
	{"everything", "Shape", m{"nothing": nil}, `{"nothing": null}`, true},
	{"everything", "Only", m{"left": 1}, `{"left": 1}`, true},
	{"everything", "Only", m{"middle": 1}, `{"middle": 1}`, false},
	{"everything", "Defaults", m{}, `{}`, true},
	{"everything", "Defaults", m{"big": 7, "even": 100, "temperature": float32(-40), "word": "xa"}, `{"big": 7, "even": 100, "temperature": -40, "word": "xa"}`, true},
	{"everything", "Defaults", m{"big": 8}, `{"big": 8}`, false},
	{"everything", "Defaults", m{"word": "ax"}, `{"word": "ax"}`, false},  // by the pattern of the field
	{"everything", "Defaults", m{"word": "x!"}, `{"word": "x!"}`, false},  // by the pattern of the type
	{"everything", "Defaults", m{"labels": m{}}, `{"labels": {}}`, false}, // by the len of the field
	{"everything", "Defaults", m{"flag": nil}, `{"flag": null}`, false},   // readers take it, writers do not send it
	{"everything", "Defaults", m{"set": []string{"on", "on"}}, "", true},  // CDDL has no words for unique
	{"everything", "new_one-payload", m{"only": m{"left": 0}, "few": []any{id}, "shape": m{"name": "ab"}, "nested": []any{[]any{1}}}, `{"only": {"left": 0}, "few": [` + jsonID + `], "shape": {"name": "ab"}, "nested": [[1]]}`, true},
}

// scalars returns a value of Scalars with some fields replaced.
func scalars(with m) m {
	v := m{
		"a_bool": true, "an_int8": -128, "an_int16": 32767, "an_int32": math.MinInt32, "an_int64": int64(math.MinInt64),
		"a_uint8": 255, "a_uint16": 65535, "a_uint32": int64(math.MaxUint32), "a_uint64": uint64(math.MaxUint64),
		"a_float32": float32(1.5), "a_float64": 2.5, "a_string": "ä", "some_bytes": []byte{},
		"a_time": at, "a_duration": int64(math.MaxInt64), "an_id": id, "anything": []any{1, "x"},
	}
	for k, x := range with {
		v[k] = x
	}
	return v
}

func TestCDDLVectors(t *testing.T) {
	for _, sample := range samples {
		e, err := parseCDDL(string(export.CDDL(load(t, sample))))
		if err != nil {
			t.Fatalf("%s: %v", sample, err)
		}
		for _, v := range vectors {
			if v.sample != sample || v.value == (jsonOnly{}) {
				continue
			}
			rule := e.rules[v.name]
			if rule == nil {
				t.Errorf("%s: no rule %s", sample, v.name)
				continue
			}
			if got := e.match(rule, mustMarshal(v.value)); got != v.ok {
				t.Errorf("%s: %s takes %.100v: %v, want %v", sample, v.name, v.value, got, v.ok)
			}
		}
	}
}

// Everything that a command carries can be reached from the first rule.
func TestCDDLRoot(t *testing.T) {
	for _, sample := range samples {
		s := load(t, sample)
		e, err := parseCDDL(string(export.CDDL(s)))
		if err != nil {
			t.Fatal(err)
		}
		reached := make(map[string]bool)
		e.reach(e.rules[e.order[0]], reached)
		for _, c := range s.Commands {
			for name, there := range map[string]bool{c.Name + "-payload": c.Payload != nil, c.Name + "-reply": c.Reply != nil} {
				if reached[name] != there {
					t.Errorf("%s: %s reached: %v, want %v", sample, name, reached[name], there)
				}
			}
		}
	}
}

func (e *evaluator) reach(n *node, reached map[string]bool) {
	if n == nil || n.op == "name" && reached[n.text] {
		return
	}
	if n.op == "name" {
		reached[n.text] = true
		e.reach(e.rules[n.text], reached)
	}
	for _, sub := range n.subs {
		e.reach(sub, reached)
	}
}
