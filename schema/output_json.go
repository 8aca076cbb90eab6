package schema

import (
	"encoding/json"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
)

// WriteJSON writes the findings as one indented JSON object, for programs:
//
//	{"findings": [{"code": "E0201", "severity": "error", "message": "…",
//	  "file": "commands.yaml", "line": 5, "column": 11, "length": 7,
//	  "label": "…", "hint": "…", "notes": [{"message": "…", "file": …}]}],
//	 "leftOut": 0}
//
// Lines and columns count from 1, columns and lengths in runes. Members that
// have nothing to say are absent. It returns the first error of w.
func (ds Diagnostics) WriteJSON(w io.Writer) error {
	out := struct {
		Findings []jsonFinding `json:"findings"`
		LeftOut  int           `json:"leftOut"`
	}{Findings: []jsonFinding{}}
	for _, d := range ds {
		f := jsonFinding{
			Code: d.Code, Severity: d.Severity.String(), Message: d.Message,
			jsonPlace: placeOf(d.Pos, d.Length), Label: d.Label, Hint: d.Hint,
		}
		for _, n := range d.Notes {
			f.Notes = append(f.Notes, jsonNote{n.Message, placeOf(n.Pos, n.Length)})
		}
		out.Findings = append(out.Findings, f)
		out.LeftOut = d.LeftOut
	}
	return writeIndented(w, out)
}

type jsonPlace struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Length int    `json:"length,omitempty"`
}

func placeOf(p Position, length int) jsonPlace { return jsonPlace{p.File, p.Line, p.Column, length} }

type jsonFinding struct {
	Code     Code   `json:"code"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	jsonPlace
	Label string     `json:"label,omitempty"`
	Hint  string     `json:"hint,omitempty"`
	Notes []jsonNote `json:"notes,omitempty"`
}

type jsonNote struct {
	Message string `json:"message"`
	jsonPlace
}

func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// WriteSARIF writes the findings as a SARIF 2.1.0 log with one run, which code
// hosting sites and editors read. Columns are counted in runes, from 1. It
// returns the first error of w.
func (ds Diagnostics) WriteSARIF(w io.Writer) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver.Name = "ipcio-gen"
	run.Tool.Driver.Rules = []sarifRule{}
	var codes []Code
	for _, d := range ds {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for _, c := range codes {
		e, ok := Explain(c)
		if rules := FindRules(c); !ok && len(rules) > 0 {
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
				ID: c, Short: sarifText{rules[0].Title}, Full: sarifText{rules[0].Cause}, Help: sarifText{rules[0].Fix},
			})
			continue
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: c, Short: sarifText{e.Title}, Full: sarifText{e.Cause}, Help: sarifText{"Instead of:\n" + e.Example + "\nwrite:\n" + e.Fix},
		})
	}
	for _, d := range ds {
		text := d.Message
		if d.Label != "" {
			text += " (" + d.Label + ")"
		}
		if d.Hint != "" {
			text += ". Hint: " + d.Hint
		}
		index, _ := slices.BinarySearch(codes, d.Code)
		r := sarifResult{RuleID: d.Code, RuleIndex: index, Level: d.Severity.String(), Message: sarifText{text}}
		r.Locations = append(r.Locations, locationOf(d.Pos, d.Length, nil))
		for _, n := range d.Notes {
			r.Related = append(r.Related, locationOf(n.Pos, n.Length, &sarifText{n.Message}))
		}
		run.Results = append(run.Results, r)
	}
	if more := ds.leftOut(); more != "" {
		run.Invocations = []sarifInvocation{{Successful: true, Notifications: []sarifNotification{{"note", sarifText{more}}}}}
	}
	return writeIndented(w, struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func locationOf(p Position, length int, message *sarifText) sarifLocation {
	l := sarifLocation{Message: message}
	l.Physical.Artifact.URI = fileURI(p.File)
	if p.IsValid() {
		l.Physical.Region = &sarifRegion{p.Line, p.Column, p.Column + max(length, 1)}
	}
	return l
}

// fileURI returns a relative path as a relative URI reference, and an absolute
// one as a URI.
func fileURI(file string) string {
	if path.IsAbs(file) {
		return (&url.URL{Scheme: "file", Path: file}).String()
	}
	parts := strings.Split(file, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID    Code      `json:"id"`
	Short sarifText `json:"shortDescription"`
	Full  sarifText `json:"fullDescription"`
	Help  sarifText `json:"help"`
}

type sarifRegion struct {
	Line      int `json:"startLine"`
	Column    int `json:"startColumn"`
	EndColumn int `json:"endColumn"` // of the character after the last
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
	Message *sarifText `json:"message,omitempty"`
}

type sarifResult struct {
	RuleID    Code            `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
	Related   []sarifLocation `json:"relatedLocations,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications"`
}

type sarifRun struct {
	Tool struct {
		Driver struct {
			Name  string      `json:"name"`
			Rules []sarifRule `json:"rules"`
		} `json:"driver"`
	} `json:"tool"`
	ColumnKind  string            `json:"columnKind"`
	Invocations []sarifInvocation `json:"invocations,omitempty"`
	Results     []sarifResult     `json:"results"`
}
