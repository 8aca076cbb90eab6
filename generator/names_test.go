package generator

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/schema"
)

func TestDerive(t *testing.T) {
	n, _ := newNames(&schema.Schema{Protocol: "p", Files: []string{"commands.yaml"}, Go: schema.GoOptions{Initialisms: []string{"GPU", "gRPC", "IPv6"}}})
	for in, want := range map[string]string{
		"job.submit":     "JobSubmit",
		"job_submit_id":  "JobSubmitID",
		"gui.url_opened": "GUIURLOpened",
		"in-progress":    "InProgress",
		"inProgress":     "InProgress",
		"not so good":    "NotSoGood",
		"utf8":           "UTF8",
		"ids":            "Ids",
		"identity":       "Identity",
		"3":              "3",
		"3d":             "3d",
		"gpu_load":       "GPULoad",
		"grpc.call":      "GRPCCall",
		"ipv6":           "IPv6",
		"über.straße":    "BerStraE",
		"名":              "",
		"_":              "",
		"a__b":           "AB",
		"a\u0080b":       "AB",
		"a\u007fb":       "AB",
		"az_AZ.z9/a0":    "AzAZZ9A0",
		"a@b[c`d{e":      "ABCDE",
		"z/9:0":          "Z90",
	} {
		if got := n.derive(in); got != want {
			t.Errorf("derive(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestCollisions shows the findings about names as people see them.
func TestCollisions(t *testing.T) {
	const path = "testdata/names/collisions.txtar"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	input, want, _ := strings.Cut(string(data), "-- want --\n")
	_, yaml, _ := strings.Cut(input, "-- commands.yaml --\n")
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte(yaml)}}, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := Check(s)
	var got bytes.Buffer
	if err := found.Render(&got); err != nil {
		t.Fatal(err)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(input+"-- want --\n"+got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("run go test -update and look at the difference (-want +got):\n%s", diff)
	}
	if _, err := Generate(s, Options{}); err == nil {
		t.Error("Generate writes a package with names that meet")
	}
	for _, d := range found {
		line, ok := s.Excerpt(d.Pos)
		if n := utf8.RuneCountInString(line); !ok || d.Pos.Column < 1 || d.Pos.Column+d.Length > n+1 || d.Hint == "" {
			t.Errorf("%v: it stands outside of its line of %d, or nothing says what to type instead", d, n)
		}
	}
	for _, code := range schema.Codes() {
		if !strings.HasPrefix(string(code), "E05") {
			continue // found by package schema, whose tests do the same
		}
		if !slices.ContainsFunc(found, func(d schema.Diagnostic) bool { return d.Code == code }) {
			t.Errorf("%s is not in the golden file", code)
		}
	}
}

func TestPackageNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"jobs": true, "jobs2": true, "main": true, "codec": true, "my_jobs": true,
		"":     true, // the protocol's
		"func": false, "type": false, "2jobs": false, "Jobs": false, "jobs-2": false, "jobs_test": false, "_": false,
		"j\nobs": false, "jobs;": false, "jöbs": false, "a b": false, "// x": false,
	} {
		s := &schema.Schema{Protocol: "p", Version: 1, Files: []string{"commands.yaml"}, Go: schema.GoOptions{Package: name}}
		found := Check(s)
		if ok != (found == nil) {
			t.Errorf("package name %q: %v", name, found)
		}
	}
	if got := Package(&schema.Schema{Protocol: "job_runner"}); got != "jobrunner" {
		t.Errorf("the package of job_runner is %s", got)
	}
}

// TestRuntimeMethods compares the runtime with the rule that its methods never
// begin with a verb of the generator and a word.
func TestRuntimeMethods(t *testing.T) {
	var got []string
	for _, typ := range []reflect.Type{reflect.TypeFor[*ipcio.Server](), reflect.TypeFor[*ipcio.Client](), reflect.TypeFor[*ipcio.Peer]()} {
		for i := range typ.NumMethod() {
			name := typ.Method(i).Name
			for _, verb := range verbs {
				rest, ok := strings.CutPrefix(name, verb)
				if ok && rest != "" && unicode.IsUpper(rune(rest[0])) && !slices.Contains(got, name) {
					got = append(got, name)
				}
			}
		}
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(runtimeMethods))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runtimeMethods and the runtime differ (-list +runtime):\n%s", diff)
	}
}

// TestPackageNamesAreComplete compares the list with what is generated.
func TestPackageNamesAreComplete(t *testing.T) {
	s := &schema.Schema{Protocol: "p", Version: 1, Files: []string{"commands.yaml"}}
	got := exportedNames(t, s)
	want := slices.Sorted(slices.Values(packageNames))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packageNames and an empty package differ (-list +package):\n%s", diff)
	}
}
