package docs_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ipcio/ipcio-go/generator/docs"
	"github.com/ipcio/ipcio-go/schema"
)

// A tree is what a reader of the page gets to see and to follow.
type tree struct {
	ids   map[string]int // how often each anchor is there
	links []string
	tags  map[string]int
	text  string
}

// parse reads a page as XML, which fails on any tag that is not closed, any
// attribute without quotes and any text that is not escaped.
func parse(t *testing.T, page []byte) tree {
	t.Helper()
	v := tree{ids: make(map[string]int), tags: make(map[string]int)}
	var text strings.Builder
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			v.text = text.String()
			return v
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			v.tags[token.Name.Local]++
			for _, a := range token.Attr {
				switch {
				case a.Name.Local == "id":
					v.ids[a.Value]++
				case a.Name.Local == "href":
					v.links = append(v.links, a.Value)
				case a.Name.Local == "src", strings.HasPrefix(a.Name.Local, "on"):
					t.Errorf("<%s %s=%q>", token.Name.Local, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			text.Write(token)
		}
	}
}

func checkPage(t *testing.T, s *schema.Schema) tree {
	t.Helper()
	page := docs.HTML(s)
	v := parse(t, page)
	for id, n := range v.ids {
		if n != 1 {
			t.Errorf("%d elements have the id %s", n, id)
		}
	}
	for _, l := range v.links {
		if anchor, ok := strings.CutPrefix(l, "#"); !ok || v.ids[anchor] == 0 {
			t.Errorf("the link %s leads nowhere", l)
		}
	}
	for _, tag := range []string{"script", "link", "img", "iframe", "object", "embed", "base", "form", "b", "i"} {
		if v.tags[tag] > 0 {
			t.Errorf("%d <%s>", v.tags[tag], tag)
		}
	}
	for _, word := range []string{"http://", "https://", "url(", "@import"} {
		if bytes.Contains(page, []byte(word)) && !strings.Contains(v.text, word) {
			t.Errorf("the page holds %s", word)
		}
	}
	return v
}

func TestHTML(t *testing.T) {
	for _, sample := range samples {
		s := load(t, sample)
		v := checkPage(t, s)
		anchors := []string{"overview", "evolution", "types", "errors"}
		for _, c := range s.Commands {
			anchors = append(anchors, c.Name)
		}
		for _, e := range s.Errors {
			anchors = append(anchors, "error."+e.Name)
		}
		for _, typ := range s.Types {
			anchors = append(anchors, "type."+typ.Name)
		}
		for _, a := range anchors {
			if v.ids[a] == 0 {
				t.Errorf("%s: no anchor %s", sample, a)
			}
		}
		if got, want := v.tags["svg"], 5; got != want {
			t.Errorf("%s: %d drawings, want one of everything and one for each of 4 directions", sample, got)
		}
	}
}

func TestSecretDefault(t *testing.T) {
	s := load(t, "everything")
	for _, f := range forms {
		page := f.render(s)
		if bytes.Contains(page, []byte("hunter2")) {
			t.Errorf("%s shows the default of a secret field", f.suffix)
		}
		if !bytes.Contains(page, []byte("has a default")) {
			t.Errorf("%s does not say that a secret field has a default", f.suffix)
		}
	}
}

// Commands that are called like sections keep anchors of their own.
func TestAnchorsOfSections(t *testing.T) {
	s := loadText(t, `
ipcio: 1
protocol: p
types: {T: uuid}
errors: {E: {}}
commands: {types: {}, errors: {reply: {}, errors: [E]}, overview: {}, evolution: {payload: {x: T}}, type: {}}
`)
	if v := checkPage(t, s); v.ids["Command.types"] != 1 || v.ids["types"] != 1 || v.ids["type"] != 1 {
		t.Errorf("anchors: %v", v.ids)
	}
}

// The least schema has no drawing and no lists.
func TestLeast(t *testing.T) {
	v := checkPage(t, loadText(t, "ipcio: 1\nprotocol: p\ncommands: {}\n"))
	if v.tags["svg"] != 0 || v.tags["table"] != 0 || !strings.Contains(v.text, "Nothing is deprecated.") {
		t.Errorf("%d drawings, %d tables:\n%s", v.tags["svg"], v.tags["table"], v.text)
	}
}

func loadText(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte(text)}}, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
