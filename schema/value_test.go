package schema

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestValues proves what is read as a number or duration, exactly, and that it
// is written as one writes it in a schema.
func TestValues(t *testing.T) {
	for _, tc := range []struct {
		scalar Scalar
		text   string
		want   string // "" means as text
		fault  fault
	}{
		{scalar: Int8, text: "-128"}, {scalar: Int8, text: "127"}, {scalar: Int8, text: "128", fault: tooLarge}, {scalar: Int8, text: "-129", fault: tooLarge},
		{scalar: Int16, text: "-32768"}, {scalar: Int32, text: "2147483647"}, {scalar: Int32, text: "2147483648", fault: tooLarge},
		{scalar: Int64, text: "-9223372036854775808"}, {scalar: Int64, text: "9223372036854775808", fault: tooLarge},
		{scalar: Uint8, text: "255"}, {scalar: Uint8, text: "256", fault: tooLarge}, {scalar: Uint8, text: "-1", fault: tooLarge},
		{scalar: Uint64, text: "18446744073709551615"}, {scalar: Uint64, text: "18446744073709551616", fault: tooLarge},
		{scalar: Int64, text: "1.0", fault: malformed}, {scalar: Int64, text: "1e3", fault: malformed}, {scalar: Int64, text: "-0", fault: malformed},
		{scalar: Int64, text: "017", fault: malformed}, {scalar: Int64, text: "+1", fault: malformed}, {scalar: Int64, text: "", fault: malformed},
		{scalar: Int64, text: "1_0", fault: malformed}, {scalar: Int64, text: "0x1", fault: malformed}, {scalar: Int64, text: " 1", fault: malformed},
		{scalar: Float64, text: "0.1"}, {scalar: Float64, text: "1e-7", want: "1e-07"}, {scalar: Float64, text: "-0", want: "0"}, {scalar: Float64, text: "-0.0", want: "0"},
		{scalar: Float64, text: "1e400", fault: tooLarge}, {scalar: Float64, text: "1e-400", want: "0"}, {scalar: Float64, text: ".5", fault: malformed},
		{scalar: Float64, text: "1.", fault: malformed}, {scalar: Float64, text: "NaN", fault: malformed}, {scalar: Float64, text: "Inf", fault: malformed},
		{scalar: Float32, text: "0.1"}, {scalar: Float32, text: "16777217", want: "1.6777216e+07"}, {scalar: Float32, text: "3.5e38", fault: tooLarge},
		{scalar: Duration, text: "1h30m"}, {scalar: Duration, text: "90s", want: "1m30s"}, {scalar: Duration, text: "-1us"}, {scalar: Duration, text: "1µs", want: "1us"},
		{scalar: Duration, text: "0s"}, {scalar: Duration, text: "1h1m1s1ms1us1ns"}, {scalar: Duration, text: "2562047h47m16s854ms775us807ns"},
		{scalar: Duration, text: "-2562047h47m16s854ms775us808ns"}, {scalar: Duration, text: "2562047h47m16s854ms775us808ns", fault: tooLarge},
		{scalar: Duration, text: "24", fault: noUnit}, {scalar: Duration, text: "1.5", fault: noUnit}, {scalar: Duration, text: "1.5s", fault: malformed},
		{scalar: Duration, text: "1d", fault: malformed}, {scalar: Duration, text: "1 s", fault: malformed}, {scalar: Duration, text: "", fault: malformed}, {scalar: Duration, text: "s", fault: malformed},
	} {
		parse := parseNumber
		if tc.scalar == Duration {
			parse = func(text string, _ Scalar) (Value, fault) { return parseDuration(text) }
		}
		v, got := parse(tc.text, tc.scalar)
		if got != tc.fault {
			t.Errorf("%v %q: fault %d, want %d", tc.scalar, tc.text, got, tc.fault)
			continue
		}
		if got != noFault {
			continue
		}
		if want := orElse(tc.want, tc.text); v.String() != want {
			t.Errorf("%v %q is written %q, want %q", tc.scalar, tc.text, v.String(), want)
		}
		if again, f := parse(v.String(), tc.scalar); tc.scalar != Float32 && tc.scalar != Float64 && (f != noFault || again.Compare(&v) != 0) {
			t.Errorf("%v %q read again: %q, %d", tc.scalar, v.String(), again.String(), f)
		}
		if v.Scalar.isFloat() && v.Float == 0 && math.Signbit(v.Float) {
			t.Errorf("%q is the negative zero", tc.text)
		}
	}
}

