package export_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/generator/export"
)

// TestOthers has the exports read by tools that know nothing of us: the parser
// of AsyncAPI, ajv for JSON Schema and its vectors, a parser of CDDL. They are
// the packages of testdata/package.json; make exportcheck installs them.
func TestOthers(t *testing.T) {
	packages := os.Getenv("EXPORT_NODE_PATH")
	if packages == "" {
		t.Skip("EXPORT_NODE_PATH does not say where the packages of testdata/package.json are: use make exportcheck")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, input m) string {
		t.Helper()
		b, err := json.Marshal(input)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "check.mjs"))
		cmd.Env = append(os.Environ(), "NODE_PATH="+packages)
		cmd.Stdin = bytes.NewReader(b)
		var out, trouble bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &trouble
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s%s", err, &out, &trouble)
		}
		return out.String()
	}
	if missing := check(t, m{"probe": []string{"@asyncapi/parser", "ajv/dist/2020", "ajv-formats", "cddl"}}); missing != "" {
		t.Fatalf("not installed: %s", strings.Join(strings.Fields(missing), ", "))
	}

	for _, sample := range samples {
		t.Run(sample, func(t *testing.T) {
			s := load(t, sample)
			input := func() m {
				doc := export.CDDL(s)
				file := filepath.Join(t.TempDir(), "export.cddl")
				if err := os.WriteFile(file, doc, 0o644); err != nil {
					t.Fatal(err)
				}
				e, err := parseCDDL(string(doc))
				if err != nil {
					t.Fatal(err)
				}
				var list []m
				for _, v := range vectors {
					if v.sample == sample && v.json != "" {
						list = append(list, m{"name": v.name, "json": v.json, "ok": v.ok})
					}
				}
				return m{
					"asyncapi": string(export.AsyncAPI(s)), "jsonschema": string(export.JSONSchema(s)),
					"cddlFile": file, "rules": e.order, "vectors": list,
				}
			}
			if wrong := check(t, input()); wrong != "" {
				t.Error(wrong)
			}

			// The tools do find what is wrong.
			broken := input()
			broken["asyncapi"] = strings.Replace(broken["asyncapi"].(string), `"action": "receive"`, `"action": "accept"`, 1)
			broken["rules"] = append(slices.Clone(broken["rules"].([]string)), "missing")
			broken["vectors"] = append(slices.Clone(broken["vectors"].([]m)), m{"name": "error." + s.Errors[0].Name, "json": "1", "ok": true})
			wrong := check(t, broken)
			for _, tool := range []string{"asyncapi: ", "jsonschema: ", "cddl: "} {
				if !strings.Contains(wrong, tool) {
					t.Errorf("nothing from %sabout a broken export:\n%s", tool, wrong)
				}
			}
		})
	}
}
