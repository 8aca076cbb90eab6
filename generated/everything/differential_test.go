package everything

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/longtest"
	"github.com/ipcio/ipcio-go/schema/schemavalue"
)

var (
	executions = flag.Int64("differential.executions", 10_000, "messages that both decoders read")
	timeLimit  = flag.Duration("differential.time", 0, "begin nothing new after this time; 0 means no limit")
	firstSeed  = flag.Uint64("differential.seed", 1, "where they begin")
)

// payload is what every generated struct is.
type payload interface {
	AppendCBOR([]byte) ([]byte, error)
	UnmarshalCBOR([]byte) error
}

// A pair is a generated struct and its twin.
type pair struct {
	name string
	ours func() payload
	twin func() cbor.Unmarshaler
}

func newPair[O any, P interface {
	*O
	payload
}, T any](name string) pair {
	return pair{name, func() payload { return P(new(O)) }, func() cbor.Unmarshaler { return new(object[T]) }}
}

// pairs are the payloads of all commands, in the order of the schema.
var pairs = []pair{
	newPair[ScalarsPayload, *ScalarsPayload, scalarsTwin]("scalars"),
	newPair[OptionsPayload, *OptionsPayload, optionsTwin]("options"),
	newPair[NamedPayload, *NamedPayload, namedTwin]("named"),
	newPair[UnionsPayload, *UnionsPayload, unionsTwin]("unions"),
	newPair[ContainersPayload, *ContainersPayload, containersTwin]("containers"),
	newPair[RulesPayload, *RulesPayload, rulesTwin]("rules"),
}

// compare has both decoders read a message and says how they differ.
func (p *pair) compare(in []byte) (taken bool, err error) {
	v := p.ours()
	ours := v.UnmarshalCBOR(in)
	w := p.twin()
	theirs := decode(in, w)
	switch {
	case ours == nil && theirs != nil:
		return false, fmt.Errorf("the generated decoder takes it, the twin says: %w", theirs)
	case ours != nil && theirs == nil:
		return false, fmt.Errorf("the twin takes it, the generated decoder says: %w", ours)
	case ours != nil:
		return false, nil
	}
	again, err := v.AppendCBOR(nil)
	if err != nil {
		return false, fmt.Errorf("what was decoded cannot be encoded: %w", err)
	}
	if err := p.lent(in, again); err != nil {
		return false, err
	}
	want, err := encode(w)
	if err != nil {
		return false, fmt.Errorf("the twin cannot be encoded: %w", err)
	}
	if !bytes.Equal(again, want) {
		return false, fmt.Errorf("it is written again as\n%x, by the twin as\n%x", again, want)
	}
	return true, nil
}

// lends says which pairs have a field with borrow.
var lends = map[string]bool{"options": true, "named": true, "unions": true, "rules": true}

// lent has the decoder that lends read what the other one has read as want,
// overwrites the message, and says what is wrong then: nothing but the borrowed
// fields may change, and nobody may write into the message.
func (p *pair) lent(in, want []byte) error {
	v, ok := p.ours().(ipcio.LentDecoder)
	if ok != lends[p.name] {
		return fmt.Errorf("it lends: %v, want %v", ok, !ok)
	}
	if !ok {
		return nil
	}
	b := bytes.Clone(in)
	if err := v.UnmarshalLent(b); err != nil {
		return fmt.Errorf("UnmarshalLent refuses what UnmarshalCBOR takes: %w", err)
	}
	if again, err := v.(payload).AppendCBOR(nil); err != nil || !bytes.Equal(again, want) {
		return fmt.Errorf("UnmarshalLent reads\n%x, UnmarshalCBOR\n%x (%w)", again, want, err)
	}
	clear(b)
	var copied [][]byte
	own := p.ours()
	if err := own.UnmarshalCBOR(in); err != nil {
		return err
	}
	borrowedIn(own, func(field *[]byte) { copied = append(copied, *field) })
	var wrong error
	borrowedIn(v, func(field *[]byte) {
		switch {
		case len(bytes.Trim(*field, "\x00")) > 0:
			wrong = fmt.Errorf("the borrowed bytes %x were copied", *field)
		case cap(*field) != len(*field):
			wrong = fmt.Errorf("an append to %d borrowed bytes writes into the message: their capacity is %d", len(*field), cap(*field))
		}
		*field, copied = copied[0], copied[1:]
	})
	if wrong != nil {
		return wrong
	}
	// All else is what it was.
	if again, err := v.(payload).AppendCBOR(nil); err != nil || !bytes.Equal(again, want) {
		return fmt.Errorf("what is not borrowed was\n%x and changes with the message to\n%x (%w)", want, again, err)
	}
	return nil
}

