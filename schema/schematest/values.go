package schematest

import "slices"

// ends holds values of each kind in ascending order, from border to border.
var ends = map[string][]string{
	"int8":     {"-128", "-1", "0", "1", "23", "24", "127"},
	"int16":    {"-32768", "-129", "-1", "0", "255", "256", "32767"},
	"int32":    {"-2147483648", "-32769", "-1", "0", "65535", "65536", "2147483647"},
	"int64":    {"-9223372036854775808", "-2147483649", "-1", "0", "4294967296", "9223372036854775807"},
	"uint8":    {"0", "1", "23", "24", "255"},
	"uint16":   {"0", "1", "255", "256", "65535"},
	"uint32":   {"0", "24", "65535", "65536", "4294967295"},
	"uint64":   {"0", "1", "4294967295", "4294967296", "9223372036854775808", "18446744073709551615"},
	"float32":  {"-3.4028234e+38", "-1.5", "0", "1e-45", "0.1", "1", "16777216", "3.4028234e38"},
	"float64":  {"-1.7976931348623157e308", "-0.5", "0", "5e-324", "0.1", "1", "9007199254740992", "1.7976931348623157e308"},
	"duration": {"-9223372036854775808ns", "-1h", "0s", "1ns", "1us", "1ms", "1m30s", "24h", "2562047h"},
}

// numeric adds a range or in, and returns a value that meets it.
func (w *writer) numeric(m *mapping, scalar string) string {
	sorted := ends[scalar]
	if scalar != "duration" && w.chance(3) {
		var values list
		chosen := w.Perm(len(sorted))[:1+w.IntN(3)]
		for _, i := range chosen {
			values = append(values, raw(sorted[i]))
		}
		m.add("in", values)
		return sorted[chosen[0]]
	}
	i := w.IntN(len(sorted))
	j := i + w.IntN(len(sorted)-i)
	switch w.IntN(4) {
	case 0:
		m.add("range", raw(sorted[i]+".."))
		return sorted[i]
	case 1:
		m.add("range", raw(".."+sorted[j]))
		return sorted[j]
	case 2:
		m.add("range", raw(sorted[i]))
		return sorted[i]
	}
	m.add("range", raw(sorted[i]+".."+sorted[j]))
	return sorted[pick(w, []int{i, j})]
}

// patterns are expressions with a text that they match.
var patterns = [][2]string{
	{"[a-z]+", "abc"}, {"[a-z][a-z0-9-]*", "a-1"}, {`\d{1,3}(\.\d{1,3}){3}`, "127.0.0.1"}, {"", ""}, {"^a|b$", "b"},
	{"(?i)YES|no", "yes"}, {`\p{Han}+`, "名前"}, {"it's|\"x\"", "it's"}, {`[[:alpha:]]{3}`, "abc"}, {".*", "any: thing # here"},
}

var formats = map[string]string{"ip": "::1", "hostname": "a-1.example", "uri": "unix:/run/x.sock", "path": "/"}

// textual adds constraints of strings, and returns a text that meets them.
func (w *writer) textual(m *mapping) string {
	var sample string
	switch w.IntN(4) {
	case 0:
		p := pick(w, patterns)
		m.add("pattern", text(p[0]))
		sample = p[1]
	case 1:
		names := []string{"ip", "hostname", "uri", "path"}
		f := pick(w, names)
		m.add("format", raw(f))
		sample = formats[f]
	case 2:
		words := []string{"", "a", "stdout", "no", "5", "a: b", "名"}
		chosen := w.Perm(len(words))[:1+w.IntN(4)]
		var values list
		for _, i := range chosen {
			values = append(values, text(words[i]))
		}
		m.add("in", values)
		return text(words[chosen[0]]).inline()
	default:
		l := pick(w, lens)
		m.add("len", raw(l))
		sample = map[string]string{"..0": "", "0": "", "16": "0123456789abcdef", "2..255": "ab", "2..": "ab"}[l]
		if sample == "" && !slices.Contains([]string{"..0", "0"}, l) {
			sample = "名"
		}
		return text(sample).inline()
	}
	if w.chance(3) {
		m.add("len", raw(pick(w, []string{"0..", "..256"})))
	}
	return text(sample).inline()
}

// anyDefault returns a value of a type without constraints, or "".
func (w *writer) anyDefault(s shape) string {
	switch {
	case s.scalar == "bool":
		return pick(w, []string{"true", "false"})
	case s.scalar == "string":
		return text(pick(w, []string{"", "x", "true", "5", "a: b", "two\nlines", "名前", "\x00\u202e"})).inline()
	case len(ends[s.scalar]) > 0:
		return pick(w, ends[s.scalar])
	}
	return ""
}
