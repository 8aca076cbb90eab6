package schema

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// Severity returns the word for a change: error if it fails, warning if it
// needs an order or changes what something means, else note.
func (c *Change) Severity() string {
	switch {
	case c.Fails:
		return "error"
	case c.Verdict != AnyOrder || c.Rule.Category&(CategoryBehavior|CategoryPolicy) != 0:
		return "warning"
	}
	return "note"
}

// WriteText writes the report for a person to read: each change with its line,
// its witnesses and a hint, and then the order in which to upgrade. With color,
// severities and hints have colours, as in [Diagnostics.WriteText]. It returns
// the first error of w.
//
//	commands.yaml:41:7: error[B102]: required field `JobSubmitPayload.owner` was added
//	41 |       owner: string
//	   |       ^^^^^
//	   = witness: an old client may send job.submit {"tags": []} → missing required field `owner`
//	   = order: client-first
//	   = hint: `owner: opt<string>` is safe in any order
func (r *Report) WriteText(w io.Writer, color bool) error {
	p := painter{b: bufio.NewWriter(w), color: color}
	for i := range r.Changes {
		r.writeChange(p, &r.Changes[i])
		p.text("\n")
	}
	r.writeSummary(p)
	return p.b.Flush()
}

func (r *Report) writeChange(p painter, c *Change) {
	code := string(c.Rule.ID)
	if c.By != "" {
		code += "/" + string(c.By)
	}
	where := r.place(c).String()
	in := r.new
	if c.InOld {
		in = r.old
		where = "old " + where
	}
	if c.Pos.IsValid() {
		p.in(bold, where+":")
		p.text(" ")
	}
	paint := map[string]string{"error": red, "warning": yellow, "note": cyan}[c.Severity()]
	p.in(paint, c.Severity()+"["+code+"]")
	p.in(bold, ": "+printable(c.Message))
	p.text("\n")
	gutter := len(strconv.Itoa(max(c.Pos.Line, 1)))
	excerpt, length := in.mark(c.Pos, 0)
	p.excerpt(c.Pos, length, excerpt, "^", "", gutter, paint)
	remark := func(word, text string) {
		p.text(strings.Repeat(" ", gutter) + " = ")
		p.in(cyan, word)
		p.text(": " + printable(text) + "\n")
	}
	for _, w := range c.Witnesses {
		remark("witness", w.String())
	}
	if c.Undecided {
		remark("witness", "none was found, and there is no proof that there is none")
	}
	if c.Verdict != AnyOrder {
		remark("order", c.Verdict.String())
	}
	if c.Hint != "" {
		remark("hint", c.Hint)
	}
}

// String returns the witness as one sentence.
func (w Witness) String() string {
	article := "a "
	if strings.HasPrefix(w.Writer, "old") {
		article = "an "
	}
	verb := " may send "
	what := w.Command
	switch {
	case w.Command == "":
	case w.Part == "reply":
		verb = " may reply "
	case w.Part != "payload":
		what, verb = w.Part, " may fail with "
	}
	if w.Part == "reply" {
		what += ":"
	}
	if what != "" && w.Text != "" {
		what += " "
	}
	return article + w.Writer + verb + what + w.Text + " → " + w.Reader + ": " + w.Reason
}

func (r *Report) writeSummary(p painter) {
	if len(r.Changes) == 0 {
		p.text("Summary: no changes.\n")
		return
	}
	failing := 0
	for _, c := range r.Changes {
		if c.Fails {
			failing++
		}
	}
	p.text("Summary: " + count(len(r.Changes), "change") + ", " + strconv.Itoa(failing) + " failing. Release order: " + r.orderText() + ".")
	p.text(" (policy " + r.Policy.String() + ": ")
	if failing > 0 {
		p.in(red, "FAIL")
	} else {
		p.text("ok")
	}
	p.text(")\n")
	for i, release := range r.Releases() {
		p.text("Release " + strconv.Itoa(i+1) + ": " + stepsOf(release.Order) + "\n")
		for _, c := range release.Changes {
			p.text("  " + string(c.Rule.ID) + " " + printable(c.Path))
			if c.Verdict == TwoReleases {
				p.text(", " + c.half(i))
			}
			p.text("\n")
		}
	}
}

