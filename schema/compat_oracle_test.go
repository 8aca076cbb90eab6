package schema_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/longtest"
	"github.com/ipcio/ipcio-go/schema/schemavalue"
)

var (
	compatPairs  = flag.Int("compat.pairs", 20_000, "pairs of schemas that the oracle of compatibility compares")
	compatValues = flag.Int("compat.values", 16, "values of each writer")
	compatSeed   = flag.Uint64("compat.seed", 1, "where the pairs begin")
)

// TestCompareAgainstBruteForce compares the verdicts about random pairs of
// schemas with an interpreter: values that a writer may send are fed to the
// reader of the other version. What is called safe must have no counterexample;
// what is called unsafe must come with a message that the interpreter refuses.
func TestCompareAgainstBruteForce(t *testing.T) {
	pairs := *compatPairs
	if testing.Short() {
		pairs /= 20
	}
	run := longtest.Begin(t, 0)
	run.Note("seed", fmt.Sprint("from ", *compatSeed))
	var (
		wg    sync.WaitGroup
		next  atomic.Int64
		mu    sync.Mutex // guards total
		total tally
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(pairs/versions+1) && !t.Failed(); i = next.Add(1) {
				seed := *compatSeed + uint64(i) - 1
				sum := tally{produced: make(map[schema.Code]int)}
				if err := sum.chain(rand.New(rand.NewPCG(seed, 17))); err != nil {
					run.Fail(fmt.Sprintf("-compat.seed=%d -compat.pairs=1", seed), err)
				}
				run.Add("pairs", sum.compared)
				run.Add("positions", sum.safe+sum.unsafe)
				run.Add("unsafe", sum.unsafe)
				run.Add("values", sum.values)
				run.Add("undecided", sum.undecided)
				mu.Lock()
				total.add(sum)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d pairs compared, %d not valid; %d positions proved unsafe, %d not refuted as safe with %d values, %d undecided; changes: %v",
		total.compared, total.invalid, total.unsafe, total.safe, total.values, total.undecided, total.produced)
	if total.compared < pairs/2 {
		t.Errorf("only %d of %d pairs are valid", total.compared, pairs)
	}
	if total.undecided*50 > total.unsafe {
		t.Errorf("%d changes are undecided", total.undecided)
	}
}

// versions is how many pairs one random schema gives, each of a version and the
// next one.
const versions = 6

// chain compares the versions of a random schema.
func (s *tally) chain(rng *rand.Rand) error {
	var (
		spec   *spec
		old    *schema.Schema
		before string
	)
	for range versions {
		if old == nil {
			spec = randomSpec(rng)
			before = spec.yaml()
			var err error
			if old, err = load(before); err != nil {
				s.invalid++
				continue
			}
		}
		for range 1 + rng.IntN(3)*rng.IntN(2) {
			spec.mutate(rng)
		}
		after := spec.yaml()
		new, err := load(after)
		if err != nil {
			s.invalid++
			old = nil // what follows would be invalid as well
			continue
		}
		if err := s.compare(rng, old, new); err != nil {
			return fmt.Errorf("%w\nold:\n%s\nnew:\n%s", err, before, after)
		}
		old, before = new, after
	}
	return nil
}

// A tally is what a number of comparisons came to.
type tally struct {
	compared, invalid, safe, unsafe, undecided, values int
	produced                                           map[schema.Code]int
}

func (s *tally) add(o tally) {
	s.compared += o.compared
	s.invalid += o.invalid
	s.safe += o.safe
	s.unsafe += o.unsafe
	s.undecided += o.undecided
	s.values += o.values
	if s.produced == nil {
		s.produced = make(map[schema.Code]int)
	}
	for code, n := range o.produced {
		s.produced[code] += n
	}
}

// compare returns how the verdict about one pair is wrong. The only command
// goes from a client to the server, so that a verdict is about one position.
func (s *tally) compare(rng *rand.Rand, old, new *schema.Schema) error {
	s.compared++
	report := schema.Compare(old, new, schema.CompareOptions{})
	var unsafe [2]bool // by the version of the writer
	undecided := false
	order := schema.AnyOrder
	for _, c := range report.Changes {
		s.produced[c.Rule.ID]++
		undecided = undecided || c.Undecided
		if (c.Verdict == schema.AnyOrder) != (len(c.Witnesses) == 0 && !c.Undecided) {
			return fmt.Errorf("%s %s: verdict %v with witnesses %v", c.Rule.ID, c.Path, c.Verdict, c.Witnesses)
		}
		var sides [2]bool
		for _, w := range c.Witnesses {
			sides[b2i(w.Writer == "new client")] = true
			if err := refuted(old, new, w); err != nil {
				return fmt.Errorf("%s %s: witness %s: %w", c.Rule.ID, c.Path, w, err)
			}
		}
		want := [2][2]schema.Verdict{{schema.AnyOrder, schema.ServerFirst}, {schema.ClientFirst, schema.Never}}[b2i(sides[0])][b2i(sides[1])]
		if !c.Undecided && c.Verdict != want {
			return fmt.Errorf("%s %s: verdict %v, want %v for witnesses %v", c.Rule.ID, c.Path, c.Verdict, want, c.Witnesses)
		}
		for i := range sides {
			unsafe[i] = unsafe[i] || sides[i]
		}
		if c.Rule.Level != schema.LevelNote {
			order = max(order, c.Verdict)
		}
	}
	if report.Order < order {
		return fmt.Errorf("order %v, but there is a change with %v", report.Order, order)
	}
	if undecided {
		s.undecided++
	}
	gen := schemavalue.NewGenerator(rng)
	gen.Learn(old)
	gen.Learn(new)
	for side, schemas := range [][2]*schema.Schema{{old, new}, {new, old}} {
		writer, reader := schemas[0].Commands[0].Payload, schemas[1].Commands[0].Payload
		if unsafe[side] {
			s.unsafe++
			continue // a witness is refused
		}
		for range *compatValues {
			v, ok := gen.Value(writer)
			if !ok {
				break
			}
			s.values++
			if err := schemavalue.Accepts(writer, v); err != nil {
				return fmt.Errorf("a writer's own reader refuses %x: %w", schemavalue.Encode(v), err)
			}
			if err := schemavalue.Accepts(reader, v); err != nil && !undecided {
				return fmt.Errorf("called safe (writer %d), but %x is refused: %w; changes: %v", side, schemavalue.Encode(v), err, report.Changes)
			}
		}
		s.safe++
	}
	return nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func load(text string) (*schema.Schema, error) {
	return schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte(text)}}, "commands.yaml")
}

