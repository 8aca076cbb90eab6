package schema

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// leftOut returns a sentence about the findings that are not reported, or "".
func (ds Diagnostics) leftOut() string {
	if len(ds) == 0 || ds[len(ds)-1].LeftOut == 0 {
		return ""
	}
	n := ds[len(ds)-1].LeftOut
	switch {
	case n == 1:
		return "1 more finding is not shown"
	case n >= maxCollected-MaxDiagnostics:
		return "at least " + strconv.Itoa(n) + " more findings are not shown"
	}
	return strconv.Itoa(n) + " more findings are not shown"
}

// WriteGitHub writes one workflow command a line, which GitHub Actions shows
// beside the source. Columns are counted in runes, from 1. It returns the first
// error of w.
func (ds Diagnostics) WriteGitHub(w io.Writer) error {
	var b strings.Builder
	for _, d := range ds {
		word := d.Severity.String()
		if d.Severity == severityNote {
			word = "notice"
		}
		fmt.Fprintf(&b, "::%s file=%s", word, githubProperty.Replace(d.Pos.File))
		if d.Pos.IsValid() {
			fmt.Fprintf(&b, ",line=%d,col=%d,endColumn=%d", d.Pos.Line, d.Pos.Column, d.Pos.Column+d.Length)
		}
		text := d.Message
		if d.Label != "" {
			text += "\n" + d.Label
		}
		for _, n := range d.Notes {
			text += "\n" + n.Pos.String() + ": " + n.Message
		}
		if d.Hint != "" {
			text += "\nhint: " + d.Hint
		}
		fmt.Fprintf(&b, ",title=%s::%s\n", d.Code, githubText.Replace(text))
	}
	if more := ds.leftOut(); more != "" {
		b.WriteString("::notice::" + more + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