// TestBorders proves that the borders of a type are those of Go.
func TestBorders(t *testing.T) {
	for s, want := range map[Scalar]string{
		Int8: "-128..127", Int16: "-32768..32767", Int32: "-2147483648..2147483647", Int64: "-9223372036854775808..9223372036854775807",
		Uint8: "0..255", Uint16: "0..65535", Uint32: "0..4294967295", Uint64: "0..18446744073709551615",
	} {
		if got := s.border(); got != want {
			t.Errorf("%v: %s, want %s", s, got, want)
		}
		low, high, _ := strings.Cut(want, "..")
		for _, text := range []string{low, high} {
			v, f := parseNumber(text, s)
			if f != noFault || v.isBorder(false) != (text == low) || v.isBorder(true) != (text == high) {
				t.Errorf("%v %s: fault %d, %v %v", s, text, f, v.isBorder(false), v.isBorder(true))
			}
		}
	}
	for _, d := range []time.Duration{math.MinInt64, 0, math.MaxInt64} {
		v := Value{Scalar: Duration, Duration: d}
		if v.isBorder(false) != (d == math.MinInt64) || v.isBorder(true) != (d == math.MaxInt64) {
			t.Errorf("%v: %v %v", d, v.isBorder(false), v.isBorder(true))
		}
	}
}

func TestCompareValues(t *testing.T) {
	for _, tc := range [][2]Value{
		{{Scalar: Bool}, {Scalar: Bool, Bool: true}},
		{{Scalar: Int8, Int: -1}, {Scalar: Int8, Int: 0}},
		{{Scalar: Uint64, Uint: 1}, {Scalar: Uint64, Uint: math.MaxUint64}},
		{{Scalar: Float32, Float: -0.5}, {Scalar: Float32, Float: 0.5}},
		{{Scalar: Duration, Duration: -1}, {Scalar: Duration, Duration: 1}},
		{{Scalar: String, Text: "a"}, {Scalar: String, Text: "b"}},
	} {
		a, b := tc[0], tc[1]
		same := a
		same.Pos = Position{"x", 1, 1}
		if a.Compare(&b) != -1 || b.Compare(&a) != 1 || a.Compare(&same) != 0 {
			t.Errorf("%v and %v: %d %d %d", &a, &b, a.Compare(&b), b.Compare(&a), a.Compare(&same))
		}
	}
}

func TestIntervals(t *testing.T) {
	s := mustLoad(t, header+`types:
  A: {type: int8, range: 1..5}
  B: {type: int8, range: 1..}
  C: {type: int8, range: ..5}
  D: {type: int8, range: 5}
  E: {type: int8, range: 5..5}
  F: {type: string, len: 1..5}
  G: {type: string, len: 1..}
  H: {type: string, len: ..5}
  I: {type: string, len: 5}
  J: {type: string, len: 0..5}
  K: {type: string, len: 0..}
`)
	want := []string{"1..5", "1..", "..5", "5", "5", "1..5", "1..", "..5", "5", "..5", "0.."}
	in := [][]bool{ // 0, 1, 5, 6
		{false, true, true, false}, {false, true, true, true}, {true, true, true, false}, {false, false, true, false}, {false, false, true, false},
		{false, true, true, false}, {false, true, true, true}, {true, true, true, false}, {false, false, true, false}, {true, true, true, false}, {true, true, true, true},
	}
	for i, typ := range s.Types {
		c := typ.Constraints
		var got string
		if c.Range != nil {
			got = c.Range.String()
		} else {
			got = c.Len.String()
		}
		if got != want[i] {
			t.Errorf("%s: %s, want %s", typ.Name, got, want[i])
		}
		for j, n := range []int{0, 1, 5, 6} {
			var ok bool
			if c.Range != nil {
				ok = c.Range.Contains(&Value{Scalar: Int8, Int: int64(n)})
			} else {
				ok = c.Len.Contains(n)
			}
			if ok != in[i][j] {
				t.Errorf("%s contains %d: %v", typ.Name, n, ok)
			}
		}
	}
}

