package schema

import (
	"encoding/binary"
	"math"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// This file decides whether everything that some patterns match is matched by
// others, by walking through the product of their automata breadth first. The
// first text that it meets on which they differ is among the shortest ones.

// maxSearch is how many states a search looks at. Patterns that people write
// have some dozens; with large repetitions it may not be enough.
const maxSearch = 6000

// maxWork bounds the number of instructions that a search looks at, and so its
// time to some tenths of a second.
const maxWork = 2_000_000

// maxSpread is how many characters that no pattern tells apart a search tries.
const maxSpread = 26

// A product is the automata of several patterns, run side by side.
type product struct {
	progs   []*syntax.Prog
	letters []rune // one of each set of characters that no pattern tells apart; several if spread
	work    int    // instructions that may still be looked at
	partial bool   // there are characters beside letters that lead to other texts
}

// newProduct returns the product, with up to spread letters of each set.
func newProduct(patterns []*Pattern, spread int) (*product, bool) {
	p := &product{}
	cuts := []rune{0, '\n', '\n' + 1, '0', '9' + 1, 'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1, 0x7f, 0xd800, 0xe000, unicode.MaxRune + 1}
	instructions := 0
	for _, pattern := range patterns {
		re, err := syntax.Parse(pattern.Anchored(), syntax.Perl)
		if err != nil {
			return nil, false // not from Load
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			return nil, false
		}
		p.progs = append(p.progs, prog)
		instructions += len(prog.Inst)
		for i := range prog.Inst {
			cuts = append(cuts, borders(&prog.Inst[i])...)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	letters := p.pleasant(cuts, spread)
	if p.work = maxWork - len(letters)*instructions; p.work < 0 {
		return nil, false
	}
	sets := make(map[string]int) // what matches, to the number of letters of that set
	for _, r := range letters {
		signature := p.signature(r)
		if sets[signature] == spread {
			p.partial = p.partial || spread > 1 && strings.Contains(signature[1:], "\x01")
			continue
		}
		sets[signature]++
		p.letters = append(p.letters, r)
	}
	return p, true
}

// borders returns where the characters that an instruction takes begin and end.
func borders(in *syntax.Inst) (cuts []rune) {
	switch in.Op {
	case syntax.InstRune, syntax.InstRune1:
		if len(in.Rune) == 1 {
			r := in.Rune[0]
			cuts = append(cuts, r, r+1)
			if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					cuts = append(cuts, f, f+1)
				}
			}
			return cuts
		}
		for i := 0; i+1 < len(in.Rune); i += 2 {
			cuts = append(cuts, in.Rune[i], in.Rune[i+1]+1)
		}
	}
	return cuts
}

// pleasant returns characters of every interval between cuts, in an order in
// which those that people like to read come first.
func (p *product) pleasant(cuts []rune, spread int) []rune {
	var letters []rune
	for i := 0; i+1 < len(cuts); i++ {
		if low := cuts[i]; low != 0xd800 {
			// One more than spread tells that there are others.
			for r := low; r < min(cuts[i+1], low+rune(spread)+1); r++ {
				letters = append(letters, r)
			}
		}
	}
	rank := func(r rune) int {
		switch {
		case 'a' <= r && r <= 'z':
			return 0
		case '0' <= r && r <= '9':
			return 1
		case 'A' <= r && r <= 'Z':
			return 2
		case ' ' < r && r < 0x7f:
			return 3
		case visible(r) == r:
			return 4
		}
		return 5
	}
	slices.SortStableFunc(letters, func(a, b rune) int { return rank(a) - rank(b) })
	return letters
}

func (p *product) signature(r rune) string {
	s := []byte{contextOf(r)}
	for _, prog := range p.progs {
		for i := range prog.Inst {
			switch in := &prog.Inst[i]; in.Op {
			case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
				if in.MatchRune(r) {
					s = append(s, 1)
				} else {
					s = append(s, 0)
				}
			}
		}
	}
	return string(s)
}

// contextOf returns all that assertions such as \b ask about a character.
func contextOf(r rune) byte {
	switch {
	case r < 0:
		return 0
	case r == '\n':
		return 1
	case syntax.IsWordChar(r):
		return 2
	}
	return 3
}

// A walk is a place in a search: the instructions of each automaton that come
// next, and how it was reached.
type walk struct {
	next   [][]uint32
	last   rune
	depth  uint64
	parent int
}

// advance returns the instructions after r, and with r < 0 whether the text may
// end. It follows what takes no character first, which depends on both
// neighbours.
func (p *product) advance(prog *syntax.Prog, from []uint32, last, r rune) (next []uint32, matched bool) {
	assertion := syntax.EmptyOpContext(last, r)
	seen := make(map[uint32]bool, len(from))
	stack := slices.Clone(from)
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		p.work--
		switch in := &prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^assertion == 0 {
				stack = append(stack, in.Out)
			}
		case syntax.InstMatch:
			matched = matched || r < 0
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if r >= 0 && in.MatchRune(r) {
				next = append(next, in.Out)
			}
		}
	}
	slices.Sort(next)
	return slices.Compact(next), matched
}

