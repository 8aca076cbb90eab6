package generator_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/generator"
)

// misuses are statements that must not compile against the package of the
// schema below, with what the compiler says.
var misuses = []struct {
	name string
	code string // "" in want means that it must compile
	want string
}{
	{"a correct program", `
		err = c.EmitJobStart(ctx, JobStartPayload{Job: id, Prio: PrioLow})
		got, err := c.CallJobGet(ctx, JobGetPayload{Job: id})
		_ = s.OnJobGet(func(ctx context.Context, from *Peer, p JobGetPayload) (JobGetReply, error) { return JobGetReply{State: StateDone}, nil })
		_, _ = got.State, s.BroadcastJobChanged(ctx, JobChangedPayload{})`, ""},
	{"wrong payload type", `err = c.EmitJobStart(ctx, JobGetPayload{})`, "cannot use JobGetPayload{} (value of struct type JobGetPayload) as JobStartPayload value in argument to c.EmitJobStart"},
	{"any payload", `err = c.EmitJobStart(ctx, map[string]any{"job": id})`, "as JobStartPayload value in argument"},
	{"missing payload", `err = c.EmitJobStart(ctx)`, "not enough arguments in call to c.EmitJobStart"},
	{"unknown field", `_ = JobStartPayload{Jobb: id}`, "unknown field Jobb in struct literal of type JobStartPayload"},
	{"wrong field type", `_ = JobStartPayload{Job: "7"}`, `cannot use "7" (untyped string constant) as JobID value in struct literal`},
	{"another uuid", `_ = JobStartPayload{Job: ipcio.UUID{}}`, "cannot use ipcio.UUID{} (value of array type ipcio.UUID) as JobID value in struct literal"},
	{"another enum's constant", `_ = JobStartPayload{Prio: StateDone}`, "cannot use StateDone (constant \"done\" of string type State) as Prio value in struct literal"},
	{"text for a closed enum's variable", `text := "low"; _ = JobStartPayload{Prio: text}`, "cannot use text (variable of type string) as Prio value in struct literal"},
	{"value for an optional", `_ = JobStartPayload{Note: "x"}`, `cannot use "x" (untyped string constant) as *string value in struct literal`},
	{"handler without reply", `_ = s.OnJobGet(func(ctx context.Context, from *Peer, p JobGetPayload) error { return nil })`, "as func(context.Context, *Peer, JobGetPayload) (JobGetReply, error) value in argument to s.OnJobGet"},
	{"handler with another reply", `_ = s.OnJobGet(func(ctx context.Context, from *Peer, p JobGetPayload) (JobStartPayload, error) { return JobStartPayload{}, nil })`, "as func(context.Context, *Peer, JobGetPayload) (JobGetReply, error) value in argument to s.OnJobGet"},
	{"handler of an event with reply", `_ = ServerHandlers{JobStart: func(ctx context.Context, from *Peer, p JobStartPayload) (JobGetReply, error) { return JobGetReply{}, nil }}`, "as func(ctx context.Context, from *Peer, p JobStartPayload) error value in struct literal"},
	{"client sends what the server sends", `err = c.EmitJobChanged(ctx, JobChangedPayload{})`, "c.EmitJobChanged undefined (type *Client has no field or method EmitJobChanged"},
	{"server sends what the client sends", `err = s.EmitJobStart(ctx, "ann", JobStartPayload{})`, "s.EmitJobStart undefined (type *Server has no field or method EmitJobStart)"},
	{"client handles what the server handles", `_ = c.OnJobStart(nil)`, "c.OnJobStart undefined"},
	{"server handles what clients handle", `_ = ServerHandlers{Whisper: nil}`, "unknown field Whisper in struct literal of type ServerHandlers"},
	{"call of an event", `_, err = c.CallJobStart(ctx, JobStartPayload{})`, "c.CallJobStart undefined"},
	{"broadcast of a call", `err = s.BroadcastAsk(ctx, AskPayload{})`, "s.BroadcastAsk undefined"},
	{"whisper to nobody", `err = c.EmitWhisper(ctx, WhisperPayload{})`, "not enough arguments in call to c.EmitWhisper"},
	{"reply taken for another", `var r JobStartPayload; r, err = c.CallJobGet(ctx, JobGetPayload{}); _ = r`, "cannot use c.CallJobGet(ctx, JobGetPayload{}) (value of struct type JobGetReply) as JobStartPayload value in assignment"},
	{"a union", `var task Task = &TaskSleep{Value: 1}; task = &Shell{}; _, err = c.CallJobRun(ctx, JobRunPayload{Task: task}); _ = errors.Is(err, &FullError{}); var n uint8 = (*JobRunPayload)(nil).GetTries(); _ = n`, ""},
	{"foreign union member", `_ = JobRunPayload{Task: &Other{}}`, "cannot use &Other{} (value of type *Other) as Task value in struct literal: *Other does not implement Task"},
	{"union member by value", `_ = JobRunPayload{Task: Shell{}}`, "Shell does not implement Task (method TaskKind has pointer receiver)"},
	{"value for a variant", `_ = JobRunPayload{Task: time.Second}`, "as Task value in struct literal"},
	{"an error by value", `return FullError{}`, "as error value in return statement: FullError does not implement error (method Error has pointer receiver)"},
	{"a default for a required field", `_ = new(JobRunPayload).GetTask()`, "GetTask undefined"},
	{"no context", `err = c.EmitJobStart(JobStartPayload{})`, "not enough arguments in call to c.EmitJobStart"},
}

