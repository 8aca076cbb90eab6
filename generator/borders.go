package generator

import (
	"strconv"
	"strings"

	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/schema"
)

// borders returns values at the borders of the constraints of a field, and one
// step beyond.
func (m *sampler) borders(e *schema.Expr, rules []*schema.Constraints) []sample {
	if len(rules) == 0 {
		return nil
	}
	r := resolve(e)
	switch {
	case r.Kind != schema.ScalarExpr:
		return m.itemBorders(r, rules)
	case r.Scalar == schema.Bytes:
		return sizeBorders(rules, func(n int) ([]byte, bool) {
			return codec.AppendBytes(nil, make([]byte, min(n, sampleText+1))), n <= sampleText
		})
	}
	var list []sample
	count := map[string]int{}
	for _, v := range m.candidates(r.Scalar, rules) {
		broken := violated(&v, rules)
		if len(broken) > 1 {
			continue // only one rule at a time
		}
		s := sample{encoded: encodeScalar(&v)}
		if len(broken) == 1 {
			s.rule = broken[0]
		}
		if count[s.rule]++; count[s.rule] > 4 {
			continue
		}
		s.name = strings.TrimSpace(s.rule + " " + strconv.Itoa(count[s.rule]))
		list = append(list, s)
	}
	return list
}

func (m *sampler) itemBorders(r *schema.Expr, rules []*schema.Constraints) []sample {
	list := sizeBorders(rules, func(n int) ([]byte, bool) {
		return m.sampleItemsOf(r, n, isUnique(rules), false, sampleDepth-1)
	})
	if isUnique(rules) {
		n := max(leastLen(rules), 2)
		if twins, ok := m.sampleItemsOf(r, n, true, true, sampleDepth-1); ok && sizeFits(n, rules) {
			list = append(list, sample{name: "twice", encoded: twins, rule: "unique"})
		}
	}
	return list
}

// sizeBorders returns values of the sizes at the ends of every len.
func sizeBorders(rules []*schema.Constraints, of func(n int) ([]byte, bool)) []sample {
	var list []sample
	seen := map[int]bool{}
	for _, c := range rules {
		if c.Len == nil {
			continue
		}
		sizes := []int{int(c.Len.Min) - 1, int(c.Len.Min)}
		if c.Len.HasMax {
			sizes = append(sizes, int(c.Len.Max), int(c.Len.Max)+1)
		}
		for _, n := range sizes {
			if n < 0 || seen[n] {
				continue
			}
			seen[n] = true
			broken := 0
			for _, other := range rules {
				if other.Len != nil && !other.Len.Contains(n) {
					broken++
				}
			}
			encoded, ok := of(n)
			if !ok || broken > 1 {
				continue
			}
			s := sample{name: "of size " + strconv.Itoa(n), encoded: encoded}
			if broken == 1 {
				s.rule = "len"
			}
			list = append(list, s)
		}
	}
	return list
}
