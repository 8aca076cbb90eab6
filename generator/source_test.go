package generator_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
)

// sourceSchema is release N of a protocol.
const sourceSchema = `ipcio: 1
protocol: jobs
version: 1
go: {package: jobs}
types:
  ID: uuid
  Level: {enum: [low, high], closed: true}
  Mood: {enum: [fine, bad]}
  Shell: {fields: {argv: list<string>}}
  Task: {union: {shell: Shell, sleep: duration, old: string}}
  Fixed: {union: {a: string, b: int32, c: bool}, closed: true}
  Job:
    fields:
      id: ID
      note: opt<string>
      size: int32
      wide: int64
      ratio: float64
      small: float32
      tries: {type: opt<uint8>, default: 3}
      token: {type: opt<string>, secret: true}
      short: {type: string, len: 1..9}
      level: Level
      mood: Mood
      task: Task
      fixed: Fixed
      free: any
      text: string
      raw: bytes
errors:
  Full: {fields: {limit: uint32}}
  Busy: {}
commands:
  job.run: {payload: {job: Job}, reply: {position: uint32}, errors: [Full]}
  job.get: {payload: {id: ID}, reply: Job, errors: [Full, Busy], idempotent: true}
  job.old: {deprecated: use job.run, payload: {id: ID}}
  job.ping: {payload: {id: ID}}
  job.count: {reply: {n: int32}}
  job.changed: {dir: server->client, payload: {id: ID}}
  probe: {dir: client<->server, reply: {ok: bool}}
  plain: {}
reserved: [job.start]
`

// sourceProgram was written against release N. It uses everything there is,
// with the types written out.
const sourceProgram = `package main

import (
	"context"
	"errors"
	"time"

	"example.com/jobs"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func use(ctx context.Context, c *jobs.Client, s *jobs.Server, p *jobs.Peer) error {
	var (
		id    jobs.ID = jobs.ID(ipcio.UUID{})
		note  string  = "note"
		tries uint8   = 2
		token string  = "token"
		job           = jobs.Job{
			ID: id, Note: &note, Size: int32(1), Wide: int64(1), Ratio: float64(1), Small: float32(1), Tries: &tries, Token: &token,
			Short: string("short"), Level: jobs.LevelLow, Mood: jobs.MoodFine, Task: &jobs.Shell{Argv: []string{"a"}},
			Fixed: &jobs.FixedA{Value: "a"}, Free: ipcio.Any{0xf6}, Text: string("text"),
		}
		more jobs.Task  = &jobs.TaskSleep{Value: time.Second}
		last jobs.Fixed = &jobs.FixedC{Value: true}
	)
	tries = job.GetTries()
	job.Level, job.Mood = jobs.LevelHigh, jobs.MoodBad
	switch v := more.(type) {
	case *jobs.Shell:
		_ = v.Argv
	case *jobs.TaskSleep:
		_ = v.Value
	case *jobs.TaskOld:
		_ = v.Value
	case *jobs.TaskUnknown:
		_ = v.Kind
	}
	switch v := last.(type) {
	case *jobs.FixedB:
		var n int32 = v.Value
		_ = n
	}
	ran, err := c.CallJobRun(ctx, jobs.JobRunPayload{Job: job})
	var position uint32 = ran.Position
	if full, ok := errors.AsType[*jobs.FullError](err); ok {
		position = full.Limit
	}
	if errors.Is(err, &jobs.BusyError{}) {
		return err
	}
	got, err := c.CallJobGet(ctx, jobs.JobGetPayload{ID: id})
	job = got
	count, err := c.CallJobCount(ctx)
	_, _ = count.N, position
	_ = c.OnJobChanged(func(ctx context.Context, p jobs.JobChangedPayload) error { id = p.ID; return nil })
	_ = s.OnJobRun(func(ctx context.Context, from *jobs.Peer, p jobs.JobRunPayload) (jobs.JobRunReply, error) {
		return jobs.JobRunReply{Position: 1}, &jobs.FullError{Limit: 3}
	})
	_ = s.OnJobPing(func(ctx context.Context, from *jobs.Peer, p jobs.JobPingPayload) error { id = p.ID; return nil })
	_ = s.OnPlain(func(ctx context.Context, from *jobs.Peer) error { return nil })
	probed, err := s.CallProbe(ctx, "name")
	probed, err = c.CallProbe(ctx)
	_ = probed.Ok
	_ = jobs.ServerHandlers{JobOld: nil, Probe: nil}
	_ = jobs.ClientHandlers{JobChanged: nil, Probe: nil}
	return errors.Join(err, c.EmitJobOld(ctx, jobs.JobOldPayload{ID: id}), c.EmitJobPing(ctx, jobs.JobPingPayload{ID: id}), c.EmitPlain(ctx),
		s.BroadcastJobChanged(ctx, jobs.JobChangedPayload{ID: id}), p.EmitJobChanged(ctx, jobs.JobChangedPayload{ID: id}))
}
`

