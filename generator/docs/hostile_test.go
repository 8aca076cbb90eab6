package docs_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/generator/docs"
)

// hostile are texts that try to be more than text.
var hostile = []string{
	`<script>alert(1)</script>`,
	`</style></title></textarea><img src=x onerror=alert(1)>`,
	`"><svg onload=alert(1)>`,
	`' onmouseover='alert(1)`,
	`{{.Protocol}} {{template "x"}}`,
	`]]><!-- --> <![CDATA[ <?php`,
	`&lt;script&gt; &#60;b&#62;`,
	`[a](javascript:alert(1)) ![b](https://example.com/x.png)`,
	"```\n# heading\n```",
	"` `` ``` code",
	`a | b \| c \\| d`,
	"# no heading", "- no item", "1. no item", "=== no heading", "> no quote",
	"line\r\nline\rline\u2028line\u2029line\u0085line",
	"\x00\x01\x1b[31m\x7f\u0080",
	"\u202eesrever\u202c \u2066\u2069 \u200e\ufeff \ufffe\U0010ffff",
	"\U0001f600 ä 名 ﷽",
	"   \n\t  ",
	strings.Repeat("long", 60),
}

// withText returns a schema that has a text wherever any text may be.
func withText(text string) string {
	q := strconv.Quote(text)                           // YAML knows the escapes of Go
	value := strconv.Quote(text[:min(len(text), 200)]) // an enum value is short
	return `
ipcio: 1
protocol: p
doc: ` + q + `
types:
  E: {doc: ` + q + `, deprecated: ` + q + `, enum: {` + value + `: {doc: ` + q + `, deprecated: ` + q + `}}}
  S: {fields: {f: {type: opt<string>, doc: ` + q + `, deprecated: ` + q + `, default: ` + q + `}, g: {type: string, in: [` + q + `]}}}
  U: {union: {v: {f: {type: string, doc: ` + q + `}}}}
  N: {type: string, pattern: ` + strconv.Quote(regexp.QuoteMeta(text)) + `, doc: ` + q + `}
errors:
  X: {doc: ` + q + `, deprecated: ` + q + `, fields: {f: {type: bool, doc: ` + q + `}}}
commands:
  a.b: {doc: ` + q + `, deprecated: ` + q + `, payload: {e: E}, reply: {r: {type: bool, doc: ` + q + `}}, errors: [X]}
reserved: [` + strconv.Quote("E."+value[1:2]) + `]
`
}

func TestHostileText(t *testing.T) {
	plain := checkPage(t, loadText(t, withText("plain")))
	for _, text := range hostile {
		if strings.TrimSpace(text) == "" {
			continue // an empty deprecated is refused
		}
		s := loadText(t, withText(text))
		v := checkPage(t, s)
		for tag, n := range v.tags {
			if tag != "p" && n != plain.tags[tag] {
				t.Errorf("%q: %d <%s>, want %d", text, n, tag, plain.tags[tag])
			}
		}
		if len(v.ids) != len(plain.ids) {
			t.Errorf("%q: %d anchors, want %d", text, len(v.ids), len(plain.ids))
		}
		for _, page := range []string{v.text, string(docs.Markdown(s))} {
			for _, r := range page {
				if r < ' ' && r != '\n' || r == 0x7f || r == 0x85 || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0x2028 || r == 0x2029 || r == 0xfffe {
					t.Fatalf("%q: U+%04X is in the output", text, r)
				}
			}
		}
	}
}

// Text in Markdown begins no element: what it holds stands in code or is
// escaped.
func TestHostileMarkdown(t *testing.T) {
	structure := func(text string) (list []string) {
		md := string(docs.Markdown(loadText(t, withText(text))))
		inFence := false
		for line := range strings.SplitSeq(md, "\n") {
			switch {
			case strings.HasPrefix(line, "```"):
				inFence = !inFence
				list = append(list, "fence")
			case inFence:
			case strings.HasPrefix(line, "#"):
				list = append(list, line)
			case strings.HasPrefix(line, "|"):
				list = append(list, strconv.Itoa(cells(line))+" cells")
			case strings.HasPrefix(line, "<a id="):
				list = append(list, line)
			case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "> "), strings.HasPrefix(line, "="), regexp.MustCompile(`^[0-9]+[.)]`).MatchString(line):
				list = append(list, "an element: "+line)
			}
		}
		return list
	}
	want := structure("plain")
	for _, text := range hostile {
		if strings.TrimSpace(text) == "" {
			continue
		}
		got := structure(text)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q changes the structure:\n%s\nwant\n%s", text, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		md := string(docs.Markdown(loadText(t, withText(text))))
		for _, tag := range regexp.MustCompile(`<[a-zA-Z/!?][^>\n]*>`).FindAllString(withoutCode(md), -1) {
			if !strings.HasPrefix(tag, "<a id=") && tag != "</a>" && tag != "<code>" && tag != "</code>" {
				t.Errorf("%q: a tag in Markdown: %s", text, tag)
			}
		}
	}
}

// cells counts the cells of a row as GitHub does: a bar ends one unless a
// backslash stands before it, in code too.
func cells(line string) int {
	n := -1
	for i := range len(line) {
		if line[i] == '|' && (i == 0 || line[i-1] != '\\') {
			n++
		}
	}
	return n
}

// withoutCode removes inline code: what stands between equal numbers of
// backquotes.
func withoutCode(md string) string {
	var b strings.Builder
	for i := 0; i < len(md); {
		if md[i] == '\\' && i+1 < len(md) {
			b.WriteString(md[i : i+2])
			i += 2
			continue
		}
		n := 0
		for i+n < len(md) && md[i+n] == '`' {
			n++
		}
		if n == 0 {
			b.WriteByte(md[i])
			i++
			continue
		}
		fence := md[i : i+n]
		i += n
		for rest := i; ; {
			j := strings.Index(md[rest:], fence)
			if j < 0 {
				break
			}
			j += rest
			if (j == 0 || md[j-1] != '`') && (j+n == len(md) || md[j+n] != '`') {
				i = j + n
				break
			}
			for rest = j; rest < len(md) && md[rest] == '`'; rest++ {
			}
		}
	}
	return b.String()
}
