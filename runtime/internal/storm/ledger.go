//go:build linux

package storm

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Ledger is what a storm has to show: one line of figures.
type Ledger struct {
	pairs []string
	began time.Time
}

func newLedger(seed uint64) *Ledger {
	l := &Ledger{began: time.Now()}
	l.add("seed", seed)
	return l
}

func (l *Ledger) add(key string, value any) {
	l.pairs = append(l.pairs, fmt.Sprintf("%s=%v", key, value))
}

// String returns the line.
func (l *Ledger) String() string {
	return "ledger: " + strings.Join(l.pairs, " ")
}

// judge adds what a checker found, and the time it took. The error has the
// first violations in words.
func (l *Ledger) judge(c *Checker) error {
	n := c.Finish()
	for _, p := range []struct {
		key   string
		value uint64
	}{
		{"accepted", n.Accepted}, {"handled", n.Handled}, {"redelivered_flagged", n.Redelivered}, {"gaps", n.Missed}, {"abandoned_with_the_dead", n.Abandoned},
		{"calls", n.Calls}, {"calls_unknown", n.Unknown},
		{"lost", n.Lost}, {"duplicated", n.Duplicated}, {"reordered", n.Reordered}, {"invented", n.Invented}, {"miscalled", n.Miscalled},
	} {
		l.add(p.key, p.value)
	}
	l.done()
	if n.Violations() > 0 {
		return fmt.Errorf("%d violations, the first of them:\n\t%s", n.Violations(), strings.Join(c.Details(), "\n\t"))
	}
	if n.Accepted == 0 {
		return errors.New("nothing was accepted: the storm shows nothing")
	}
	return nil
}

// done adds the time that it took.
func (l *Ledger) done() { l.add("seconds", int(time.Since(l.began).Seconds()+0.5)) }
