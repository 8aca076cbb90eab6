package ipcio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// A python is the client in testdata/interop, which was written from
// PROTOCOL.md alone and shares no line with this package, in a process of its
// own. It does what it is told line by line.
type python struct {
	*process
	name string
	last int
}

func interpreter(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not in PATH: the client that was written from PROTOCOL.md cannot run")
	}
	return path
}

func runPython(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{
		t: t, lines: newRecorder[string](), ended: make(chan struct{}),
		cmd: exec.Command(interpreter(t), append([]string{"-B", filepath.Join("testdata", "interop", "client.py")}, args...)...),
	}
	p.cmd.Stderr = os.Stderr
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	ok(t, err)
	stdout, err := p.cmd.StdoutPipe()
	ok(t, err)
	ok(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Buffer(nil, 16<<20); lines.Scan(); { // one line has all that it saw
			p.lines.add(lines.Text())
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// python starts a Python client that has joined the domain.
func (d *domain) python(name string) *python {
	d.t.Helper()
	p := &python{process: runPython(d.t, "join", d.dir, name), name: name}
	p.expect("ready")
	return p
}

// begin has the client do something; the function returns what came of it.
func (p *python) begin(op string, arguments map[string]any) func() any {
	p.t.Helper()
	p.last++
	id := p.last
	line := map[string]any{"id": id, "op": op}
	for k, v := range arguments {
		line[k] = v
	}
	text, err := json.Marshal(line)
	ok(p.t, err)
	p.say(string(text))
	return func() any {
		p.t.Helper()
		var result any
		ok(p.t, json.Unmarshal([]byte(p.expect(fmt.Sprintf("result %d ", id))), &result))
		if m, is := result.(map[string]any); is && m["failed"] != nil {
			p.t.Fatalf("python: %s: %v", op, m["failed"])
		}
		return result
	}
}

func (p *python) do(op string, arguments map[string]any) any {
	p.t.Helper()
	return p.begin(op, arguments)()
}

// saw waits until the client has handled so many messages of a command and
// returns their values, redelivered flags and senders.
func (p *python) saw(command string, count int) []any {
	p.t.Helper()
	return p.do("wait", map[string]any{"command": command, "count": count}).([]any)
}

type args = map[string]any

// wantJSON compares what Python printed.
func wantJSON(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wantNumbers checks that python saw 0 to n-1, once, in order and unflagged.
func wantNumbers(t testing.TB, seen []any, n int, sender string) {
	t.Helper()
	if len(seen) != n {
		t.Fatalf("python saw %d messages, not %d", len(seen), n)
	}
	for i, m := range seen {
		if diff := cmp.Diff([]any{float64(i), false, sender}, m); diff != "" {
			t.Fatalf("message %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestInteropVectors(t *testing.T) {
	vectors, err := filepath.Abs(filepath.Join("..", "internal", "wire", "testdata", "vectors.json"))
	ok(t, err)
	p := runPython(t, "vectors", vectors)
	var n int
	if _, err := fmt.Sscan(p.expect("checked"), &n); err != nil || n < 90 {
		t.Errorf("python checked %d vectors: %v", n, err)
	}
	p.quit()
}

// A domain of a Go server, a Go client and a Python client: everything that one
// can do with another.
func TestInterop(t *testing.T) {
	d := newDomain(t)
	gaps, up, heard := newRecorder[ipcio.Gap](), newRecorder[any](), newRecorder[any]()
	goNews, direct := newRecorder[any](), newRecorder[any]()
	stopped := make(chan int) // a handler that was told to stop answers when the test knows
	s := d.serveWith(ipcio.ServerConfig{OnGap: gaps.add, Queue: ipcio.QueueConfig{WhenFull: ipcio.Block}}, func(s *ipcio.Server) {
		handle(t, s, "up", record(up))
		handle(t, s, "heard", record(heard))
		handle(t, s, "add", func(_ context.Context, m *ipcio.Message) (any, error) {
			var n []int
			err := m.Decode(&n)
			sum := 0
			for _, n := range n {
				sum += n
			}
			return sum, err
		})
		handle(t, s, "buy", func(context.Context, *ipcio.Message) (any, error) {
			return nil, &ipcio.RemoteError{Code: "out_of_stock", Message: "none is left", Data: ipcio.Any{0xa1, 0x61, 'n', 0x00}}
		})
		handle(t, s, "sleep", func(ctx context.Context, m *ipcio.Message) (any, error) {
			var n int
			err := m.Decode(&n)
			<-ctx.Done()
			stopped <- n
			return nil, errors.Join(err, ctx.Err())
		})
		handle(t, s, "ask.back", func(ctx context.Context, m *ipcio.Message) (any, error) {
			r, err := m.From().Call(ctx, "who", nil)
			if err != nil {
				return nil, err
			}
			return r.Value()
		})
	})
	g := d.join("go", func(c *ipcio.Client) {
		handle(t, c, "news", record(goNews))
		handle(t, c, "direct", record(direct))
		handle(t, c, "who", func(_ context.Context, m *ipcio.Message) (any, error) { return "go, asked by " + m.From().Name(), nil })
	})
	py := d.python("py")

	t.Run("events", func(t *testing.T) {
		const n = 5000 // many windows
		sent := py.begin("emit", args{"command": "up", "count": n})
		for i := range n {
			ok(t, s.Emit(d.ctx(), "py", "down", i))
		}
		sent()
		wantCount(t, up.wait(t, n), n)
		wantNumbers(t, py.saw("down", n), n, "")
		large := strings.Repeat("large ", 200_000) // more than the first windows have bytes
		ok(t, s.Emit(d.ctx(), "py", "job.large", large))
		if got := py.saw("job.large", 1)[0].([]any)[0]; got != large {
			t.Error("a frame of 1.2 MB did not arrive as it was sent")
		}
	})
	t.Run("calls of python", func(t *testing.T) {
		wantJSON(t, "reply", py.do("call", args{"command": "add", "value": []int{1, 2, 39}}), any(args{"value": 42.0}))
		wantJSON(t, "nested", py.do("call", args{"command": "ask.back"}), any(args{"value": "it is py"}))
		wantJSON(t, "failure", py.do("call", args{"command": "buy"}),
			any(args{"code": "out_of_stock", "message": "none is left", "data": args{"n": 0.0}, "outcome": 3.0}))
		for _, c := range []struct {
			command, code string
			to            any
			timeout       float64
			outcome       float64
		}{
			{command: "nothing", code: ipcio.CodeUnknownCommand, timeout: 20, outcome: float64(ipcio.OutcomeNotHandled)},
			{command: "who", to: "nobody", code: ipcio.CodeUnknownClient, timeout: 20, outcome: float64(ipcio.OutcomeNotHandled)},
			{command: "sleep", code: ipcio.CodeTimeout, timeout: 0.1, outcome: float64(ipcio.OutcomeUnknown)},
		} {
			got := py.do("call", args{"command": c.command, "value": 7, "to": c.to, "timeout": c.timeout}).(args)
			if got["code"] != c.code || got["outcome"] != c.outcome {
				t.Errorf("call of %s to %v: %v", c.command, c.to, got)
			}
		}
		if n := receive(t, "the handler's ctx ends", stopped); n != 7 {
			t.Errorf("the handler of call %d was told", n)
		}
		py.do("begin", args{"key": "k", "command": "sleep", "value": 8})
		py.do("flush", nil) // the handler was started
		wantJSON(t, "cancel", py.do("cancel", args{"key": "k"}), any("cancelled"))
		if n := receive(t, "the handler is cancelled", stopped); n != 8 {
			t.Errorf("the handler of call %d was told", n)
		}
	})
	t.Run("calls of go", func(t *testing.T) {
		if v := reply(t)(s.Call(d.ctx(), "py", "double", 21)); v != int64(42) {
			t.Errorf("double 21 = %v", v)
		}
		err := failed(t)(s.Call(d.ctx(), "py", "buy", "bread"))
		wantOutcome(t, "buy", err, err, ipcio.OutcomeHandled)
		remote, is := errors.AsType[*ipcio.RemoteError](err)
		if !is || remote.Code != "out_of_stock" || remote.Message != "no bread is left" {
			t.Fatalf("%v", err)
		}
		if v, err := remote.Data.Value(); err != nil || !cmp.Equal(v, any(args{"left": int64(0)})) {
			t.Errorf("data %v %v", v, err)
		}
		err = failed(t)(s.Call(d.ctx(), "py", "nothing", nil))
		wantOutcome(t, "no handler", err, ipcio.ErrNoHandler, ipcio.OutcomeNotHandled)
		err = failed(t)(s.Call(within(t, 100*time.Millisecond), "py", "sleep", 1))
		wantOutcome(t, "timeout", err, context.DeadlineExceeded, ipcio.OutcomeUnknown)
		ctx, cancel := context.WithCancel(d.ctx())
		time.AfterFunc(50*time.Millisecond, cancel)
		err = failed(t)(s.Call(ctx, "py", "sleep", 2))
		wantOutcome(t, "cancel", err, context.Canceled, ipcio.OutcomeUnknown)
		wantJSON(t, "interrupted", py.saw("interrupted", 2), []any{[]any{1.0, false, ""}, []any{2.0, false, ""}})
		py.do("release", nil)
		var calls sync.WaitGroup
		for i := range 200 {
			calls.Go(func() {
				r, err := s.Call(d.ctx(), "py", "echo", i)
				if err != nil {
					t.Error(err)
					return
				}
				if v, err := r.Value(); err != nil || v != int64(i) {
					t.Errorf("call %d was answered with %v %v", i, v, err)
				}
			})
		}
		calls.Wait()
	})
	t.Run("values", func(t *testing.T) {
		id, err := ipcio.ParseUUID("01234567-89ab-cdef-0123-456789abcdef")
		ok(t, err)
		for _, v := range []any{
			nil, true, false, int64(0), int64(23), int64(24), int64(-1), int64(1 << 40), int64(-1 << 63), new(big.Int).Lsh(big.NewInt(1), 80),
			0.5, 1.1, 65504.0, 3.4e38, 1e300, "", "größe", "\x00", []byte{0, 255}, []any{}, []any{int64(1), []any{"a"}},
			map[string]any{}, map[string]any{"b": int64(1), "a": nil, "long": map[string]any{"x": []byte("y")}},
			id, time.Date(2026, 11, 22, 17, 14, 44, 0, time.UTC), time.Date(2026, 11, 22, 17, 14, 44, 123456789, time.UTC),
		} {
			got := reply(t)(s.Call(d.ctx(), "py", "echo", v))
			if diff := cmp.Diff(v, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" {
				t.Errorf("%v (-sent +answered):\n%s", v, diff)
			}
		}
	})
	t.Run("broadcasts", func(t *testing.T) {
		ok(t, s.Broadcast(d.ctx(), "news", "of the server"))
		py.do("broadcast", args{"command": "news", "value": "of python"})
		goNews.wait(t, 2) // python's is numbered
		ok(t, g.Broadcast(d.ctx(), "news", "of go"))
		wantJSON(t, "python", py.saw("news", 2), []any{[]any{"of the server", false, ""}, []any{"of go", false, "go"}})
		wantJSON(t, "go", goNews.all(), []any{"of the server", "of python"})
	})
	t.Run("many broadcasts", func(t *testing.T) {
		const n = 3000 // more than the window
		seen := len(py.saw("news", 0))
		for i := range n {
			ok(t, s.Broadcast(d.ctx(), "news", i))
		}
		wantNumbers(t, py.saw("news", seen+n)[seen:], n, "")
	})
	t.Run("client to client", func(t *testing.T) {
		ok(t, g.EmitTo(d.ctx(), "py", "direct", "of go"))
		wantJSON(t, "python", py.saw("direct", 1), []any{[]any{"of go", false, "go"}})
		py.do("emit", args{"command": "direct", "value": "of python", "to": "go"})
		wantJSON(t, "go", direct.wait(t, 1), []any{"of python"})
		wantJSON(t, "call", py.do("call", args{"command": "who", "to": "go"}), any(args{"value": "go, asked by py"}))
		if v := reply(t)(g.CallTo(d.ctx(), "py", "double", 4)); v != int64(8) {
			t.Errorf("double 4 = %v", v)
		}
		if v := reply(t)(g.CallTo(d.ctx(), "py", "ask.back", nil)); v != "caller: go, asked by py" {
			t.Errorf("the nested call: %v", v)
		}
	})
	t.Run("what nobody handles", func(t *testing.T) {
		ok(t, s.Emit(d.ctx(), "py", "nothing", nil))
		g := gaps.wait(t, 1)[0]
		if g.Reason != ipcio.GapRefused || g.Client != "py" || g.Count != 1 || !errors.Is(g.Err, ipcio.ErrNoHandler) || !cmp.Equal(g.Commands, []string{"nothing"}) {
			t.Errorf("gap %+v", g)
		}
		py.do("emit", args{"command": "nothing"})
		py.do("flush", nil)
		py.do("emit", args{"command": "direct", "to": "nobody"})
		missed := py.do("missed", args{"count": 2}).([]any)
		for i, want := range []args{
			{"reason": "refused", "count": 1.0, "command": "nothing", "code": ipcio.CodeUnknownCommand, "peer": nil},
			{"reason": "refused", "count": 1.0, "command": "direct", "code": ipcio.CodeUnknownClient, "peer": missed[1].(args)["peer"]},
		} {
			for k, v := range want {
				if got := missed[i].(args)[k]; got != v {
					t.Errorf("gap %d: %s is %v, not %v", i, k, got, v)
				}
			}
		}
		py.do("call", args{"command": "who", "to": "go"}) // the connection has lasted
		wantJSON(t, "lives", py.do("lives", nil), any(args{"connections": 1.0, "incarnations": 1.0}))
	})
	t.Run("discovery", func(t *testing.T) {
		wantJSON(t, "directory", py.do("directory", nil), any(args{
			"clients":  []any{[]any{"go", true, 32.0}, []any{"py", true, 32.0}},
			"commands": []any{"add", "ask.back", "buy", "heard", "sleep", "up"},
		}))
	})
	t.Run("liveness", func(t *testing.T) {
		py.do("ping", nil)
		// The server asks with PING whether the holder of a name is there.
		again := d.client(ipcio.ClientConfig{Name: "py"})
		promptly(t, "the second py", func() {
			if err := again.Connect(d.ctx()); !errors.Is(err, ipcio.ErrNameTaken) {
				t.Errorf("a second py: %v", err)
			}
		})
		second := runPython(t, "join", d.dir, "go")
		if code := second.expect("refused"); code != ipcio.CodeNameTaken {
			t.Errorf("python as a second go was refused with %q", code)
		}
		second.quit()
	})
	t.Run("goodbye", func(t *testing.T) {
		py.do("emit", args{"command": "heard", "value": "the last word"})
		py.do("close", nil)
		wantJSON(t, "the last word", heard.wait(t, 1), []any{"the last word"})
		promptly(t, "the server knows", func() {
			eventually(t, "py is gone", func() bool { return cmp.Equal(names(s.Clients()), []string{"go"}) })
		})
		py.quit()
	})
}

// The connection is cut again and again: everything arrives once and in order.
func TestInteropResume(t *testing.T) {
	d := newDomain(t)
	p := newProxy(t, d, 0, 0)
	up, asked := newRecorder[any](), newRecorder[any]()
	block := ipcio.QueueConfig{WhenFull: ipcio.Block}
	s := d.serveWith(ipcio.ServerConfig{Queue: block, OnGap: func(g ipcio.Gap) { t.Errorf("gap %+v", g) }}, func(s *ipcio.Server) {
		handle(t, s, "up", func(ctx context.Context, m *ipcio.Message) (any, error) {
			if m.Redelivered() {
				t.Error("an event is flagged, though the server has lived all the time")
			}
			return record(up)(ctx, m)
		})
		handle(t, s, "ask", func(_ context.Context, m *ipcio.Message) (any, error) {
			v, err := m.Value()
			asked.add(v)
			return v, err
		})
	})
	py := p.python("py")
	const n, calls = 4000, 150
	sent := py.begin("emit", args{"command": "up", "count": n})
	answered := py.begin("call_many", args{"command": "ask", "count": calls})
	var senders sync.WaitGroup
	senders.Go(func() {
		for i := range n {
			if err := s.Emit(d.ctx(), "py", "down", i); err != nil {
				t.Error(err)
				return
			}
		}
	})
	senders.Go(func() {
		for i := range n {
			if err := s.Broadcast(d.ctx(), "news", i); err != nil {
				t.Error(err)
				return
			}
		}
	})
	senders.Go(func() {
		for i := range calls {
			r, err := s.Call(d.ctx(), "py", "double", i)
			if err != nil {
				t.Error(err)
				return
			}
			if v, err := r.Value(); err != nil || v != int64(2*i) {
				t.Errorf("call %d was answered with %v %v", i, v, err)
			}
		}
	})
	cut := make(chan struct{})
	var cutter sync.WaitGroup
	cutter.Go(func() {
		for {
			select {
			case <-cut:
				return
			case <-time.After(60 * time.Millisecond):
				p.cut()
			}
		}
	})
	senders.Wait()
	sent()
	replies := answered().([]any)
	for i, v := range replies {
		if v != float64(i) {
			t.Errorf("call %d of python was answered with %v", i, v)
		}
	}
	close(cut)
	cutter.Wait()
	p.cut() // once more, when nothing is under way
	wantCount(t, up.wait(t, n), n)
	wantCount(t, asked.wait(t, calls), calls)
	wantNumbers(t, py.saw("down", n), n, "")
	wantNumbers(t, py.saw("news", n), n, "")
	wantNumbers(t, py.saw("double", calls), calls, "")
	py.do("flush", nil)
	lives := py.do("lives", nil).(args)
	if lives["connections"].(float64) < 3 || lives["incarnations"] != 1.0 {
		t.Errorf("%v: the connection was not cut, or not resumed", lives)
	}
	wantJSON(t, "gaps", py.do("missed", args{"count": 0}), any([]any{}))
	py.do("close", nil)
	py.quit()
	wantCount(t, up.all(), n)
}

// The server dies and another one takes its place: nothing is lost, and what
// may have been handled twice says so. A server that leaves in order tells how
// far it came: nothing is handled twice.
func TestInteropRestart(t *testing.T) {
	interpreter(t)
	d := newDomain(t)
	servers := []*process{spawn(t, "counter", d.dir)}
	servers[0].expect("ready")
	py := d.python("py")
	const n = 3000
	sent := py.begin("emit", args{"command": "n", "count": n})
	servers[0].lines.wait(t, n/10)
	servers[0].kill()
	servers = append(servers, spawn(t, "counter", d.dir))
	servers[1].lines.wait(t, 1100) // more than a window: all that the first one left is done
	servers[1].say("shutdown")
	servers[1].expect("down")
	servers = append(servers, spawn(t, "counter", d.dir))
	sent()
	py.do("flush", nil)

	// A call is begun and its server killed: what became of it is not known.
	py.do("begin", args{"key": "k", "command": "block"})
	servers[2].expect("blocked")
	servers[2].kill()
	servers = append(servers, spawn(t, "counter", d.dir))
	if got := py.do("result", args{"key": "k"}).(args); got["code"] != ipcio.CodeOutcomeUnknown || got["outcome"] != float64(ipcio.OutcomeUnknown) {
		t.Errorf("the call that the server took along: %v", got)
	}
	wantJSON(t, "a call", py.do("call", args{"command": "ask", "value": 5}), any(args{"value": 5.0}))
	wantJSON(t, "lives", py.do("lives", nil).(args)["incarnations"], any(4.0))
	py.do("close", nil)
	py.quit()

	seen := make([][]bool, n) // by event: the flag of each time it was handled
	for i, s := range servers {
		s.kill()
		previous := -1
		for _, line := range s.lines.all() {
			var number int
			var flag bool
			if _, err := fmt.Sscanf(line, "n py %d %t", &number, &flag); err != nil {
				continue
			}
			if previous >= 0 && number != previous+1 {
				t.Errorf("server %d handled %d after %d", i, number, previous)
			}
			if flag && i != 1 {
				t.Errorf("event %d is flagged at server %d: no server before it died with it", number, i)
			}
			previous = number
			seen[number] = append(seen[number], flag)
		}
	}
	for i, flags := range seen {
		switch {
		case len(flags) == 1: // flagged or not: it may have reached the dead server unhandled
		case len(flags) == 2 && !flags[0] && flags[1]:
		default:
			t.Errorf("event %d was handled %d times, with the flags %v", i, len(flags), flags)
		}
	}
}

// A client that was built from another version of a schema tells of its commands
// and learns the server's; one without a schema is not told.
func TestInteropVersions(t *testing.T) {
	d := newDomain(t)
	s := d.serveWith(ipcio.ServerConfig{Protocol: version(1)}, func(s *ipcio.Server) { handle(t, s, "same", echo) })
	schema := fmt.Sprintf(`{"protocol": "versions", "version": 1, "fingerprint": "sha256:v2", "commands": {"down": %q, "same": %q, "late": ""}}`, print2, alike)
	p := &python{process: runPython(t, "join", d.dir, "py", schema), name: "py"}
	p.expect("ready")
	wantJSON(t, "call of what both declare alike", p.do("call", args{"command": "same", "value": 7}), map[string]any{"value": 7.0})
	theirs := map[string]any{}
	for _, c := range version(1).Commands {
		theirs[c.Name] = c.Fingerprint
	}
	wantJSON(t, "the server's commands", p.do("theirs", nil), theirs)
	if err := failed(t)(s.Call(d.ctx(), "py", "only1", nil)); !errors.Is(err, ipcio.ErrUnknownCommand) {
		t.Errorf("a command that the client did not tell of: %v", err)
	}
	if err := failed(t)(s.Call(d.ctx(), "py", "same", nil)); errors.Is(err, ipcio.ErrUnknownCommand) || !errors.Is(err, ipcio.ErrNoHandler) {
		t.Errorf("one that it told of, without a handler: %v", err)
	}
	p.do("close", nil)

	dynamic := d.python("dynamic")
	wantJSON(t, "call", dynamic.do("call", args{"command": "same", "value": 7}), map[string]any{"value": 7.0})
	wantJSON(t, "what a client without a schema is told", dynamic.do("theirs", nil), nil)
	dynamic.do("close", nil)
}
