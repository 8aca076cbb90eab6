package schema_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ipcio/ipcio-go/schema"
)

// TestCompareGoldens compares the reports about pairs of schemas with what is
// written beside them. The first word of a file name is the rule that the file
// is about. The comment holds the options: a policy, allow-major, or lock for
// an old schema from a snapshot.
func TestCompareGoldens(t *testing.T) {
	paths, err := filepath.Glob("testdata/compat/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	produced := make(map[[2]string]bool)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			old, new := archiveSchema(t, ar, "old.yaml"), archiveSchema(t, ar, "new.yaml")
			var opts schema.CompareOptions
			for _, word := range strings.Fields(string(ar.Comment)) {
				policy, isPolicy := schema.ParsePolicy(word)
				switch {
				case isPolicy:
					opts.Policy = policy
				case word == "allow-major":
					opts.AllowMajor = true
				case word == "lock":
					if old, err = schema.ParseSnapshot(schema.Snapshot(old)); err != nil {
						t.Fatal(err)
					}
				default:
					t.Fatalf("unknown option %q", word)
				}
			}
			report := schema.Compare(old, new, opts)
			about, _, _ := strings.Cut(name, "-")
			hit := !strings.HasPrefix(about, "B")
			for _, c := range report.Changes {
				produced[[2]string{string(c.Rule.ID), c.Rule.Case}] = true
				hit = hit || string(c.Rule.ID) == about
				if c.Verdict != schema.AnyOrder && len(c.Witnesses) == 0 && !c.Undecided {
					t.Errorf("%s %s has no witness", c.Rule.ID, c.Path)
				}
				for _, w := range c.Witnesses {
					if err := refuted(old, new, w); err != nil {
						t.Errorf("%s %s: witness %s: %v", c.Rule.ID, c.Path, w, err)
					}
				}
			}
			got := text(t, report)
			if !hit {
				t.Errorf("no change is a %s:\n%s", about, got)
			}
			compareGolden(t, path, ar, "want", got)
			if archiveHas(ar, "want.json") {
				data, err := json.MarshalIndent(report, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				compareGolden(t, path, ar, "want.json", string(data)+"\n")
			}
		})
	}
	for _, r := range schema.Rules() {
		if !produced[[2]string{string(r.ID), r.Case}] {
			t.Errorf("no golden produces %s %s (%s)", r.ID, r.Case, r.Title)
		}
	}
}

func archiveSchema(t *testing.T, ar *txtar.Archive, name string) *schema.Schema {
	t.Helper()
	for _, f := range ar.Files {
		if f.Name == name {
			s, err := load(string(f.Data))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return s
		}
	}
	t.Fatalf("%s is missing", name)
	return nil
}

func archiveHas(ar *txtar.Archive, name string) bool {
	for _, f := range ar.Files {
		if f.Name == name {
			return true
		}
	}
	return false
}

// compareGolden compares a file of an archive, or writes it with -update.
func compareGolden(t *testing.T, path string, ar *txtar.Archive, name, got string) {
	t.Helper()
	i := 0
	for i < len(ar.Files) && ar.Files[i].Name != name {
		i++
	}
	if i == len(ar.Files) {
		ar.Files = append(ar.Files, txtar.File{Name: name})
	}
	if flag.Lookup("update").Value.String() == "true" {
		ar.Files[i].Data = []byte(got)
		if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(ar.Files[i].Data), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites)\n%s", name, diff)
	}
}