// borrowedIn calls do for the borrowed fields that v holds, in order.
func borrowedIn(v any, do func(field *[]byte)) {
	switch v := v.(type) {
	case *OptionsPayload:
		do(&v.SomeBytes)
	case *NamedPayload:
		do((*[]byte)(&v.Blob))
	case *RulesPayload:
		do(&v.Exact)
	case *UnionsPayload:
		borrowedIn(v.Shape, do)
		borrowedIn(v.Shapes, do)
	case []Shape:
		for _, shape := range v {
			borrowedIn(shape, do)
		}
	case *ShapeBoth:
		borrowedIn(v.Value, do)
	case *ShapeSquare:
		do(&v.Scan)
	}
}

// maxMessage is how long a message is before it is changed, in the form of a
// writer: short ones make more of a second.
const maxMessage = 400

// corpus returns messages of every pair: values that writers may send, and what
// resembles them.
func corpus(t testing.TB, rng *rand.Rand, n int) [][][]byte {
	t.Helper()
	s, err := schema.Load(os.DirFS("."), "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Commands) != len(pairs) {
		t.Fatalf("%d commands, and twins of %d", len(s.Commands), len(pairs))
	}
	gen := schemavalue.NewGenerator(rng)
	gen.Learn(s)
	all := make([][][]byte, len(pairs))
	for i, c := range s.Commands {
		if c.Name != pairs[i].name {
			t.Fatalf("command %s, and a twin of %s", c.Name, pairs[i].name)
		}
		for len(all[i]) < n {
			v, ok := gen.Value(c.Payload)
			if !ok {
				t.Fatalf("%s: no value", c.Name)
			}
			if len(schemavalue.Encode(v)) > maxMessage {
				continue
			}
			all[i] = append(all[i], schemavalue.Encode(v), schemavalue.Scramble(rng, v))
			for range 4 {
				w := schemavalue.Mutate(rng, v)
				if rng.IntN(3) == 0 {
					w = schemavalue.Mutate(rng, w)
				}
				all[i] = append(all[i], schemavalue.Scramble(rng, w))
			}
		}
	}
	return all
}

// heads are the first bytes of items that decoders like to get wrong.
var heads = func() [][]byte {
	var list [][]byte
	for _, s := range strings.Fields(`00 17 1800 18ff 190000 1affffffff 1b7fffffffffffffff 1b8000000000000000 1bffffffffffffffff 1c 1f
		20 37 38ff 3b7fffffffffffffff 3bffffffffffffffff 40 41 5bffffffffffffffff 5f 60 61 7affffffff 7f 80 81 9a00100000 9bffffffffffffffff 9f
		a0 a1 b90002 bbffffffffffffffff bf c0 c1 c2 c3 d825 d9d9f7 db0000000000000025 dbffffffffffffffff
		e0 f4 f5 f6 f7 f800 f820 f8ff f90000 f98000 f93c00 f97c00 f97e00 f90001 fa7fc00000 fa3f800000 fb7ff8000000000000 fb3ff0000000000000
		fb43e0000000000000 fb41f0000000000000 fc ff c249010000000000000000 c0613a c074323031332d30332d32315432303a30343a30305a d82550`) {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		list = append(list, b)
	}
	return list
}()

