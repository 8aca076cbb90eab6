package schema

import (
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// texts returns every text of up to n letters.
func allTexts(letters []string, n int) []string {
	all, last := []string{""}, []string{""}
	for range n {
		var next []string
		for _, s := range last {
			for _, letter := range letters {
				next = append(next, s+letter)
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

// TestPatternInclusion compares the decision about two sets of texts with all
// short texts: what is found must be right, and nothing that exists may be
// missed.
func TestPatternInclusion(t *testing.T) {
	atoms := []string{
		"a", "b", "ab", "[ab]", "[^a]", ".", `\w`, `\d`, `\s`, "", "a{2}", "(a|b)", "(ab)*", "a*", "b+", "a?", `\b`, `\B`, "^", "$", `\z`, "(?i)A", `(?s).`, `(?m)^a$`, "-", "[a-z]",
	}
	rng := rand.New(rand.NewPCG(3, 5))
	pattern := func() *Pattern {
		for {
			var parts []string
			for range 1 + rng.IntN(3) {
				parts = append(parts, atoms[rng.IntN(len(atoms))])
			}
			sep := ""
			if rng.IntN(4) == 0 {
				sep = "|"
			}
			expr := strings.Join(parts, sep)
			if _, err := regexp.Compile(expr); err == nil {
				return &Pattern{Expr: expr}
			}
		}
	}
	texts := allTexts([]string{"a", "b", "A", "1", "-", " ", "\n"}, 4)
	set := func() *textSet {
		s := &textSet{high: 1 << 40}
		for range rng.IntN(3) {
			s.patterns = append(s.patterns, pattern())
		}
		if rng.IntN(3) == 0 {
			s.low = uint64(rng.IntN(4))
			s.high = s.low + uint64(rng.IntN(4))
		}
		return s
	}
	counts := make(map[status]int)
	for range 1500 {
		w, r := set(), set()
		got, reason, st := otherText(w, r)
		counts[st]++
		if st == found {
			if w.reason(got) != "" || r.reason(got) == "" || reason == "" {
				t.Errorf("%+v − %+v: %q is no witness (%s)", w, r, got, reason)
			}
			continue
		}
		for _, s := range texts {
			if w.reason(s) == "" && r.reason(s) != "" {
				t.Fatalf("%v %d..%d − %v %d..%d is called empty (%d), but has %q", exprs(w), w.low, w.high, exprs(r), r.low, r.high, st, s)
			}
		}
	}
	if counts[found] < 300 || counts[none] < 300 || counts[unknown] > 0 {
		t.Errorf("found, none and unknown: %v", counts)
	}
}

func exprs(s *textSet) (list []string) {
	for _, p := range s.patterns {
		list = append(list, p.Expr)
	}
	return list
}

func TestPatternExamples(t *testing.T) {
	tests := map[string]struct {
		expr         string
		low, high, n int
		want         int // how many
	}{
		"all":          {"a|b|cc", 0, 9, 10, 3},
		"len":          {"a|b|cc", 2, 9, 10, 1},
		"first":        {"[a-z]+", 0, 9, 5, 5},
		"long":         {"[a-z]+", 40, 40, 3, 3},
		"none":         {`[^\x00-\x{10FFFF}]`, 0, 9, 3, 0},
		"impossible":   {"abc", 4, 9, 3, 0},
		"words":        {`\bfoo\b`, 0, 9, 3, 1},
		"fold":         {"(?i)k", 0, 9, 9, 3}, // k, K and the Kelvin sign
		"empty":        {"", 0, 9, 2, 1},
		"large":        {`\pL{3}`, 0, 9, 4, 4},
		"only newline": {`\n`, 0, 9, 2, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &Pattern{Expr: tt.expr}
			got := p.Examples(tt.low, tt.high, tt.n)
			if len(got) != tt.want {
				t.Errorf("%q, want %d", got, tt.want)
			}
			seen := make(map[string]bool)
			for _, s := range got {
				if n := utf8.RuneCountInString(s); !p.MatchString(s) || seen[s] || n < tt.low || n > tt.high || !utf8.ValidString(s) {
					t.Errorf("%q is no example or there twice", s)
				}
				seen[s] = true
			}
		})
	}
}

// TestItems compares the CBOR and the text of witnesses with another encoder.
func TestItems(t *testing.T) {
	big64, _ := new(big.Int).SetString("18446744073709551615", 10)
	it := mapItem(
		entry{"long key", boolItem(true)}, entry{"i", intItem(big.NewInt(-5))}, entry{"u", intItem(big64)}, entry{"f", floatItem(2)},
		entry{"s", singleItem(0.5)}, entry{"t", textItem("é\"\x01")}, entry{"b", bytesItem([]byte{1, 255})}, entry{"n", item{}},
		entry{"at", timeItem("2026-01-01T00:00:00Z")}, entry{"id", uuidItem(7)}, entry{"l", listItem([]item{textItem("x"), listItem(nil)})},
		entry{"m", mapItem()},
	)
	text, err := cbor.Diagnose(it.append(nil))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"b": h'01ff', "f": 2.0, "i": -5, "l": ["x", []], "m": {}, "n": null, "s": 0.5, "t": "\u00e9\"\u0001", "u": 18446744073709551615, ` +
		`"at": 0("2026-01-01T00:00:00Z"), "id": 37(h'00000000000000000000000000000007'), "long key": true}`
	if text != want {
		t.Errorf("CBOR\n%s, want\n%s", text, want)
	}
	const people = `{"long key": true, "i": -5, "u": 18446744073709551615, "f": 2.0, "s": 0.5, "t": "é\"\u0001", "b": h'01ff', "n": null, ` +
		`"at": 2026-01-01T00:00:00Z, "id": 00000000-0000-0000-0000-000000000007, "l": ["x", []], "m": {}}`
	if got := it.String(); got != people {
		t.Errorf("text\n%s, want\n%s", got, people)
	}
	if got := textItem(strings.Repeat("名", 9000)).String(); utf8.RuneCountInString(got) > 410 {
		t.Errorf("a long text is shown with %d runes", utf8.RuneCountInString(got))
	}
}

// TestSearchIsBounded proves that patterns which are hard to compare take
// little time, whatever the answer is.
func TestSearchIsBounded(t *testing.T) {
	hard := []string{
		`(\pL{1,100}){10}`, `(a?){30}(a){30}b`, `(a|aa)+$`, `(.*a.{12})`, `([a-z]{1,30}-){1,30}x`, `(\w+\s?)*\pL{100}`, `(?i)[\pL\pN]{1,400}`,
		`((a{0,30}b{0,30}){0,1}c){0,30}`, strings.Repeat(`\pL|`, 100) + "x",
	}
	start := cpuTime()
	for i, a := range hard {
		(&Pattern{Expr: a}).Examples(1, 1000, 1000)
		for _, b := range []string{hard[(i+1)%len(hard)], "x*"} {
			w := &textSet{low: 300, high: 1 << 30, patterns: []*Pattern{{Expr: a}}}
			r := &textSet{high: 1 << 30, patterns: []*Pattern{{Expr: b}}}
			if s, _, st := otherText(w, r); st == found && (w.reason(s) != "" || r.reason(s) == "") {
				t.Errorf("%s − %s: %q is no witness", a, b, s)
			}
		}
	}
	if took := cpuTime() - start; took > 20*time.Second*raceFactor {
		t.Errorf("%d searches took %v", 3*len(hard), took)
	}
}
