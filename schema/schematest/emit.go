package schematest

import (
	"fmt"
	"regexp"
	"strings"
)

// A value is something that stands in a schema.
type value interface {
	inline() string // on one line, also in brackets
}

// raw is a text that needs no quotes.
type raw string

func (r raw) inline() string { return string(r) }

// text is any text.
type text string

var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_<>-]*$`)

func (t text) inline() string {
	s := string(t)
	switch lower := strings.ToLower(s); {
	case plain.MatchString(s) && !strings.Contains(" true false null yes no on off y n ", " "+lower+" "):
		return s
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x202e }):
		var b strings.Builder
		for _, r := range s {
			if r < ' ' || r > 0x7e || r == '"' || r == '\\' {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		return `"` + b.String() + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// lines is a text of several lines.
type lines []string

func (l lines) inline() string { return text(strings.Join(l, "\n")).inline() }

type list []value

func (l list) inline() string {
	parts := make([]string, len(l))
	for i, v := range l {
		parts[i] = v.inline()
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

type mapping struct{ pairs []mapPair }

type mapPair struct {
	key   string // as YAML
	value value
}

func (m *mapping) add(key string, v value) { m.pairs = append(m.pairs, mapPair{key, v}) }

func (m *mapping) addText(key string, v value) { m.add(text(key).inline(), v) }

func flow(key, v string) *mapping {
	m := &mapping{}
	m.add(key, raw(v))
	return m
}

func (m *mapping) inline() string {
	parts := make([]string, len(m.pairs))
	for i, p := range m.pairs {
		parts[i] = p.key + ": " + p.value.inline()
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// An emitter writes values in one of the layouts YAML allows.
type emitter struct {
	*writer
	b strings.Builder
}

func (e *emitter) line(indent int, s string) {
	e.b.WriteString(strings.Repeat(" ", indent) + strings.TrimRight(s, " "))
	if e.has(Comments) && e.chance(25) {
		e.b.WriteString(" # behind " + fmt.Sprint(e.number))
	}
	e.b.WriteByte('\n')
}

// between writes what may stand between two entries.
func (e *emitter) between(indent int) {
	if !e.has(Comments) {
		return
	}
	switch e.IntN(20) {
	case 0:
		e.b.WriteString("\n")
	case 1:
		e.b.WriteString(strings.Repeat(" ", e.IntN(indent+4)) + "# above: 'x' [y]\n")
	case 2:
		e.b.WriteString("\n\n# far\n\n" + strings.Repeat(" ", indent) + "# near\n")
	}
}

func (e *emitter) block(m *mapping, indent int) {
	for _, p := range m.pairs {
		e.between(indent)
		e.entry(p.key+":", p.value, indent)
	}
}

func (e *emitter) entry(head string, v value, indent int) {
	step := indent + 2 + e.IntN(3)
	switch v := v.(type) {
	case *mapping:
		switch {
		case len(v.pairs) == 0 || indent > 0 && e.chance(3):
			e.line(indent, head+" "+v.inline())
		case indent > 0 && e.chance(8):
			e.brackets(head, v, indent)
		default:
			e.line(indent, head)
			e.block(v, step)
		}
	case list:
		if len(v) == 0 || e.chance(2) {
			e.line(indent, head+" "+v.inline())
			return
		}
		e.line(indent, head)
		if e.chance(3) {
			step = indent
		}
		for _, item := range v {
			e.between(step)
			e.line(step, "- "+item.inline())
		}
	case lines:
		e.b.WriteString(strings.Repeat(" ", indent) + head + " " + pick(e.writer, []string{"|", ">", "|-", ">+"}) + "\n")
		for _, s := range v {
			if s != "" {
				s = strings.Repeat(" ", step) + s
			}
			e.b.WriteString(s + "\n")
		}
	default:
		e.line(indent, head+" "+v.inline())
	}
}

// brackets writes a mapping in brackets over several lines.
func (e *emitter) brackets(head string, m *mapping, indent int) {
	e.line(indent, head+" {")
	for _, p := range m.pairs {
		e.between(indent + 1)
		e.line(indent+1+e.IntN(4), p.key+": "+p.value.inline()+" ,")
	}
	e.line(indent+1, "}")
}
