package docs

import (
	"fmt"
	"html"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// maxDrawn is how many commands of a direction are drawn: viewers refuse
// diagrams that are much larger.
const maxDrawn = 40

// Markdown returns a document about s in GitHub Flavored Markdown. The drawings
// are Mermaid diagrams, which show as their text where these are not known.
func Markdown(s *schema.Schema) []byte {
	p := newPage(s)
	var w markdown
	w.line("# %s", escape(p.Protocol))
	w.line("Version %d.", p.Version)
	w.paragraphs(p.Doc)
	for _, g := range p.Groups {
		w.group(g)
	}
	if len(p.Errors) > 0 {
		w.heading("##", "errors", "Errors")
		w.line("What calls may fail with, beside the errors that every call has, such as a timeout.")
	}
	for _, e := range p.Errors {
		w.heading("###", e.Anchor, code(e.Name))
		if e.Retry {
			w.line("The same call may succeed later.")
		}
		w.about(e.Meta)
		w.fields(e.Body.Fields)
		w.used(e.UsedBy)
	}
	if len(p.Types) > 0 {
		w.heading("##", "types", "Types")
	}
	for _, t := range p.Types {
		w.typ(t)
	}
	w.evolution(p)
	return []byte(strings.TrimSuffix(w.b.String(), "\n"))
}

type markdown struct{ b strings.Builder }

// line writes a block of one line.
func (w *markdown) line(format string, args ...any) {
	fmt.Fprintf(&w.b, format+"\n\n", args...)
}

// heading writes a heading with an anchor of its own: every viewer makes other
// ones from the text.
func (w *markdown) heading(level, anchor, text string) {
	w.line(`<a id="%s"></a>`, html.EscapeString(anchor))
	w.line("%s %s", level, text)
}

func (w *markdown) paragraphs(text string) {
	for _, p := range paragraphs(text) {
		w.line("%s", escapeLine(p))
	}
}

func (w *markdown) about(m schema.Meta) {
	if m.Deprecated != "" {
		w.line("**Deprecated:** %s", escape(oneLine(m.Deprecated)))
	}
	w.paragraphs(m.Doc)
}

func (w *markdown) group(g *group) {
	w.heading("##", g.Anchor, g.Title)
	w.line("%s", g.About)
	if len(g.Commands) <= maxDrawn {
		w.drawing(g.drawing())
	}
	for _, c := range g.Commands {
		w.heading("###", c.Anchor, code(c.Name))
		kind := "An event."
		if c.IsCall() {
			kind = "A call."
		}
		if c.Idempotent {
			kind = "A call that may be repeated when its outcome is unknown."
		}
		w.line("%s", kind)
		w.about(c.Meta)
		w.body("Payload", c.Payload)
		if c.IsCall() {
			w.body("Reply", c.Reply)
		}
		if len(c.Fails) > 0 {
			w.line("Errors: %s", linkList(c.Fails))
		}
	}
}

func (w *markdown) body(title string, b *body) {
	switch {
	case b == nil:
		w.line("%s: none", title)
	case b.Named != nil:
		w.line("%s: %s", title, linkList([]link{*b.Named}))
	case len(b.Fields) == 0:
		w.line("%s: no fields", title)
	default:
		w.line("%s:", title)
		w.fields(b.Fields)
	}
}

func (w *markdown) fields(fields []*field) {
	if len(fields) == 0 {
		return
	}
	w.b.WriteString("| Field | Type | About |\n|---|---|---|\n")
	for _, f := range fields {
		about := cell(f.Meta)
		if len(f.Rules) > 0 {
			about = strings.TrimSpace(codeList(f.Rules) + " " + about)
		}
		optional := ""
		if f.Optional {
			optional = ", optional"
		}
		fmt.Fprintf(&w.b, "| %s | %s%s | %s |\n", code(f.Name), expression(f.Type), optional, about)
	}
	w.b.WriteByte('\n')
}

func (w *markdown) typ(t *typ) {
	w.heading("###", t.Anchor, code(t.Name))
	kind := strings.ToUpper(t.KindName[:1]) + t.KindName[1:]
	switch {
	case t.Kind == schema.NewType:
		kind += " of " + expression(t.Base)
		if len(t.Rules) > 0 {
			kind += ": " + codeList(t.Rules)
		}
	case t.Closed:
		kind += ", closed: readers refuse anything else"
	case t.Kind != schema.Struct:
		kind += ", open: readers keep what they do not know"
	}
	w.line("%s", kind)
	w.about(t.Meta)
	w.fields(t.Fields)
	if len(t.Values) > 0 {
		w.b.WriteString("| Value | About |\n|---|---|\n")
		for _, v := range t.Values {
			fmt.Fprintf(&w.b, "| %s | %s |\n", code(v.Value), cell(v.Meta))
		}
		w.b.WriteByte('\n')
	}
	if len(t.Variants) > 0 {
		w.b.WriteString("| Variant | Holds | About |\n|---|---|---|\n")
		for _, v := range t.Variants {
			holds := "fields, see below"
			switch {
			case v.Type != nil:
				holds = expression(v.Type)
			case len(v.Fields) == 0:
				holds = "no fields"
			}
			fmt.Fprintf(&w.b, "| %s | %s | %s |\n", code(v.Name), holds, cell(v.Meta))
		}
		w.b.WriteByte('\n')
	}
	for _, v := range t.Variants {
		if len(v.Fields) > 0 {
			w.line("%s:", code(v.Name))
			w.fields(v.Fields)
		}
	}
	w.used(t.UsedBy)
}

func (w *markdown) used(by []link) {
	if len(by) > 0 {
		w.line("Used by %s", linkList(by))
	}
}

func (w *markdown) evolution(p *page) {
	w.heading("##", "evolution", "Evolution")
	w.line("Peers with different versions refuse each other. Within version %d, readers skip fields that they do not know, and keep values and variants that they do not know unless the type is closed.", p.Version)
	if len(p.Deprecated) > 0 {
		w.b.WriteString("| Deprecated | Instead |\n|---|---|\n")
		for _, d := range p.Deprecated {
			fmt.Fprintf(&w.b, "| %s | %s |\n", linkList([]link{{d.Name, d.Anchor}}), escape(oneLine(d.Instead)))
		}
		w.b.WriteByte('\n')
	}
	if len(p.Reserved) > 0 {
		w.line("Gone, and not coming back with another meaning: %s", codeList(p.Reserved))
	}
	w.line("Fingerprint: %s", code(p.Fingerprint))
}

// drawing writes a Mermaid sequence diagram. Its texts are names of the schema,
// which hold letters, digits, dots and underscores only, and words of ours.
func (w *markdown) drawing(d drawing) {
	w.b.WriteString("```mermaid\nsequenceDiagram\n")
	id := func(i int) string { return "p" + fmt.Sprint(i) }
	for i, name := range d.parties {
		fmt.Fprintf(&w.b, "  participant %s as %s\n", id(i), name)
	}
	for _, r := range d.rows {
		solid, dashed := "->>", "-->>"
		if r.both {
			solid, dashed = "<<->>", "<<-->>"
		}
		fmt.Fprintf(&w.b, "  %s%s%s: %s\n", id(r.from), solid, id(r.to), r.text)
		if r.answer != "" {
			fmt.Fprintf(&w.b, "  %s%s%s: %s\n", id(r.to), dashed, id(r.from), r.answer)
		}
	}
	w.b.WriteString("```\n\n")
}
