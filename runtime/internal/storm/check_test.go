//go:build linux

package storm

import (
	"path/filepath"
	"slices"
	"testing"
)

var (
	ann = SessionOf(1, 1)
	bob = SessionOf(2, 1)
)

func accepted(f Flow, from, to uint32, life uint32, n uint64) []Record {
	var rs []Record
	for i := uint64(1); i <= n; i++ {
		rs = append(rs, Record{Event: Accepted, Flow: f, From: from, To: to, Life: life, Number: i})
	}
	return rs
}

func up(n uint64) []Record { return accepted(Up, ann, 0, 0, n) }

func handled(life uint32, numbers ...uint64) []Record {
	var rs []Record
	for _, n := range numbers {
		rs = append(rs, Record{Event: Handled, Flow: Up, From: ann, Life: life, Number: n})
	}
	return rs
}

func flagged(rs []Record) []Record {
	rs = slices.Clone(rs)
	for i := range rs {
		rs[i].Flagged = true
	}
	return rs
}

func missed(session uint32, n uint64) []Record {
	return []Record{{Event: Missed, From: session, Count: n}}
}

func call(e Event, n uint64, life uint32) []Record {
	return []Record{{Event: e, Flow: Calls, From: ann, Number: n, Life: life}}
}

func to(f Flow, to, life uint32, numbers ...uint64) []Record {
	var rs []Record
	for _, n := range numbers {
		r := Record{Event: Handled, Flow: f, To: to, Life: life, Number: n}
		if f == Across {
			r.From = ann
		}
		rs = append(rs, r)
	}
	return rs
}

