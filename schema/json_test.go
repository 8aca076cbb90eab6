package schema

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJSON(t *testing.T) {
	s := mustLoad(t, `ipcio: 1
protocol: p
version: 2
doc: A <protocol> & more.
types:
  JobID: {type: uuid, doc: Names a job.}
  State: {enum: {queued: Waits., done: {deprecated: use gone}}, closed: true}
  Job: {fields: {id: JobID, tags: {type: opt<list<string>>, deprecated: use x}}}
  Empty: {fields: {}}
commands:
  job.get: {payload: {job: JobID}, reply: Job}
  ping: {dir: server->client, doc: Ping., deprecated: use pong}
`)
	got := s.JSON()
	want := `{"ipcio":1,"protocol":"p","version":2,"doc":"A <protocol> & more.","types":[` +
		`{"name":"JobID","doc":"Names a job.","type":"uuid"},` +
		`{"name":"State","enum":[{"value":"queued","doc":"Waits."},{"value":"done","deprecated":"use gone"}],"closed":true},` +
		`{"name":"Job","fields":[{"name":"id","type":"JobID"},{"name":"tags","deprecated":"use x","type":"list<string>","optional":true}]},` +
		`{"name":"Empty","fields":[]}],"commands":[` +
		`{"name":"job.get","dir":"client->server","payload":{"fields":[{"name":"job","type":"JobID"}]},"reply":{"type":"Job"},"fingerprint":"` + s.Commands[0].Fingerprint() + `"},` +
		`{"name":"ping","doc":"Ping.","deprecated":"use pong","dir":"server->client","fingerprint":"` + s.Commands[1].Fingerprint() + `"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got) {
		t.Error("not JSON")
	}
}

func TestJSONOfTheWholeLanguage(t *testing.T) {
	s := mustLoad(t, `ipcio: 1
protocol: p
types:
  Tag: {type: string, len: 1..8, pattern: '.*', format: path}
  Task: {union: {shell: {argv: {type: list<string>, unique: true}}, sleep: duration}, closed: true}
errors:
  Full: {doc: Full., retry: true, fields: {limit: {type: uint8, range: 1.., in: [5, 1]}}}
commands:
  a: {payload: {t: {type: opt<Tag>, default: x, secret: true}, d: {type: opt<duration>, default: 90s}}, reply: {}, errors: [Full], idempotent: true}
reserved: [b, Job.x]
`)
	got := s.JSON()
	want := `{"ipcio":1,"protocol":"p","version":1,"types":[` +
		`{"name":"Tag","type":"string","len":"1..8","pattern":".*","format":"path"},` +
		`{"name":"Task","union":[{"name":"shell","fields":[{"name":"argv","type":"list<string>","unique":true}]},{"name":"sleep","type":"duration"}],"closed":true}],` +
		`"errors":[{"name":"Full","doc":"Full.","retry":true,"fields":[{"name":"limit","type":"uint8","range":"1..","in":["5","1"]}]}],` +
		`"commands":[{"name":"a","dir":"client->server","payload":{"fields":[{"name":"t","type":"Tag","optional":true,"default":"x","secret":true},` +
		`{"name":"d","type":"duration","optional":true,"default":"1m30s"}]},"reply":{"fields":[]},"errors":["Full"],"idempotent":true,"fingerprint":"` + s.Commands[0].Fingerprint() + `"}],` +
		`"reserved":["b","Job.x"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestPaths(t *testing.T) {
	s := mustLoad(t, constrained)
	want := []string{
		"Tag", "Small", "Task", "Task.shell", "TaskShell.argv", "Task.tag", "Task.sub", "Priority", "Priority.low", "Priority.high",
		"Full", "Full.limit", "Gone", "run", "RunPayload.task", "RunPayload.n", "RunPayload.words", "say", "SayPayload.word", "SayPayload.to", "SayPayload.p",
	}
	if diff := cmp.Diff(want, s.Paths()); diff != "" {
		t.Error(diff)
	}
}
