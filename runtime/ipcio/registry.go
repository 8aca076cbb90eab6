package ipcio

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// reserved are the command names of the original that keep their meaning.
var reserved = map[string]bool{
	"handshake": true, "discover": true, "broadcast": true, "emit": true, "deliver": true, "error": true,
}

// checkCommand reports what is wrong with the name of a command that a program
// sends.
func checkCommand(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("ipcio: the command's name is empty: %w", ErrReservedName)
	case len(name) > wire.MaxCommand:
		return fmt.Errorf("ipcio: the command's name has %d bytes, at most %d are allowed", len(name), wire.MaxCommand)
	case reserved[name], strings.HasPrefix(name, "ipcio."):
		return fmt.Errorf("ipcio: command %q: %w: %s and all that begins with \"ipcio.\"", name, ErrReservedName,
			strings.Join(slices.Sorted(maps.Keys(reserved)), ", "))
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || r == '*' || r == 0xfffd {
			return fmt.Errorf("ipcio: command %q has a character that is not allowed: %q", name, r)
		}
	}
	return nil
}

// checkPattern is checkCommand for the names that On takes, "job.*" and "*"
// among them.
func checkPattern(pattern string) error {
	if pattern == "*" {
		return nil
	}
	if prefix, ok := strings.CutSuffix(pattern, ".*"); ok && prefix != "" {
		if prefix == "ipcio" {
			return fmt.Errorf("ipcio: pattern %q: %w", pattern, ErrReservedName)
		}
		if !reserved[prefix] {
			return checkCommand(prefix)
		}
		return nil
	}
	return checkCommand(pattern)
}

// A handler is what a registry holds for one name or pattern.
type handler struct {
	pattern string
	run     runFunc
	typed   bool
	place   string // file:line of the registration
	pace    pace
}

// A registry holds the handlers of one endpoint, typed and dynamic ones alike.
// Handlers may come and go at any time; a lookup takes no lock.
type registry struct {
	mu    sync.Mutex // guards changes of table
	table atomic.Pointer[handlers]
}

type handlers struct {
	exact    map[string]*handler // by name
	prefixes []*handler          // "job.*" and "*", longest first
}

// add registers h. A nil run, a bad name and a taken name are refused.
func (r *registry) add(h *handler) error {
	if err := checkPattern(h.pattern); err != nil {
		return err
	}
	if h.run == nil {
		return fmt.Errorf("ipcio: the handler of %q is nil", h.pattern)
	}
	h.place = callSite()
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.load()
	if other := old.find(h.pattern); other != nil {
		kind := "a dynamic"
		if other.typed {
			kind = "a typed"
		}
		return fmt.Errorf("ipcio: %s already has %s handler (%s); second registration at %s: %w",
			h.pattern, kind, other.place, h.place, ErrDuplicateHandler)
	}
	t := &handlers{exact: maps.Clone(old.exact), prefixes: slices.Clone(old.prefixes)}
	if isPattern(h.pattern) {
		t.prefixes = append(t.prefixes, h)
		slices.SortStableFunc(t.prefixes, func(a, b *handler) int { return len(b.pattern) - len(a.pattern) })
	} else {
		if t.exact == nil {
			t.exact = make(map[string]*handler)
		}
		t.exact[h.pattern] = h
	}
	r.table.Store(t)
	return nil
}

// remove reports whether there was a handler of exactly this name or pattern.
func (r *registry) remove(pattern string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.load()
	if old.find(pattern) == nil {
		return false
	}
	t := &handlers{exact: maps.Clone(old.exact), prefixes: slices.Clone(old.prefixes)}
	delete(t.exact, pattern)
	t.prefixes = slices.DeleteFunc(t.prefixes, func(h *handler) bool { return h.pattern == pattern })
	r.table.Store(t)
	return true
}

// lookup returns the handler for a command: exact name, else longest prefix,
// else "*", else nil.
func (r *registry) lookup(command string) *handler {
	t := r.load()
	if h := t.exact[command]; h != nil {
		return h
	}
	for _, h := range t.prefixes {
		if strings.HasPrefix(command, h.pattern[:len(h.pattern)-1]) {
			return h
		}
	}
	return nil
}

// patterns returns the names and patterns, sorted.
func (r *registry) patterns() []string {
	t := r.load()
	names := slices.Collect(maps.Keys(t.exact))
	for _, h := range t.prefixes {
		names = append(names, h.pattern)
	}
	slices.Sort(names)
	return names
}

func (r *registry) load() *handlers {
	if t := r.table.Load(); t != nil {
		return t
	}
	return &handlers{}
}

func (t *handlers) find(pattern string) *handler {
	if h := t.exact[pattern]; h != nil {
		return h
	}
	for _, h := range t.prefixes {
		if h.pattern == pattern {
			return h
		}
	}
	return nil
}

func isPattern(name string) bool { return name == "*" || strings.HasSuffix(name, ".*") }

// dynamic makes the typed function of a HandlerFunc, so that there is one
// registry and one way to run a handler.
func dynamic(h HandlerFunc) runFunc {
	if h == nil {
		return nil
	}
	return func(ctx context.Context, m *Message, b []byte) ([]byte, error) {
		v, err := h(ctx, m)
		if err != nil || !m.IsCall() {
			return b, err
		}
		return appendValue(b, v)
	}
}

// callSite returns the file and line of the program's own code that called
// into this package or into code generated for it.
func callSite() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		own := strings.HasPrefix(f.Function, packagePath+".") && !strings.HasSuffix(f.File, "_test.go")
		if !own && !strings.HasSuffix(f.File, ".ipcio.go") {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

const packagePath = "github.com/ipcio/ipcio-go/runtime/ipcio"
