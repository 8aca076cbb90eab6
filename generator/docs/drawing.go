package docs

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode/utf8"

	"github.com/ipcio/ipcio-go/schema"
)

// A drawing is a sequence diagram: a lifeline for each party, an arrow for each
// row. It is SVG that takes its colours from the page.
type drawing struct {
	label   string // for those who do not see it
	parties []string
	rows    []row
}

// A row is an arrow from one party to another.
type row struct {
	text, anchor string
	old          bool // deprecated
	from, to     int
	both         bool   // the arrow has two heads
	via          int    // the party between that passes the message on, or -1
	answer       string // text of the arrow back; "" if there is none
}

// The parties of a direction.
const (
	aClient = iota
	theServer
	anotherClient
)

// overview draws who may send to whom, with how many commands there are.
func (p *page) overview() drawing {
	d := drawing{label: "Who sends to whom", parties: []string{"client", "server"}}
	for _, g := range p.Groups {
		r := route(g.Direction)
		if r.to == anotherClient {
			d.parties = []string{"client", "server", "other client"}
		}
		r.text, r.anchor = count(len(g.Commands), "command"), g.Anchor
		d.rows = append(d.rows, r)
	}
	return d
}

// drawing draws the commands of a group.
func (g *group) drawing() drawing {
	d := drawing{label: "The commands " + g.Direction.String(), parties: []string{"client", "server"}}
	for _, c := range g.Commands {
		r := route(g.Direction)
		if r.to == anotherClient {
			d.parties = []string{"client", "server", "other client"}
		}
		r.text, r.anchor, r.old = c.Name, c.Anchor, c.Deprecated != ""
		r.answer = c.answer()
		d.rows = append(d.rows, r)
	}
	return d
}

// answer says in a few words what comes back.
func (c *command) answer() string {
	switch {
	case c.Reply == nil:
		return ""
	case c.Reply.Named != nil:
		return c.Reply.Named.Text
	case len(c.Reply.Fields) == 0:
		return "done"
	}
	text := c.Reply.Fields[0].Name
	for _, f := range c.Reply.Fields[1:] {
		if len(text)+len(f.Name) > 28 {
			return text + ", …"
		}
		text += ", " + f.Name
	}
	return text
}

func route(d schema.Direction) row {
	switch d {
	case schema.ServerToClient:
		return row{from: theServer, to: aClient, via: -1}
	case schema.Both:
		return row{from: aClient, to: theServer, both: true, via: -1}
	case schema.ClientToClient:
		return row{from: aClient, to: anotherClient, via: theServer}
	}
	return row{from: aClient, to: theServer, via: -1}
}

// Sizes of a drawing, in pixels of CSS.
const (
	glyph     = 7.9 // width of a character of a label: 13 px of a monospaced font
	headTop   = 8
	headSize  = 28
	headWidth = 112
	margin    = headWidth/2 + 4
	rowSize   = 34
	backSize  = 24
	smallest  = 0.75 // how far a narrow window may shrink a drawing before it scrolls
)

// svg renders the drawing.
func (d drawing) svg() template.HTML {
	span := 230.0 // between two lifelines
	if len(d.parties) > 2 {
		span = 180
	}
	for _, r := range d.rows {
		widest := max(utf8.RuneCountInString(r.text), utf8.RuneCountInString(r.answer))
		span = max(span, (float64(widest)*glyph+40)/float64(len(d.parties)-1))
	}
	x := func(party int) float64 { return margin + float64(party)*span }
	width := x(len(d.parties)-1) + margin
	height := float64(headTop + headSize + 12)
	for _, r := range d.rows {
		height += rowSize
		if r.answer != "" {
			height += backSize
		}
	}

	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="drawing" role="group" aria-label="%s" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" style="min-width: %.0fpx">`,
		html.EscapeString(d.label), width, height, width, height, width*smallest)
	for i, name := range d.parties {
		fmt.Fprintf(&b, `<line class="life" x1="%.1f" y1="%d" x2="%.1f" y2="%.1f"/>`, x(i), headTop+headSize, x(i), height)
		fmt.Fprintf(&b, `<rect class="party" x="%.1f" y="%d" width="%d" height="%d" rx="6"/>`, x(i)-headWidth/2, headTop, headWidth, headSize)
		fmt.Fprintf(&b, `<text class="name" x="%.1f" y="%d">%s</text>`, x(i), headTop+19, html.EscapeString(name))
	}
	y := float64(headTop + headSize + 6)
	for _, r := range d.rows {
		y += rowSize
		class := "label"
		if r.old {
			class += " old"
		}
		fmt.Fprintf(&b, `<a href="#%s"><text class="%s" x="%.1f" y="%.1f">%s</text></a>`,
			html.EscapeString(r.anchor), class, (x(r.from)+x(r.to))/2, y-7, html.EscapeString(r.text))
		arrow(&b, "", x(r.from), x(r.to), y, r.both)
		if r.via >= 0 {
			fmt.Fprintf(&b, `<circle class="via" cx="%.1f" cy="%.1f" r="4"/>`, x(r.via), y)
		}
		if r.answer != "" {
			y += backSize
			fmt.Fprintf(&b, `<text class="answer" x="%.1f" y="%.1f">%s</text>`, (x(r.from)+x(r.to))/2, y-6, html.EscapeString(r.answer))
			arrow(&b, " back", x(r.to), x(r.from), y, r.both)
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // every text in it is escaped above
}

// arrow draws a line with a head at its end, or at both.
func arrow(b *strings.Builder, class string, from, to, y float64, both bool) {
	step := 8.0 // of a head, towards the tail
	if to > from {
		step = -step
	}
	fmt.Fprintf(b, `<line class="arrow%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, from, y, to, y)
	head := func(tip, step float64) {
		fmt.Fprintf(b, `<polygon class="head%s" points="%.1f,%.1f %.1f,%.1f %.1f,%.1f"/>`, class, tip, y, tip+step, y-4, tip+step, y+4)
	}
	head(to, step)
	if both {
		head(from, -step)
	}
}