// damage returns a message that resembles in; other is a message to take parts
// of. The result is in buf or new.
func damage(rng *rand.Rand, buf, in, other []byte) []byte {
	b := append(buf[:0], in...)
	for range 1 + rng.IntN(3)*rng.IntN(2) {
		if len(b) == 0 {
			return append(b, heads[rng.IntN(len(heads))]...)
		}
		at := rng.IntN(len(b))
		switch rng.IntN(9) {
		case 0, 1:
			b[at] ^= 1 << rng.IntN(8)
		case 2:
			b[at] += byte(rng.IntN(3)) - 1
		case 3: // another head there
			head := heads[rng.IntN(len(heads))]
			b = slices.Replace(b, at, min(len(b), at+len(head)), head...)
		case 4:
			b = slices.Insert(b, at, heads[rng.IntN(len(heads))]...)
		case 5:
			b = slices.Delete(b, at, min(len(b), at+1+rng.IntN(8)))
		case 6:
			b[at] = byte(rng.Uint32())
		case 7: // a part of another message
			if len(other) > 0 {
				from := rng.IntN(len(other))
				b = slices.Insert(b, at, other[from:min(len(other), from+1+rng.IntN(12))]...)
			}
		default: // a part once more
			b = slices.Insert(b, at, slices.Clone(b[at:min(len(b), at+1+rng.IntN(12))])...)
		}
	}
	return b
}

// block is how many messages come from one seed.
const block = 20_000

// TestDifferential compares the generated decoders with their twins, over
// random messages that are valid or nearly so.
func TestDifferential(t *testing.T) {
	run := longtest.Begin(t, *timeLimit)
	run.Note("seed", fmt.Sprintf("from %d, %d executions each", *firstSeed, block))
	var (
		wg                        sync.WaitGroup
		next, done, taken, failed atomic.Int64
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i*block < *executions && failed.Load() < 10 && !run.Over(); i = next.Add(1) - 1 {
				n, ok := differentialBlock(t, run, *firstSeed+uint64(i), min(block, int(*executions-i*block)), &failed)
				run.Add("executions", n)
				run.Add("taken", ok)
				done.Add(int64(n))
				taken.Add(int64(ok))
			}
		})
	}
	wg.Wait()
	if share := float64(taken.Load()) / float64(done.Load()); share < 0.1 || share > 0.9 {
		t.Errorf("%.3f of the messages are taken: the test shows little", share)
	}
}

func differentialBlock(t *testing.T, run *longtest.Run, seed uint64, n int, failed *atomic.Int64) (done, taken int) {
	rng := rand.New(rand.NewPCG(seed, 0xd1ff))
	messages := corpus(t, rng, 100)
	buf := make([]byte, 0, 4096)
	for ; done < n; done++ {
		i := rng.IntN(len(pairs))
		list := messages[i]
		in := list[rng.IntN(len(list))]
		if rng.IntN(8) > 0 {
			buf = damage(rng, buf, in, list[rng.IntN(len(list))])
			in = buf
		}
		ok, err := pairs[i].compare(in)
		if err != nil {
			run.Fail(fmt.Sprintf("-differential.seed=%d: %s: %x", seed, pairs[i].name, in), err)
			if failed.Add(1) >= 10 {
				return done, taken
			}
		}
		if ok {
			taken++
		}
	}
	return done, taken
}

// FuzzDifferential is TestDifferential with messages that the fuzzing engine
// makes: the first byte chooses the struct.
func FuzzDifferential(f *testing.F) {
	for i, list := range corpus(f, rand.New(rand.NewPCG(1, 2)), 60) {
		for _, in := range list {
			f.Add(append([]byte{byte(i)}, in...))
		}
	}
	for _, head := range heads {
		f.Add(append([]byte{1, 0xa1, 0x66, 'a', 'n', '_', 'a', 'n', 'y'}, head...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		p := pairs[int(b[0])%len(pairs)]
		if _, err := p.compare(b[1:]); err != nil {
			t.Errorf("%s: %x: %v", p.name, b[1:], err)
		}
	})
}