const misuseSchema = `
ipcio: 1
protocol: misuse
types:
  JobID: uuid
  State: {enum: [queued, done]}
  Prio: {enum: [low, high], closed: true}
  Shell: {fields: {argv: list<string>}}
  Other: {fields: {argv: list<string>}}
  Task: {union: {shell: Shell, sleep: duration}}
errors:
  Full: {fields: {limit: uint8}}
commands:
  job.run: {payload: {task: Task, tries: {type: opt<uint8>, default: 3}}, reply: {}, errors: [Full]}
  job.start: {payload: {job: JobID, prio: Prio, note: opt<string>}}
  job.get: {payload: {job: JobID}, reply: {state: State}}
  job.changed: {dir: server->client, payload: {job: JobID}}
  ask: {dir: server->client, payload: {text: string}, reply: {text: string}}
  whisper: {dir: client->client, payload: {text: string}}
`

// TestMisuseDoesNotCompile shows what the compiler finds for a user.
func TestMisuseDoesNotCompile(t *testing.T) {
	files, err := generator.Generate(load(t, map[string]string{"commands.yaml": misuseSchema}), generator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, f := range files {
		file, err := parser.ParseFile(fset, f.Name, f.Content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	checker := newTypeChecker(t)
	for _, m := range misuses {
		t.Run(m.name, func(t *testing.T) {
			source := `package misuse
				import ("context"; "errors"; "time"; "github.com/ipcio/ipcio-go/runtime/ipcio")
				func use(ctx context.Context, c *Client, s *Server, id JobID) (err error) {
					_, _, _ = ipcio.SupportsGen1, errors.Is, time.Second
					` + m.code + `
					return err
				}`
			user, err := parser.ParseFile(fset, "user.go", source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			cfg := types.Config{
				Importer: checker,
				Error:    func(err error) { found = append(found, err.(types.Error).Msg) },
			}
			// The errors are in found.
			_, _ = cfg.Check("misuse", fset, append([]*ast.File{user}, parsed...), nil)
			switch {
			case m.want == "" && len(found) > 0:
				t.Errorf("it does not compile: %q", found)
			case m.want != "" && (len(found) != 1 || !strings.Contains(found[0], m.want)):
				t.Errorf("the compiler says %q, want one error that contains %q", found, m.want)
			}
		})
	}
}
