package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// reserve adds paths to reserved: in the schema file and returns the schema
// that it then holds. Nothing else in the file changes; it stays in the
// canonical layout if it was.
func (t *tool) reserve(s *schema.Schema, paths []string) (*schema.Schema, error) {
	src, err := os.ReadFile(t.file)
	if err != nil {
		return nil, err
	}
	out := insertReserved(string(src), s, paths)
	if formatted, err := schema.Format(src); err == nil && bytes.Equal(formatted, src) {
		if again, err := schema.Format([]byte(out)); err == nil {
			out = string(again)
		}
	}
	// The text was changed by its looks. Whether that was right is known only
	// from what it means now.
	fsys, root := t.files()
	changed, err := schema.Load(overlay{fsys, root, []byte(out)}, root)
	if err != nil || !sameButReserved(s, changed, paths) {
		return nil, fmt.Errorf("%s: the list under reserved: has a form that --fix cannot add to: add to it yourself: %s",
			t.file, strings.Join(quotedPaths(paths), ", "))
	}
	return changed, replaceFile(t.file, []byte(out))
}

// sameButReserved reports whether b is a with more reserved paths.
func sameButReserved(a, b *schema.Schema, more []string) bool {
	want, got := slices.Clone(more), []string(nil)
	for _, r := range a.Reserved {
		want = append(want, r.Path)
	}
	for _, r := range b.Reserved {
		got = append(got, r.Path)
	}
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(want, got) && bytes.Equal(withoutReserved(a), withoutReserved(b))
}

// withoutReserved returns all of a schema but what is reserved.
func withoutReserved(s *schema.Schema) []byte {
	members := map[string]json.RawMessage{}
	err := json.Unmarshal(s.JSON(), &members)
	if err == nil {
		delete(members, "reserved")
		members["fingerprint"], err = json.Marshal(s.Fingerprint())
	}
	rest, err2 := json.Marshal(members)
	if err := errors.Join(err, err2); err != nil {
		panic(err) // it is JSON
	}
	return rest
}

var emptyReserved = regexp.MustCompile(`(?m)^reserved:[ \t]*\[\s*\]`)

// insertReserved writes paths after the last one that is reserved, in the same
// style, or a list of them at the end of the file. It goes by the looks of the
// text, so what it returns need not mean what it should.
func insertReserved(src string, s *schema.Schema, paths []string) string {
	words := quotedPaths(paths)
	list := "reserved: [" + strings.Join(words, ", ") + "]"
	eol := "\n"
	if strings.Contains(src, "\r\n") {
		eol = "\r\n"
	}
	if len(s.Reserved) == 0 {
		if at := emptyReserved.FindStringIndex(src); at != nil {
			return src[:at[0]] + list + src[at[1]:]
		}
		if !strings.HasSuffix(src, "\n") {
			src += eol
		}
		return src + eol + list + eol
	}
	last := s.Reserved[len(s.Reserved)-1].Pos
	lines := strings.SplitAfter(src, "\n")
	if last.Line > len(lines) {
		return src // its lines end in a way of their own
	}
	line := lines[last.Line-1]
	runes := []rune(line)
	before := string(runes[:min(last.Column-1, len(runes))])
	var quote string // that the last path stands in
	if n := len(before); n > 0 && (before[n-1] == '"' || before[n-1] == '\'') {
		quote = before[n-1:]
	}
	if item := strings.TrimSuffix(before, quote); strings.TrimLeft(item, " ") == "- " {
		if !strings.HasSuffix(line, "\n") {
			line += eol
		}
		for _, word := range words {
			line += item + word + eol
		}
		lines[last.Line-1] = line
		return strings.Join(lines, "")
	}
	rest := line[len(before):]
	end := strings.IndexAny(rest, ",]\r\n")
	if quote != "" {
		end = strings.Index(rest, quote) + 1
	}
	if end < 0 {
		end = len(rest)
	}
	end = len(strings.TrimRight(rest[:end], " \t"))
	lines[last.Line-1] = before + rest[:end] + ", " + strings.Join(words, ", ") + rest[end:]
	return strings.Join(lines, "")
}

var (
	plainPath = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$`)
	yamlWord  = regexp.MustCompile(`(?i)^(null|true|false|yes|no|on|off|y|n)$`)
)

// quotedPaths returns paths as they stand in YAML. A text in JSON is one there.
func quotedPaths(paths []string) []string {
	quoted := make([]string, len(paths))
	for i, p := range paths {
		if plainPath.MatchString(p) && !yamlWord.MatchString(p) {
			quoted[i] = p
			continue
		}
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(p); err != nil {
			panic(err) // a text can be encoded
		}
		quoted[i] = strings.TrimSuffix(b.String(), "\n")
	}
	return quoted
}
