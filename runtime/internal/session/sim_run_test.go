package session

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	simSeeds = flag.Int("session.seeds", 3000, "how many histories TestSimulation plays")
	simSeed  = flag.Uint64("session.seed", 0, "the one history that TestSimulation is to play, with a trace")
)

// A dice makes choices from a seed.
type dice struct {
	*rand.Rand
	left int // how many steps are to come
}

func newDice(seed uint64) *dice {
	r := rand.New(rand.NewPCG(seed, 0))
	return &dice{r, 50 + r.IntN(600)}
}

func (d *dice) intn(n int) int { return d.IntN(n) }
func (d *dice) more() bool     { d.left--; return d.left >= 0 }

// A program makes choices from bytes. When they are used up, every choice is
// the last one: then the world only delivers.
type program []byte

func (p *program) intn(n int) int {
	if len(*p) == 0 {
		return n - 1
	}
	v := int((*p)[0])
	*p = (*p)[1:]
	if n > 256 && len(*p) > 0 {
		v = v<<8 | int((*p)[0])
		*p = (*p)[1:]
	}
	return v % n
}

func (p *program) more() bool { return len(*p) > 0 }

// play runs one history and returns what was broken, or "".
func play(src source, traced bool) (broken string) {
	w := newWorld(src, traced)
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			broken = strings.Join(append(w.trace, string(p)), "\n")
		default:
			panic(fmt.Sprintf("%v\n%s", p, strings.Join(w.trace, "\n")))
		}
	}()
	w.run()
	return ""
}

// TestSimulation plays histories of a session, each given by its seed, and
// checks in each that messages are handled once and in order, that second
// handlings are flagged, that calls end once and truly, that everything drains
// and that nothing is kept.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		if broken := play(newDice(*simSeed), true); broken != "" {
			t.Fatal(broken)
		}
		return
	}
	for seed := uint64(1); seed <= uint64(*simSeeds); seed++ {
		if broken := play(newDice(seed), false); broken != "" {
			t.Fatalf("%s\nsee it with: go test ./runtime/internal/session -run TestSimulation -session.seed=%d", broken, seed)
		}
	}
}

// FuzzSimulation has the fuzzer choose the history.
func FuzzSimulation(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		p := make([]byte, 400)
		for i := range p {
			p[i] = byte(r.IntN(256))
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		p := program(b)
		if broken := play(&p, false); broken != "" {
			t.Fatal(broken)
		}
	})
}
