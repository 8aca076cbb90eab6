package schema

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// An archive is a text in the txtar form: a comment, and then files that each
// begin with a line "-- name --".
type archive struct {
	comment string
	files   []archiveFile
}

type archiveFile struct{ name, data string }

var archiveMarker = regexp.MustCompile(`(?m)^-- (\S.*) --\n`)

func readArchive(t testing.TB, path string) archive {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	marks := archiveMarker.FindAllStringSubmatchIndex(text, -1)
	if len(marks) == 0 {
		t.Fatalf("%s holds no files", path)
	}
	ar := archive{comment: text[:marks[0][0]]}
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		ar.files = append(ar.files, archiveFile{text[m[2]:m[3]], text[m[1]:end]})
	}
	return ar
}

func (ar archive) String() string {
	var b strings.Builder
	b.WriteString(ar.comment)
	for _, f := range ar.files {
		b.WriteString("-- " + f.name + " --\n" + f.data)
	}
	return b.String()
}

func (ar archive) file(name string) string {
	for _, f := range ar.files {
		if f.name == name {
			return f.data
		}
	}
	return ""
}
