package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestBroken checks what people who know the README only are told about their
// mistakes: one finding each, with a hint.
func TestBroken(t *testing.T) {
	path, err := filepath.Abs("testdata/broken.txtar")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(archive.Files); n < 300 || n%2 != 0 {
		t.Fatalf("%s holds %d files: want at least 150 schemas, each with what is said about it", path, n)
	}
	for i := 0; i < len(archive.Files); i += 2 {
		src, want := archive.Files[i], &archive.Files[i+1]
		name := strings.TrimSuffix(src.Name, ".yaml")
		if want.Name != name+".want" {
			t.Fatalf("%s is followed by %s", src.Name, want.Name)
		}
		t.Run(name, func(t *testing.T) {
			inDir(t, map[string]string{"commands.yaml": string(src.Data)})
			var out, text bytes.Buffer
			if status := run([]string{"check"}, nil, &out, &text); status != exitFindings {
				t.Fatalf("status %d\n%s", status, text.String())
			}
			if *updateScripts {
				want.Data = text.Bytes()
			}
			if diff := cmp.Diff(string(want.Data), text.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if status := run([]string{"check", "--format", "json"}, nil, &out, &text); status != exitFindings {
				t.Fatalf("status %d with --format json", status)
			}
			var report struct{ Findings []struct{ Hint string } }
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			if n := len(report.Findings); n != 1 {
				t.Fatalf("there are %d findings about one mistake:\n%s", n, text.String())
			}
			if report.Findings[0].Hint == "" {
				t.Errorf("nothing says what to type:\n%s", text.String())
			}
		})
	}
	if *updateScripts {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
