package outbox

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
)

// A memory is a directory that remembers what was synced. A test can have its
// operations fail, and the power go off.
type memory struct {
	mu    sync.Mutex
	files map[string]*memoryFile // what a program sees
	kept  map[string]*memoryFile // what is there after the power went off
	steps []func(map[string]*memoryFile)

	ops  int                          // so far
	fail func(op string, n int) error // nil: none; n counts from 1
}

type memoryFile struct {
	dir    *memory
	data   []byte
	kept   []byte
	writes []memoryWrite // since the last sync
}

type memoryWrite struct {
	at   int64
	b    []byte // nil: a truncation
	size int64
}

var errPower = errors.New("the power is off")

func newMemory() *memory {
	return &memory{files: make(map[string]*memoryFile), kept: make(map[string]*memoryFile)}
}

// do counts an operation and makes it fail if the test wants it to.
func (m *memory) do(op string) error {
	m.ops++
	if m.fail != nil {
		return m.fail(op, m.ops)
	}
	return nil
}

func (m *memory) step(f func(map[string]*memoryFile)) {
	f(m.files)
	m.steps = append(m.steps, f)
}

func (m *memory) list() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.files {
		names = append(names, name)
	}
	return names, m.do("list")
}

func (m *memory) read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("read"); err != nil {
		return nil, err
	}
	f := m.files[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(f.data), nil
}

func (m *memory) create(name string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("create"); err != nil {
		return nil, err
	}
	if m.files[name] != nil {
		return nil, fs.ErrExist
	}
	f := &memoryFile{dir: m}
	m.step(func(files map[string]*memoryFile) { files[name] = f })
	return f, nil
}

func (m *memory) open(name string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("open"); err != nil {
		return nil, err
	}
	if m.files[name] == nil {
		return nil, fs.ErrNotExist
	}
	return m.files[name], nil
}

func (m *memory) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("rename"); err != nil {
		return err
	}
	m.step(func(files map[string]*memoryFile) {
		if f := files[from]; f != nil {
			files[to] = f
			delete(files, from)
		}
	})
	return nil
}

func (m *memory) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] == nil {
		return fs.ErrNotExist
	}
	if err := m.do("remove"); err != nil {
		return err
	}
	m.step(func(files map[string]*memoryFile) { delete(files, name) })
	return nil
}

func (m *memory) sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("sync directory"); err != nil {
		return err
	}
	m.keepSteps(len(m.steps))
	return nil
}

func (m *memory) keepSteps(n int) {
	for _, f := range m.steps[:n] {
		f(m.kept)
	}
	m.steps = nil
}

func (m *memory) close() error { return nil }

// powerOff returns what is there when the power is on again. Of what was not
// synced any part may be there: of the directory, everything up to some point;
// of a file, any of the sectors that were written.
func (m *memory) powerOff(rnd *rand.Rand) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keepSteps(rnd.IntN(len(m.steps) + 1))
	after := newMemory()
	for name, f := range m.kept {
		b := slices.Clone(f.kept)
		for _, w := range f.writes {
			if w.b == nil {
				if rnd.IntN(2) == 0 {
					b = resize(b, w.size)
				}
				continue
			}
			for begin := int64(0); begin < int64(len(w.b)); {
				end := min((w.at+begin)/512*512+512-w.at, int64(len(w.b)))
				if rnd.IntN(2) == 0 {
					b = writeAt(b, w.b[begin:end], w.at+begin)
				}
				begin = end
			}
		}
		after.files[name] = &memoryFile{dir: after, data: b, kept: slices.Clone(b)}
		after.kept[name] = after.files[name]
	}
	return after
}

// copy returns a directory with the same files, as a new process finds them
// when the old one is killed.
func (m *memory) copy() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copyLocked()
}

func (m *memory) copyLocked() *memory {
	after := newMemory()
	for name, f := range m.files {
		after.files[name] = &memoryFile{dir: after, data: slices.Clone(f.data), kept: slices.Clone(f.data)}
		after.kept[name] = after.files[name]
	}
	return after
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

func writeAt(b, p []byte, off int64) []byte {
	if end := off + int64(len(p)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[off:], p)
	return b
}

func (f *memoryFile) ReadAt(b []byte, off int64) (int, error) {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if err := f.dir.do("read"); err != nil {
		return 0, err
	}
	n := copy(b, f.data[min(off, int64(len(f.data))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// A shortError makes a write fail after a part of it.
type shortError struct {
	error
	part int // in percent
}

func (e *shortError) Unwrap() error { return e.error }

func (f *memoryFile) WriteAt(b []byte, off int64) (int, error) {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	err := f.dir.do("write")
	n := len(b)
	if err != nil {
		n = 0
		var short *shortError
		if errors.As(err, &short) {
			n = len(b) * short.part / 100
		}
	}
	f.data = writeAt(f.data, b[:n], off)
	f.writes = append(f.writes, memoryWrite{at: off, b: slices.Clone(b[:n:n])})
	return n, err
}

func (f *memoryFile) Truncate(size int64) error {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if err := f.dir.do("truncate"); err != nil {
		return err
	}
	f.data = resize(f.data, size)
	f.writes = append(f.writes, memoryWrite{size: size})
	return nil
}

func (f *memoryFile) Sync() error {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if err := f.dir.do("sync"); err != nil {
		return err
	}
	f.kept, f.writes = slices.Clone(f.data), nil
	return nil
}

func (f *memoryFile) Close() error { return nil }