// sourceChanges are changes of release N, at least one for each rule of
// compatibility, and what the compiler says of the program then: "" means that
// it compiles.
var sourceChanges = []struct {
	rule, of string
	old, new string // texts of the schema
	breaks   string
}{
	{"B101", "", "      size: int32\n", "      size: int32\n      extra: opt<int32>\n", ""},
	{"B102", "", "      size: int32\n", "      size: int32\n      extra: int32\n", ""},
	{"B103", "", "      note: opt<string>\n", "", "unknown field Note"},
	{"B104", "", "      size: int32\n", "", "unknown field Size"},
	{"B105", "", "note: opt<string>", "note: string", "cannot use &note"},
	{"B106", "", "size: int32", "size: opt<int32>", "cannot use int32(1)"},
	{"B107", "required", "      size: int32", "      count: int32", "unknown field Size"},
	{"B107", "optional", "      note: opt<string>", "      remark: opt<string>", "unknown field Note"},
	{"B108", "changed", "default: 3", "default: 4", ""},
	{"B108", "removed", ", default: 3", "", "job.GetTries undefined"},
	{"B109", "", ", secret: true", "", ""},
	{"B110", "", "len: 1..9", "len: 1..5", ""},
	{"B111", "", "len: 1..9", "len: 1..20", ""},
	{"B112", "", "{type: string, len: 1..9}", "{type: string, len: 3..20}", ""},
	{"B113", "", "raw: bytes", "raw: {type: bytes, borrow: true}", ""},
	{"B201", "", "size: int32", "size: int64", "cannot use int32(1)"},
	{"B202", "", "size: int32", "size: int16", "cannot use int32(1)"},
	{"B203", "", "size: int32", "size: uint32", "cannot use int32(1)"},
	{"B204", "", "size: int32", "size: float64", "cannot use int32(1)"},
	{"B205", "", "ratio: float64", "ratio: float32", "cannot use float64(1)"},
	{"B206", "", "wide: int64", "wide: float64", "cannot use int64(1)"},
	{"B207", "", "text: string", "text: Mood", "cannot use string(\"text\")"},
	{"B208", "to enum", "text: string", "text: Level", "cannot use string(\"text\")"},
	{"B208", "to string", "level: Level", "level: string", "cannot use jobs.LevelLow"},
	{"B209", "to any", "size: int32", "size: any", "cannot use int32(1)"},
	{"B209", "from any", "free: any", "free: int32", "cannot use ipcio.Any"},
	{"B210", "", "      id: ID", "      id: uuid", "cannot use id"},
	{"B211", "", "size: int32", "size: string", "cannot use int32(1)"},
	{"B301", "", "[fine, bad]", "[fine, bad, new]", ""},
	{"B301", "", "old: string}", "old: string, extra: bool}", ""},
	{"B302", "", "[low, high]", "[low, high, top]", ""},
	{"B303", "", "[fine, bad]", "[fine]", "undefined: jobs.MoodBad"},
	{"B303", "", ", old: string}", "}", "undefined: jobs.TaskOld"},
	{"B304", "", "[low, high]", "[low]", "undefined: jobs.LevelHigh"},
	{"B305", "closed", "old: string}}", "old: string}, closed: true}", "undefined: jobs.TaskUnknown"},
	{"B305", "opened", "c: bool}, closed: true", "c: bool}", ""},
	{"B306", "", "b: int32", "b: string", "cannot use v.Value"},
	{"B401", "", "  plain: {}\n", "  plain: {}\n  job.more: {reply: {}}\n", ""},
	{"B402", "", "  plain: {}\n", "  plain: {}\n  job.more: {payload: {id: ID}}\n", ""},
	{"B403", "deprecated", "  job.old: {deprecated: use job.run, payload: {id: ID}}\n", "", "unknown field JobOld"},
	{"B403", "not deprecated", "  job.ping: {payload: {id: ID}}\n", "", "s.OnJobPing undefined"},
	{"B404", "", "job.ping: {payload: {id: ID}}", "job.ping: {payload: {id: ID}, reply: {}}", "in argument to s.OnJobPing"},
	{"B405", "", "job.count: {reply: {n: int32}}", "job.count: {}", "c.CallJobCount undefined"},
	{"B406", "added", "job.changed: {dir: server->client", "job.changed: {dir: client<->server", ""},
	{"B406", "removed", "probe: {dir: client<->server, ", "probe: {", "s.CallProbe undefined"},
	{"B409", "", "errors: [Full]", "errors: [Full, Busy]", ""},
	{"B410", "", "errors: [Full, Busy]", "errors: [Full]", ""},
	{"B411", "", "Full: {fields: {limit: uint32}}", "Full: {fields: {limit: uint64}}", "as uint32 value"},
	{"B412", "added", "reply: {position: uint32},", "reply: {position: uint32}, idempotent: true,", ""},
	{"B412", "removed", ", idempotent: true", "", ""},
	{"B413", "", "Busy: {}", "Busy: {retry: true}", ""},
	{"B414", "added", "  plain: {}", "  plain: {payload: {n: opt<int32>}}", "in argument to s.OnPlain"},
	{"B414", "removed", "job.ping: {payload: {id: ID}}", "job.ping: {}", "undefined: jobs.JobPingPayload"},
	{"B501", "", "version: 1", "version: 2", ""},
	{"B502", "", "protocol: jobs", "protocol: work", ""},
	{"B503", "", "reserved: [job.start]\n", "", ""},
	{"B504", "", "      note: opt<string>\n", "", "unknown field Note"},
	{"B601", "", "go: {package: jobs}", "go: {package: work}", "undefined: jobs"},
	{"B601", "", "size: int32", "size: {type: int32, go: Count}", "unknown field Size"},
	{"B602", "", "Shell", "Script", "undefined: jobs.Shell"},
	{"", "", "  Busy: {}\n", "  Busy: {doc: Come back later.}\n", ""},
	{"", "", "  ID: uuid\n  Level", "  Level", "undefined: jobs.ID"},
}

