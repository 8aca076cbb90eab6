package schema

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var full = flag.Bool("full", false, "try the adversaries in the full size of a file")

// adversaries are files of a size, each a way to make a parser or a rule do too
// much.
func adversaries(size int) map[string]string {
	fill := func(head string, unit func(i int) string, tail string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; ; i++ {
			u := unit(i)
			if b.Len()+len(u)+len(tail) > size {
				b.WriteString(tail)
				return b.String()
			}
			b.WriteString(u)
		}
	}
	same := func(s string) func(int) string { return func(int) string { return s } }
	numbered := func(format string) func(int) string {
		return func(i int) string { return fmt.Sprintf(format, i) }
	}
	struct1 := header + "types: {A: {fields: {"
	return map[string]string{
		"one line of fields":     fill(struct1, numbered("f%d: bool, "), "}}}\n"),
		"one line, wide letters": fill(struct1+"名: bool, ", numbered("f%d: bool, "), "}}}\n"),
		"lines of fields":        fill(header+"types:\n  A:\n    fields:\n", numbered("      f%d: bool\n"), ""),
		"short keys":             fill(header+"go:\n", numbered(" %x:\n"), ""),
		"same key":               fill(header+"types:\n  A:\n    fields:\n", same("      f: bool\n"), ""),
		"unknown types":          fill(struct1, numbered("f%d: T%[1]d, "), "}}}\n"),
		"unknown types, nested":  fill(header+"types:\n", numbered("  T%d: list<S%[1]d>\n"), ""),
		"chain":                  fill(header+"types:\n", func(i int) string { return fmt.Sprintf("  T%d: {fields: {a: T%d}}\n", i, (i+1)%3999) }, ""),
		"enum values":            fill(header+"types: {A: {enum: [", numbered("v%d, "), "]}}\n"),
		"open lists":             fill(header+"include: ", same("["), "\n"),
		"lists":                  fill(header+"include: ", same("[],"), "\n"),
		"list items":             fill(header+"include:\n", same("- - - - "), "\n"),
		"open type":              fill(header+"types:\n  A: ", same("list<"), "\n"),
		"closed type":            fill(header+"types:\n  A: ", same(">"), "\n"),
		"cut types":              fill(struct1, numbered("f%d: map<string, bool>, "), "}}}\n"),
		"cut type without end":   fill(struct1+"a: map<string, ", numbered("f%d, "), "}}}\n"),
		"quotes":                 fill(header+"doc: ", same("''"), "\n"),
		"open quote":             fill(header+"doc: \"", same("\\\\"), "\n"),
		"escapes":                fill(header+"types: {A: \"", same("\\x61"), "\"}\n"),
		"comments":               fill(header, same("#\n"), ""),
		"comments behind":        fill(header+"types:\n", numbered("  A%d: bool # x\n"), ""),
		"empty lines":            fill(header+"doc: a\n", same("\n"), "x: 1\n"),
		"text of many lines":     fill(header+"doc: a\n", same(" b\n"), ""),
		"block text":             fill(header+"doc: |\n", same("  b\n"), "\tx\n"),
		"carriage returns":       fill(header, same("\r"), ""),
		"anchors":                fill(header+"types:\n", numbered("  A%d: &a%[1]d bool\n"), ""),
		"question marks":         fill(header+"types: {", same("a?, "), "}\n"),
		"colons":                 fill(header+"types: {a", same(":"), "}\n"),
		"mapping in mapping":     fill(header+"types: ", same("{a: "), "\n"),
		"documents":              fill(header, same("---\n"), ""),
		"tabs":                   fill(header+"types:\n", same("\t"), "a: b\n"),
		"includes":               fill(header+"include: [", numbered("a%d, "), "]\n"),
		"commands":               fill(header+"commands:\n", numbered("  c%d: {payload: {a: bool}}\n"), ""),
		"long unknown key":       fill(header, same("a"), ": 1\n"),
		"long unknown type":      fill(header+"types: {A: ", same("a"), "}\n"),
		"long name":              fill(header+"types: {", same("A"), ": bool}\n"),
		"patterns":               fill(struct1, numbered("f%d: {type: opt<string>, pattern: '(a{9}b{9}){11}', default: x}, "), "}}}\n"),
		"patterns that match":    fill(struct1, numbered("f%d: {type: opt<string>, pattern: '(x|a{9}b{9}){1,11}', default: x}, "), "}}}\n"),
		"nested repetition":      fill(struct1, same("f: {type: string, pattern: '((((a{9}){9}){9}){9}){9}'}, "), "}}}\n"),
		"in":                     fill(header+"types: {A: {type: string, pattern: 'v.*', in: [", numbered("v%d, "), "]}}\n"),
		"in, refused":            fill(header+"types: {A: {type: string, pattern: 'w.*', in: [", numbered("v%d, "), "]}}\n"),
		"in, twice":              fill(header+"types: {A: {type: int8, in: [", same("1, "), "]}}\n"),
		"defaults of an enum":    fill(header+"types: {E: {enum: ["+strings.Repeat("abcdefgh, ", 1)+"b]}, A: {fields: {", numbered("f%d: {type: opt<E>, default: abcdefgx}, "), "}}}\n"),
		"ranges":                 fill(struct1, numbered("f%d: {type: int64, range: 1..%[1]d}, "), "}}}\n"),
		"wrong ranges":           fill(struct1, numbered("f%d: {type: int64, range: a..%[1]d}, "), "}}}\n"),
		"long range":             fill(header+"types: {A: {type: int64, range: 1..", same("9"), "}}\n"),
		"long duration":          fill(header+"types: {A: {type: duration, range: 1s..", same("1h"), "}}\n"),
		"chain of new types":     fill(header+"types:\n", func(i int) string { return fmt.Sprintf("  T%d: {type: T%d, len: 1..}\n", i, i+1) }, "  S: string\n"),
		"chain of narrowed types": fill(header+"types:\n  T0: string\n", func(i int) string {
			if i > 3990 {
				return "# too many\n"
			}
			return fmt.Sprintf("  T%d: {type: T%d, len: 1..%d}\n", i+1, i, 9000-i)
		}, "  S: string\n"),
		"variants":                fill(header+"types: {A: {union: {", numbered("v%d: bool, "), "}}}\n"),
		"variants of structs":     fill(header+"types: {A: {union: {", numbered("v%d: {a: opt<A>}, "), "}}}\n"),
		"infinite variants":       fill(header+"types: {A: {union: {", numbered("v%d: {a: A}, "), "}}}\n"),
		"reserved":                fill(header+"reserved: [", numbered("A.b%d, "), "]\n"),
		"reserved and used":       fill(header+"types: {A: {fields: {a: bool}}}\nreserved: [", numbered("A.a, "), "]\n"),
		"errors":                  fill(header+"errors:\n", numbered("  E%d: {}\n"), ""),
		"errors of a command":     fill(header+"errors: {A: {}}\ncommands: {a: {reply: {}, errors: [", numbered("E%d, "), "]}}\n"),
		"invalid text":            fill(header, same("\xff"), "\n"),
		"flow list in many lines": fill(header+"include: [\n", same("a,\n"), "]\n"),
	}
}

// TestAdversaries proves that no file of legal size takes long, and that the
// findings about it stand inside of it.
func TestAdversaries(t *testing.T) {
	size, limit := MaxFileSize/4, time.Second*raceFactor
	if *full {
		size, limit = MaxFileSize, 2*time.Second*raceFactor
	}
	for name, text := range adversaries(size) {
		t.Run(name, func(t *testing.T) {
			begin := cpuTime()
			s, err := Load(one(text), "commands.yaml")
			took := cpuTime() - begin
			t.Logf("%v for %d bytes: %.100v", took, len(text), err)
			if took > limit {
				t.Errorf("took %v, want less than %v", took, limit)
			}
			checkOutcome(t, one(text), s, err)
			if s != nil {
				begin := cpuTime()
				_ = s.Fingerprint()
				if took := cpuTime() - begin; took > limit {
					t.Errorf("the fingerprint took %v", took)
				}
				begin = cpuTime()
				Lint(s)
				if took := cpuTime() - begin; took > limit {
					t.Errorf("Lint took %v", took)
				}
			}
			begin = cpuTime()
			_, _ = Format([]byte(text))
			if took := cpuTime() - begin; took > 2*limit {
				t.Errorf("Format took %v", took)
			}
		})
	}
}
