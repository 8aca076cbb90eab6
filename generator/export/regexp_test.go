package export

import (
	"regexp"
	"strings"
	"testing"
)

func TestPortable(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`[a-z][a-z0-9-]*`, `[a-z][\-0-9a-z]*`},
		{`^job$`, `job`},
		{`^a|b$`, `a|b`},
		{`(?:^a$|^b)`, `a|b`},
		{`(^a)(b$)`, `(a)(b)`},
		{`\d+\.\w?`, `[0-9]+\.[0-9A-Z_a-z]?`},
		{`.`, `[^\n]`},
		{`(?s).`, `[\s\S]`},
		{`[^\n]`, `[^\n]`},
		{`\pN{2}`, ""},           // long; checked by what it matches
		{`(?i)k$`, "[Kk\u212a]"}, // the Kelvin sign
		{`a{2,}b{3}c{0,5}?`, `a{2,}b{3}c{0,5}`},
		{`(ab|c)*?d`, `(ab|c)*d`},
		{`x(|y)`, `x(()|y)`},
		{`(?:ab)+`, `(ab)+`},
		{`a$b?`, "-"},
		{`a\b`, "-"},
		{`(?m)^a`, "-"},
		{`\$\^\-\]\\`, `[$]\^-\]\\`},
		{`[\]\[\\^-]`, `[\-\[-\^]`},
		{"\t\r\n", `\t\r\n`},
		{`(?P<name>a)`, `(a)`},
		{`[^\x00-\x{10FFFF}]`, `[^\s\S]`},
		{`[\x00-\x{10FFFF}]`, `[\s\S]`},
		{`[😀-😂]`, `[😀-😂]`},
		{``, `()`},
	} {
		got, ok := portable(tt.in)
		if tt.want == "-" {
			if ok {
				t.Errorf("portable(%q) = %q, want none", tt.in, got)
			}
			continue
		}
		if !ok || tt.want != "" && got != tt.want {
			t.Errorf("portable(%q) = %q, %v, want %q", tt.in, got, ok, tt.want)
		}
	}
}

// What portable returns matches the same texts. Go knows all of its words too,
// and ajv reads those of the vectors as ECMA-262 does.
func FuzzPortable(f *testing.F) {
	for _, p := range []string{`[a-z]*`, `^(?i)[a-z$]+-?\d*$`, `\pL{1,3}|\PN`, `a(b|^c)`, `(?s).\n`, `[^a]`, `x(|y)z`, `\x{D7FF}-\x{E000}`, `[\x00-\x{D900}]`} {
		f.Add(p, "abc")
		f.Add(p, "K-7")
		f.Add(p, "\n")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 100 || len(text) > 100 || strings.ToValidUTF8(text, "") != text {
			return
		}
		want, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
		if err != nil {
			return
		}
		if _, err := regexp.Compile(pattern); err != nil {
			return // a) with (b closes our parenthesis
		}
		out, ok := portable(pattern)
		if !ok {
			return
		}
		got, err := regexp.Compile(`\A(?:` + out + `)\z`)
		if err != nil {
			t.Fatalf("portable(%q) = %q: %v", pattern, out, err)
		}
		if got.MatchString(text) != want.MatchString(text) {
			t.Errorf("portable(%q) = %q, which takes %q: %v, want %v", pattern, out, text, got.MatchString(text), want.MatchString(text))
		}
	})
}

func TestLiteral(t *testing.T) {
	for in, want := range map[string]string{
		`plain`: `"plain"`, `a "b" \c`: `"a \"b\" \\c"`, "\x00\n\u202e": `"\u0000\u000a\u202e"`,
		"\U0010ffff": `"\udbff\udfff"`, "ä😀": `"ä😀"`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
	if got := oneLine("a\r\nb\u202e\tc\u2028d\x7f"); got != "a<U+000D> b<U+202E> c<U+2028>d<U+007F>" {
		t.Errorf("oneLine: %q", got)
	}
}