func TestFormats(t *testing.T) {
	long := strings.Repeat("a", 63)
	for f, tc := range map[StringFormat]struct{ good, bad []string }{
		FormatIP:       {[]string{"127.0.0.1", "::1", "fe80::1", "::ffff:1.2.3.4"}, []string{"", "localhost", "1.2.3", "1.2.3.4/8", "fe80::1%eth0", "[::1]", "01.2.3.4"}},
		FormatHostname: {[]string{"a", "localhost", "a-b.example", "1.2.3.4", long + ".x", strings.Repeat("a.", 126) + "a"}, []string{"", ".", "a.", "-a", "a-", "a_b", "名", "a b", long + "a", strings.Repeat("a.", 127) + "a"}},
		FormatURI: {
			[]string{
				"http://x/y?z#f", "unix:/run/x", "mailto:a@b", "urn:x:y", "x:", "X+1-.:", "file:///a//b", "http://", "a:b?c?d/#e?f", "http://u:p@h:80/%C3%bc",
				"http://h:", "http://[::1]:80/", "http://[::ffff:1.2.3.4]", "http://[v1f.a:b]", "ftp://1.2.3.4", "tel:+1-2", "x:!$&'()*+,;=-._~", "http://a%20b/",
			},
			[]string{
				"", "/x", "x", "//h/x", ":", ":x", "1a:b", "-a:b", "ä:b", "a_b:c", "http://a b", "http://a/\x00", "http://a/%zz", "http://a/%2", "http://a/%", "mailto:%g0",
				"http://a/ü", "http://ü/", "http://ü@a/", "x:ü", "a:?ü", "a:#ü", "a:b#c#d", "a:[b]", "http://a/[b]", "a:<b>", "a:\"b\"", "a:b|c", "a:b\\c", "a:b^c", "a:`", "a:{b}",
				"a:\x7f", "a:b\n", "http://h:8x/", "http://h:80:80/", "http://a@b@c/", "http://[::1", "http://[::1]x", "http://[1.2.3.4]", "http://[fe80::1%25eth0]", "http://[]", "http://[x]",
				"http://[v.a]", "http://[v1.]", "http://[v1]", "http://[vg.a]", "http://[v1.%20]",
			},
		},
		FormatPath: {[]string{"/", "a", "../b", " ", "名"}, []string{"", "a\x00b"}},
		0:          {[]string{"", "x"}, nil},
	} {
		for _, s := range tc.good {
			if !f.MatchString(s) {
				t.Errorf("%q is no %v", s, f)
			}
		}
		for _, s := range tc.bad {
			if f.MatchString(s) {
				t.Errorf("%q is a %v", s, f)
			}
		}
	}
}

// TestPattern proves that a pattern matches the whole string, whatever is in it.
func TestPattern(t *testing.T) {
	for _, tc := range []struct {
		expr, s string
		want    bool
	}{
		{"a|b", "a", true}, {"a|b", "b", true}, {"a|b", "ab", false}, {"a|b", "ac", false}, {"a", "a\n", false}, {"(?m)a$", "a\nb", false},
		{"", "", true}, {"", "x", false}, {"^a$", "a", true}, {"(?i)A", "a", true}, {"a.b", "a\nb", false}, {"(?s)a.b", "a\nb", true},
	} {
		p := Pattern{Expr: tc.expr}
		if got := p.MatchString(tc.s); got != tc.want {
			t.Errorf("%q matches %q: %v", tc.expr, tc.s, got)
		}
		if _, err := regexp.Compile(p.Anchored()); err != nil {
			t.Error(err)
		}
	}
}