// A checker that finds nothing must be shown to find what is there.
func TestChecker(t *testing.T) {
	died := func(s uint32) func(*Checker) { return func(c *Checker) { c.Died(s) } }
	ended := func(life uint32, e End) func(*Checker) { return func(c *Checker) { c.Ended(life, e) } }
	tests := []struct {
		name    string
		records [][]Record
		also    func(*Checker)
		want    Counts // only the violations are compared
	}{
		{"nothing", nil, nil, Counts{}},
		{"once and in order", [][]Record{up(3), handled(1, 1, 2, 3)}, nil, Counts{}},
		{"across a restart", [][]Record{up(3), handled(1, 1, 2), handled(2, 3)}, nil, Counts{}},
		{"again across a restart, flagged", [][]Record{up(3), handled(1, 1, 2), flagged(handled(2, 1, 2, 3))}, nil, Counts{}},
		{"flagged without need", [][]Record{up(3), handled(1, 1), flagged(handled(2, 2, 3))}, nil, Counts{}},
		{"handled before it is known to be accepted", [][]Record{handled(1, 1, 2, 3), up(3)}, nil, Counts{}},
		{"one reported as a gap", [][]Record{up(3), handled(1, 1, 3), missed(ann, 1)}, nil, Counts{}},
		{"the sender died", [][]Record{up(3), handled(1, 1)}, died(ann), Counts{}},
		{"the sender died before its report", [][]Record{up(3), handled(1, 1, 2, 3, 4)}, died(ann), Counts{}},

		{"the last one lost", [][]Record{up(3), handled(1, 1, 2)}, nil, Counts{Lost: 1}},
		{"all lost", [][]Record{up(3)}, nil, Counts{Lost: 3}},
		{"one lost in the middle", [][]Record{up(3), handled(1, 1, 3)}, nil, Counts{Lost: 1}},
		{"one lost at a restart", [][]Record{up(4), handled(1, 1, 2), handled(2, 4)}, nil, Counts{Lost: 1}},
		{"two lost, one reported", [][]Record{up(4), handled(1, 1, 4), missed(ann, 1)}, nil, Counts{Lost: 1}},
		{"a hole before the sender died", [][]Record{up(9), handled(1, 1, 3)}, died(ann), Counts{Lost: 1}},
		{"twice in one life", [][]Record{up(3), handled(1, 1, 2, 2, 3)}, nil, Counts{Duplicated: 1}},
		{"twice in one life, flagged", [][]Record{up(3), handled(1, 1, 2), flagged(handled(1, 2)), handled(1, 3)}, nil, Counts{Duplicated: 1}},
		{"much later in one life", [][]Record{up(3), handled(1, 1, 2, 3, 1)}, nil, Counts{Duplicated: 1}},
		{"again in the next life without a flag", [][]Record{up(3), handled(1, 1, 2), handled(2, 2, 3)}, nil, Counts{Duplicated: 1}},
		{"swapped", [][]Record{up(3), handled(1, 2, 1, 3)}, nil, Counts{Reordered: 1, Lost: 1}},
		{"swapped later", [][]Record{up(3), handled(1, 1, 3, 2)}, nil, Counts{Reordered: 1, Lost: 1}},
		{"an earlier life after a later one", [][]Record{up(2), handled(2, 1), handled(1, 2)}, nil, Counts{Reordered: 1}},
		{"never accepted", [][]Record{up(2), handled(1, 1, 2, 3)}, nil, Counts{Invented: 1}},
		{"far beyond what a dead sender reported", [][]Record{up(2), handled(1, 1, 2, 3, 4)}, died(ann), Counts{Invented: 1}},
		{"number 0", [][]Record{up(1), handled(1, 0, 1)}, nil, Counts{Invented: 1}},
		{"a gap that is none", [][]Record{up(2), handled(1, 1, 2), missed(ann, 1)}, nil, Counts{Invented: 1}},
		{"a record without sense", [][]Record{{{Event: Unknown, Flow: Up, From: ann, Number: 1}}}, nil, Counts{Invented: 1}},

		{"to a client", [][]Record{accepted(Down, 0, ann, 1, 2), to(Down, ann, 1, 1, 2)}, ended(1, Shutdown), Counts{}},
		{"to a client, lost", [][]Record{accepted(Down, 0, ann, 1, 2), to(Down, ann, 1, 1)}, ended(1, Shutdown), Counts{Lost: 1}},
		{"to a client, lost with the server", [][]Record{accepted(Down, 0, ann, 1, 2), to(Down, ann, 1, 1)}, ended(1, Killed), Counts{}},
		{"to a client, a hole before the server was killed", [][]Record{accepted(Down, 0, ann, 1, 3), to(Down, ann, 1, 1, 3)}, ended(1, Killed), Counts{Lost: 1}},
		{"to a client, twice", [][]Record{accepted(Down, 0, ann, 1, 2), to(Down, ann, 1, 1, 2, 2)}, ended(1, Killed), Counts{Duplicated: 1}},

		{"to another client", [][]Record{accepted(Across, ann, NameOf(bob), 0, 2), to(Across, NameOf(bob), 1, 1, 2)}, nil, Counts{}},
		{"to another client, lost", [][]Record{accepted(Across, ann, NameOf(bob), 0, 2), to(Across, NameOf(bob), 1, 1)}, nil, Counts{Lost: 1}},
		{"to another client that died and came again", [][]Record{accepted(Across, ann, NameOf(bob), 0, 9), to(Across, NameOf(bob), 1, 1, 2), to(Across, NameOf(bob), 2, 5, 6), missed(ann, 5)}, died(bob), Counts{}},
		{"to another client that died and came again, not all reported", [][]Record{accepted(Across, ann, NameOf(bob), 0, 9), to(Across, NameOf(bob), 1, 1, 2), to(Across, NameOf(bob), 2, 5, 6), missed(ann, 3)}, died(bob), Counts{Lost: 2}},
		{"to another client that died, more reported than there was", [][]Record{accepted(Across, ann, NameOf(bob), 0, 3), to(Across, NameOf(bob), 1, 1, 2), missed(ann, 4)}, died(bob), Counts{Invented: 1}},
		{"to another client that died, reported", [][]Record{up(1), handled(1, 1), accepted(Across, ann, NameOf(bob), 0, 3), to(Across, NameOf(bob), 1, 1, 2), missed(ann, 1)}, died(bob), Counts{}},
		{"to another client that died, a hole", [][]Record{accepted(Across, ann, NameOf(bob), 0, 9), to(Across, NameOf(bob), 1, 1, 3), missed(ann, 7)}, died(bob), Counts{Lost: 1}},
		{"to another client that came again, twice", [][]Record{accepted(Across, ann, NameOf(bob), 0, 9), to(Across, NameOf(bob), 1, 1, 2), to(Across, NameOf(bob), 2, 2), missed(ann, 7)}, died(bob), Counts{Duplicated: 1}},

		{"broadcasts", [][]Record{accepted(News, 0, 0, 1, 3), to(News, ann, 1, 1, 2, 3), to(News, bob, 1, 1, 2, 3)}, ended(1, Shutdown), Counts{}},
		{"broadcasts, the first lost", [][]Record{accepted(News, 0, 0, 1, 5), to(News, ann, 1, 3, 4, 5)}, ended(1, Shutdown), Counts{Lost: 2}},
		{"broadcasts, all lost", [][]Record{accepted(News, 0, 0, 1, 5), to(News, ann, 1, 1, 2, 3, 4, 5)}, func(c *Checker) { c.Ended(1, Shutdown); c.Listens(bob, 1) }, Counts{Lost: 5}},
		{"broadcasts, a hole", [][]Record{accepted(News, 0, 0, 1, 5), to(News, ann, 1, 1, 2, 4, 5)}, ended(1, Shutdown), Counts{Lost: 1}},
		{"broadcasts, a hole that was reported", [][]Record{accepted(News, 0, 0, 1, 5), to(News, ann, 1, 1, 2, 4, 5), missed(ann, 1)}, ended(1, Shutdown), Counts{}},
		{"broadcasts, the last lost", [][]Record{accepted(News, 0, 0, 1, 5), to(News, ann, 1, 1, 2, 3, 4)}, ended(1, Shutdown), Counts{Lost: 1}},
		{"broadcasts, the last lost with the server", [][]Record{accepted(News, 0, 0, 1, 5), to(News, ann, 1, 1, 2, 3)}, ended(1, Killed), Counts{}},
		{"broadcasts, twice", [][]Record{accepted(News, 0, 0, 1, 5), to(News, ann, 1, 1, 2, 3, 4, 4, 5)}, ended(1, Shutdown), Counts{Duplicated: 1}},
		{"broadcasts, back to before the first", [][]Record{accepted(News, 0, 0, 1, 3), to(News, ann, 1, 2, 3, 1)}, ended(1, Shutdown), Counts{Reordered: 1, Lost: 1}},

		{"calls", [][]Record{call(Handled, 1, 1), call(Answered, 1, 0), call(NotHandled, 2, 0), call(Unknown, 3, 0), call(Handled, 4, 1), call(Unknown, 4, 0)}, nil, Counts{}},
		{"a call that ran twice", [][]Record{call(Handled, 1, 1), call(Handled, 1, 2), call(Answered, 1, 0)}, nil, Counts{Miscalled: 1}},
		{"a call that was answered by nobody", [][]Record{call(Answered, 1, 0)}, nil, Counts{Miscalled: 1}},
		{"a call that ran although it is said not to have", [][]Record{call(Handled, 1, 1), call(NotHandled, 1, 0)}, nil, Counts{Miscalled: 1}},
		{"a call that ended twice", [][]Record{call(Handled, 1, 1), call(Answered, 1, 0), call(Unknown, 1, 0)}, nil, Counts{Miscalled: 1}},
		{"a call that never ended", [][]Record{call(Handled, 1, 1)}, nil, Counts{Miscalled: 1}},
		{"a call of one that died", [][]Record{call(Handled, 1, 1)}, died(ann), Counts{}},
		{"a call that was accepted", [][]Record{call(Accepted, 1, 1), call(NotHandled, 1, 0)}, nil, Counts{Miscalled: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := NewChecker()
			if test.also != nil {
				test.also(c)
			}
			for _, rs := range test.records {
				for _, r := range rs {
					c.Add(r)
				}
			}
			got := c.Finish()
			got = Counts{Lost: got.Lost, Duplicated: got.Duplicated, Reordered: got.Reordered, Invented: got.Invented, Miscalled: got.Miscalled}
			if got != test.want {
				t.Errorf("got %+v, want %+v: %q", got, test.want, c.Details())
			}
			if (got.Violations() > 0) != (len(c.Details()) > 0) {
				t.Errorf("%d violations, described as %q", got.Violations(), c.Details())
			}
		})
	}
}