// search returns up to n texts that the patterns and the len of w hold and, if
// r is not nil, those of r do not, the shortest first. It looks at formats and
// listed values of neither; if r has formats, every text of w is returned. The
// status is found for n of them, and none if there are no others.
func search(w, r *textSet, n int) ([]string, status) {
	patterns := slices.Clone(w.patterns)
	low, high := uint64(0), uint64(math.MaxUint64)
	spread := min(n, maxSpread)
	differ := func([]bool, uint64) bool { return true }
	if r != nil {
		patterns = append(patterns, r.patterns...)
		low, high = r.low, r.high
		if len(w.formats)+len(r.formats) > 0 {
			n, spread = 64, 4 // the caller chooses among them
		}
		differ = func(matched []bool, depth uint64) bool {
			return slices.Contains(matched, false) || depth < low || depth > high || len(r.formats) > 0
		}
	}
	p, ok := newProduct(patterns, spread)
	if !ok {
		return nil, unknown
	}
	// From this length on, only the automata matter.
	deep := max(w.low, low)
	for _, end := range []uint64{w.high, high} {
		if end <= MaxLen {
			deep = max(deep, end+1)
		}
	}
	var texts []string
	visits := make(map[string]int)
	queue := []walk{{last: -1, parent: -1}}
	for _, prog := range p.progs {
		queue[0].next = append(queue[0].next, []uint32{uint32(prog.Start)})
	}
	own := len(w.patterns)
	for i := 0; i < len(queue); i++ {
		if i == maxSearch || p.work < 0 {
			return texts, unknown
		}
		at := queue[i]
		matched := make([]bool, len(p.progs))
		for j, prog := range p.progs {
			_, matched[j] = p.advance(prog, at.next[j], at.last, -1)
		}
		if !slices.Contains(matched[:own], false) && at.depth >= w.low && at.depth <= w.high && differ(matched[own:], at.depth) {
			texts = append(texts, spell(queue, i))
			if len(texts) == n {
				return texts, found
			}
		}
		if at.depth == w.high {
			continue
		}
		for _, letter := range p.letters {
			to := walk{last: letter, depth: at.depth + 1, parent: i}
			dead := false
			for j, prog := range p.progs {
				next, _ := p.advance(prog, at.next[j], at.last, letter)
				to.next = append(to.next, next)
				dead = dead || j < own && len(next) == 0
			}
			if dead {
				continue
			}
			if key := to.key(deep); visits[key] < n {
				visits[key]++
				queue = append(queue, to)
			}
		}
	}
	if p.partial && len(texts) > 0 {
		return texts, unknown
	}
	return texts, none
}

// key returns what the future of a walk depends on.
func (to *walk) key(deep uint64) string {
	b := []byte{contextOf(to.last)}
	b = binary.AppendUvarint(b, min(to.depth, deep))
	for _, set := range to.next {
		b = binary.AppendUvarint(b, uint64(len(set)))
		for _, pc := range set {
			b = binary.AppendUvarint(b, uint64(pc))
		}
	}
	return string(b)
}

func spell(queue []walk, i int) string {
	var runes []rune
	for ; queue[i].parent >= 0; i = queue[i].parent {
		runes = append(runes, queue[i].last)
	}
	slices.Reverse(runes)
	return string(runes)
}