// sourceCautious are rules that are said to break programs and whose example
// above does not, with the reason for the caution.
var sourceCautious = map[string]string{
	"B305 opened": "a switch over a closed union that linters checked to be complete no longer is",
	"B410 ":       "code that handles the error stays behind, and nothing tells where",
}

// TestSourceCompatibility shows what the categories of the rules promise: a
// program of release N compiles against what is generated after a change
// without S, and no longer after a change with it.
func TestSourceCompatibility(t *testing.T) {
	checker := newTypeChecker(t)
	if err := checkProgram(checker, sourceSchema); err != nil {
		t.Fatalf("the program does not compile against its own release: %v", err)
	}
	old, err := loadText(sourceSchema)
	if err != nil {
		t.Fatal(err)
	}
	shown, cautious := map[string]bool{}, map[string]bool{}
	for _, c := range sourceChanges {
		name := strings.TrimSpace(fmt.Sprintf("%s %s %q becomes %q", c.rule, c.of, c.old, c.new))
		text := strings.ReplaceAll(sourceSchema, c.old, c.new)
		if text == sourceSchema {
			t.Errorf("%s: it changes nothing", name)
			continue
		}
		if c.old == "  ID: uuid\n  Level" { // the type goes, and what it was based on stays
			text = strings.ReplaceAll(text, ": ID", ": uuid")
		}
		changed, err := loadText(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.rule != "" {
			key := c.rule + " " + c.of
			shown[key] = true
			rule := reported(schema.Compare(old, changed, schema.CompareOptions{}), c.rule, c.of)
			switch saysSource := rule != nil && rule.Category&schema.CategorySource != 0; {
			case rule == nil:
				t.Errorf("%s: the rule is not reported", name)
			case saysSource && c.breaks == "":
				if sourceCautious[key] == "" {
					t.Errorf("%s: the rule says that programs break, and this one does not", name)
				}
				cautious[key] = true
			case !saysSource && c.breaks != "" && c.rule != "B504": // which comes with another rule
				t.Errorf("%s: the rule says that programs do not break, and this one does", name)
			}
		}
		switch err := checkProgram(checker, text); {
		case c.breaks == "" && err != nil:
			t.Errorf("%s: the program no longer compiles: %v", name, err)
		case c.breaks != "" && (err == nil || !strings.Contains(err.Error(), c.breaks)):
			t.Errorf("%s: the compiler says %v, want %q", name, err, c.breaks)
		}
	}
	for _, r := range schema.Rules() {
		if key := string(r.ID) + " " + r.Case; !shown[key] {
			t.Errorf("no change shows the rule %s", key)
		}
	}
	for key := range sourceCautious {
		if !cautious[key] {
			t.Errorf("%s needs no exception", key)
		}
	}
}

func loadText(text string) (*schema.Schema, error) {
	return schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte(text)}}, "commands.yaml")
}

// reported returns the rule of a report, or nil.
func reported(r *schema.Report, id, of string) *schema.Rule {
	for _, c := range r.Changes {
		if string(c.Rule.ID) == id && c.Rule.Case == of {
			return c.Rule
		}
	}
	return nil
}

// checkProgram has the program compiled against the package of a schema.
func checkProgram(c *typeChecker, text string) error {
	s, err := loadText(text)
	if err != nil {
		return err
	}
	files, err := generator.Generate(s, generator.Options{})
	if err != nil {
		return err
	}
	pkg, err := c.check(files)
	if err != nil {
		return fmt.Errorf("the generated package: %w", err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "main.go", sourceProgram, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	var found []error
	config := types.Config{Importer: withPackage{c, pkg}, Error: func(err error) { found = append(found, err) }}
	if _, err := config.Check("main", fset, []*ast.File{file}, nil); err != nil && len(found) == 0 {
		return err
	}
	return errors.Join(found...)
}

// withPackage imports the package of the schema as well.
type withPackage struct {
	types.Importer
	pkg *types.Package
}

// Import implements types.Importer.
func (w withPackage) Import(path string) (*types.Package, error) {
	if path == "example.com/jobs" {
		return w.pkg, nil
	}
	return w.Importer.Import(path)
}