func text(t *testing.T, r *schema.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// refuted reports why a witness does not prove what it should.
func refuted(old, new *schema.Schema, w schema.Witness) error {
	writer, reader := old, new
	if strings.HasPrefix(w.Writer, "new") {
		writer, reader = new, old
	}
	if w.CBOR == nil {
		return handled(writer, reader, w)
	}
	v, err := schemavalue.Decode(w.CBOR)
	if err != nil {
		return err
	}
	if string(schemavalue.Encode(v)) != string(w.CBOR) {
		return fmt.Errorf("is not deterministic CBOR")
	}
	from, ok1 := part(writer, w)
	to, ok2 := part(reader, w)
	if !ok1 || !ok2 {
		return fmt.Errorf("names a message that only one schema has")
	}
	if err := schemavalue.Accepts(from, v); err != nil {
		return fmt.Errorf("no writer sends it: %w", err)
	}
	if schemavalue.Accepts(to, v) == nil {
		return fmt.Errorf("the reader accepts it")
	}
	return nil
}

// handled checks a witness that is not about bytes.
func handled(writer, reader *schema.Schema, w schema.Witness) error {
	if w.Command == "" {
		if writer.Protocol == reader.Protocol && writer.Version == reader.Version {
			return fmt.Errorf("the peers talk to each other")
		}
		return nil
	}
	from, to := command(writer, w.Command), command(reader, w.Command)
	if from == nil {
		return fmt.Errorf("no writer knows the command")
	}
	if to != nil && from.IsCall() == to.IsCall() && from.Direction == to.Direction && from.Idempotent == to.Idempotent {
		return fmt.Errorf("the reader handles it in the same way")
	}
	return nil
}

func command(s *schema.Schema, name string) *schema.Command {
	for _, c := range s.Commands {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// part returns the type of a message of a command.
func part(s *schema.Schema, w schema.Witness) (*schema.Type, bool) {
	c := command(s, w.Command)
	switch {
	case c == nil:
		return nil, false
	case w.Part == "payload":
		return c.Payload, true
	case w.Part == "reply":
		return c.Reply, c.Reply != nil
	}
	for _, e := range c.Errors {
		if e.Name == w.Part {
			return &schema.Type{Kind: schema.Struct, Fields: e.Fields}, true
		}
	}
	return nil, false
}
