package docs

import (
	"bytes"
	_ "embed"
	"html/template"

	"github.com/ipcio/ipcio-go/schema"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageCSS string

// pageTemplate escapes every text by where it stands. Only the style sheet and
// the drawings are trusted: the first is ours, the second escape for themselves.
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"css":        func() template.CSS { return template.CSS(pageCSS) },
	"paragraphs": paragraphs,
	"line":       oneLine,
	"code":       inCode,
	"count":      count,
	"overview":   func(p *page) template.HTML { return p.overview().svg() },
	"drawing":    func(g *group) template.HTML { return g.drawing().svg() },
}).Parse(pageText))

// HTML returns a page about s: one HTML document that refers to nothing
// outside of itself and runs no script. It is well-formed XML too.
func HTML(s *schema.Schema) []byte {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newPage(s)); err != nil {
		panic("docs: " + err.Error()) // a page has all that the template asks for
	}
	return b.Bytes()
}