// half returns what to do in each release about a change that needs both.
func (c *Change) half(release int) string {
	// Readers first if new writers are refused: those who read take the old and
	// the new form before anybody writes the new one.
	tightening := c.Rule.OldReadsNew && !c.Rule.NewReadsOld
	switch {
	case tightening && release == 0:
		return "first half: writers send only what new readers take"
	case tightening:
		return "second half: readers refuse the rest"
	case release == 0:
		return "first half: readers take the old and the new form"
	}
	return "second half: writers send the new form"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (r *Report) orderText() string {
	switch {
	case r.Major:
		return "all together, as the version was raised"
	case r.Order == TwoReleases:
		return "two releases"
	}
	return stepsOf(r.Order)
}

func stepsOf(v Verdict) string {
	switch v {
	case ServerFirst:
		return "1. server  2. clients"
	case ClientFirst:
		return "1. clients  2. server"
	case AnyOrder:
		return "any"
	}
	return "none"
}

type jsonReport struct {
	Policy   string        `json:"policy"`
	Failed   bool          `json:"failed"`
	Major    bool          `json:"major,omitempty"`
	Order    Verdict       `json:"order"`
	Changes  []jsonChange  `json:"changes"`
	Releases []jsonRelease `json:"releases,omitempty"`
}

type jsonChange struct {
	ID        Code          `json:"id"`
	By        Code          `json:"by,omitempty"`
	Severity  string        `json:"severity"`
	Category  Category      `json:"category"`
	Path      string        `json:"path,omitempty"`
	In        string        `json:"in"` // new or old
	File      string        `json:"file,omitempty"`
	Line      int           `json:"line,omitempty"`
	Column    int           `json:"column,omitempty"`
	Message   string        `json:"message"`
	Verdict   Verdict       `json:"verdict"`
	Fails     bool          `json:"fails"`
	Undecided bool          `json:"undecided,omitempty"`
	Witnesses []jsonWitness `json:"witnesses,omitempty"`
	Hint      string        `json:"hint,omitempty"`
}

type jsonWitness struct {
	Writer  string `json:"writer"`
	Reader  string `json:"reader"`
	Command string `json:"command,omitempty"`
	Part    string `json:"part,omitempty"`
	Text    string `json:"text"`
	CBOR    []byte `json:"cbor,omitempty"` // base64
	Reason  string `json:"reason"`
}

type jsonRelease struct {
	Order   Verdict  `json:"order"`
	Changes []string `json:"changes"` // id and path
}

// MarshalJSON returns the report for programs. Members that are absent are
// empty.
func (r *Report) MarshalJSON() ([]byte, error) {
	out := jsonReport{Policy: r.Policy.String(), Failed: r.Failed(), Major: r.Major, Order: r.Order, Changes: []jsonChange{}}
	for _, c := range r.Changes {
		change := jsonChange{
			ID: c.Rule.ID, By: c.By, Severity: c.Severity(), Category: c.Rule.Category, Path: c.Path, In: "new",
			File: r.place(&c).File, Line: c.Pos.Line, Column: c.Pos.Column,
			Message: c.Message, Verdict: c.Verdict, Fails: c.Fails, Undecided: c.Undecided, Hint: c.Hint,
		}
		if c.InOld {
			change.In = "old"
		}
		for _, w := range c.Witnesses {
			change.Witnesses = append(change.Witnesses, jsonWitness(w))
		}
		out.Changes = append(out.Changes, change)
	}
	for _, release := range r.Releases() {
		one := jsonRelease{Order: release.Order}
		for _, c := range release.Changes {
			one.Changes = append(one.Changes, string(c.Rule.ID)+" "+c.Path)
		}
		out.Releases = append(out.Releases, one)
	}
	return json.Marshal(out)
}

// appendJSON appends v, which holds only strings, numbers, truth values, lists
// and objects of these, as compact JSON that keeps < and >.
func appendJSON(b []byte, v any) []byte {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("schema: " + err.Error())
	}
	return append(b, strings.TrimSuffix(text.String(), "\n")...)
}