func TestCounts(t *testing.T) {
	c := NewChecker()
	c.Died(bob)
	for _, rs := range [][]Record{
		up(6), handled(1, 1, 2, 3), flagged(handled(2, 2, 3, 4)), handled(2, 6), missed(ann, 1),
		accepted(Up, bob, 0, 0, 4),
	} {
		for _, r := range rs {
			c.Add(r)
		}
	}
	want := Counts{Accepted: 10, Handled: 5, Flagged: 1, Redelivered: 2, Missed: 1, Abandoned: 4}
	if got := c.Finish(); got != want {
		t.Errorf("got %+v, want %+v: %q", got, want, c.Details())
	}
}

// What is remembered of violations is bounded, their number is not.
func TestManyViolations(t *testing.T) {
	c := NewChecker()
	for range 1000 {
		c.Add(Record{Event: Handled, Flow: Up, From: ann, Life: 1, Number: 1})
	}
	if got := c.Finish(); got.Duplicated != 999 || len(c.Details()) != mostViolations {
		t.Errorf("%d duplicates and %d details", got.Duplicated, len(c.Details()))
	}
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	want := []Record{
		{Event: Accepted, Flow: Up, From: ann, Number: 1<<64 - 1},
		{Event: Handled, Flow: News, Flagged: true, Life: 1<<32 - 1, To: bob, Number: 7},
		{Event: Missed, From: ann, Count: 1 << 40},
	}
	for _, r := range want { // opened again for each, as by one process after another
		j, err := OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Write(r); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var got []Record
	if err := ReadJournal(path, func(r Record) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := ReadJournal(path+".none", func(Record) { t.Error("a record of nothing") }); err != nil {
		t.Error(err)
	}
}
