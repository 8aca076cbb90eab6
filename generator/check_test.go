package generator

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/schema"
)

// said returns findings as lines of place, code, message and hint.
func said(found schema.Diagnostics) string {
	var b strings.Builder
	for _, d := range found {
		fmt.Fprintf(&b, "%d:%d %s %s | %s\n", d.Pos.Line, d.Pos.Column, d.Code, d.Message, d.Hint)
	}
	return b.String()
}

const usableHint = "use a capital letter, then letters and digits: go: JobSubmit\n"

// TestRefusedNames shows what is said of names that a model must not have: a
// program may have made it, or go: gives them.
func TestRefusedNames(t *testing.T) {
	const text = `ipcio: 1
protocol: p
types:
  One: {fields: {a: string}}
  Two: {enum: [x]}
  Three: {union: {v: {a: bool}, w: string}, closed: true}
errors:
  Five: {fields: {a: string}}
commands:
  six: {payload: {a: string}, reply: {b: string}}
`
	if found := Check(mustLoad(t, text)); found != nil {
		t.Fatalf("the schema as it is: %v", found)
	}
	for _, c := range []struct {
		change func(*schema.Schema)
		want   string
	}{
		{func(s *schema.Schema) { s.Commands[0].GoName = "x" }, "10:3 E0501 command `six` would be called \"x\" in Go, which is no exported name | " + usableHint},
		{func(s *schema.Schema) { s.Types[0].Name = "one" }, "4:3 E0504 type `one` would be called \"one\" in Go, which is no exported name | " + usableHint},
		{func(s *schema.Schema) { s.Types[0].Name = "" }, "4:3 E0504 type `` would be called \"\" in Go, which is no exported name | " + usableHint},
		{func(s *schema.Schema) { s.Types[1].Values[0].GoName = "ü" }, "5:16 E0503 value `x` of enum `Two` would be called \"Twoü\" in Go, which is no exported name | " + usableHint},
		{func(s *schema.Schema) { s.Types[2].Variants[0].Name = "V" }, "6:19 E0216 variant \"V\" must be lower_snake | \n"},
		{func(s *schema.Schema) { s.Types[2].Variants[1].GoName = "ü" }, "6:33 E0504 variant `w` of union `Three` would be called \"Threeü\" in Go, which is no exported name | " + usableHint},
		{func(s *schema.Schema) { s.Errors[0].GoName = "x" }, "8:3 E0504 error `Five` would be called \"x\" in Go, which is no exported name | " + usableHint},
		{func(s *schema.Schema) { s.Types[0].Fields[0].Name = "A" }, "4:18 E0216 field \"A\" must be lower_snake | \n"},
		{func(s *schema.Schema) { s.Types[0].Fields[0].Name = "" }, "4:18 E0216 field \"\" must be lower_snake | \n"},
		{func(s *schema.Schema) { s.Types[0].Fields[0].GoName = "x" }, "4:18 E0505 field `a` would be called \"x\" in Go, which is no exported name | " + usableHint},
	} {
		s := mustLoad(t, text)
		c.change(s)
		if diff := cmp.Diff(c.want, said(Check(s))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	// A name that cannot be used meets no other one.
	s := mustLoad(t, `ipcio: 1
protocol: p
types: {A: uuid, B: {fields: {a: bool, b: bool}}, C: uuid, D: {union: {v: bool, w: bool}, closed: true}}
errors: {E: {}, F: {}}
commands: {c: {}, d: {}}
`)
	for _, m := range []*schema.Meta{
		&s.Types[0].Meta, &s.Types[2].Meta, &s.Types[1].Fields[0].Meta, &s.Types[1].Fields[1].Meta,
		&s.Types[3].Variants[0].Meta, &s.Types[3].Variants[1].Meta, &s.Errors[0].Meta, &s.Errors[1].Meta, &s.Commands[0].Meta, &s.Commands[1].Meta,
	} {
		m.GoName = "ü"
	}
	if found := Check(s); len(found) != 10 || strings.Count(said(found), usableHint) != 10 {
		t.Errorf("ten names that cannot be used:\n%s", said(found))
	}
	for name, ok := range map[string]bool{
		"AZaz09": true, "Z": true, "A": true, "Zz9": true,
		"@": false, "[": false, "A@": false, "A[": false, "A`": false, "A{": false, "A/": false, "A:": false, "A_": false, "0A": false, "aA": false,
	} {
		s := mustLoad(t, text)
		s.Types[0].Name = name
		if found := Check(s); (found == nil) != ok {
			t.Errorf("type %q: %v", name, found)
		}
	}
}

// TestMoreCollisions shows findings beside those of the golden file.
func TestMoreCollisions(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"types: {SixReply: uuid}\ncommands: {six: {reply: {b: bool}}}\n",
			"3:9 E0502 the reply of command `six` and type `SixReply` would both be called SixReply in Go | give one of them another name with go:, for example go: OtherType\n"},
		{"commands: {foo.payload: {}, command.foo: {payload: {a: bool}}}\n",
			"3:29 E0502 the name of command `foo.payload` and the payload of command `command.foo` would both be called CommandFooPayload in Go | " +
				"give one of them another name with go:, for example go: OtherCommand\n"},
		{"types: {TwoX: uuid, Two: {enum: [x]}}\n",
			"3:34 E0504 type `TwoX` and value `x` of enum `Two` would both be called TwoX in Go | give one of them another name with go:, for example go: Other\n"},
		{"types: {Two: {enum: [x]}, TwoX: uuid}\n",
			"3:27 E0504 value `x` of enum `Two` and type `TwoX` would both be called TwoX in Go | give one of them another name with go:, for example go: OtherType\n"},
		{"types: {A: {type: uuid, go: Peer}}\n",
			"3:29 E0504 the generated Peer and type `A` would both be called Peer in Go | give one of them another name with go:, for example go: OtherType\n"},
		{"commands: {six: {reply: {validate: bool}}}\n",
			"3:26 E0505 field `validate` becomes Validate, which is a generated method | give it another name, for example go: ValidateField\n"},
		{"types: {U: {union: {v: {validate: bool}}}}\n",
			"3:25 E0505 field `validate` becomes Validate, which is a generated method | give it another name, for example go: ValidateField\n"},
		{"errors: {E: {fields: {string: bool}}}\n",
			"3:23 E0505 field `string` becomes String, which is a generated method | give it another name, for example go: StringField\n"},
		{"types: {S: {fields: {a: opt<bool>, get_a: bool}}}\n", ""},
	} {
		if diff := cmp.Diff(c.want, said(Check(mustLoad(t, "ipcio: 1\nprotocol: p\n"+c.text)))); diff != "" {
			t.Errorf("%s(-want +got):\n%s", c.text, diff)
		}
	}
}

func TestRefusedPackageNames(t *testing.T) {
	const plain = "a package name is a letter and then letters and digits, all lower case"
	for name, want := range map[string]string{
		"func":      "package name `func` is a Go keyword | choose another name with go: {package: funcipc}",
		"x_a_test":  "package name `x_a_test` belongs to a package of tests | choose another name with go: {package: x_a_testipc}",
		"jobs_test": "package name `jobs_test` belongs to a package of tests | choose another name with go: {package: jobs_testipc}",
		"_a_test":   "package name `_a_test` belongs to a package of tests | choose another name with go: {package: a_testipc}",
		"Jobs":      "package name `Jobs` is no Go package name | " + plain,
		"__":        "package name `__` is no Go package name | " + plain,
		"x_x":       "", "az09_": "",
	} {
		s := &schema.Schema{Protocol: "p", Version: 1, Files: []string{"some.yaml"}, Go: schema.GoOptions{Package: name}}
		if want != "" {
			want = "1:1 E0506 " + want + "\n"
		}
		found := Check(s)
		if diff := cmp.Diff(want, said(found)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if want != "" && found[0].Pos.File != "some.yaml" {
			t.Errorf("it is found in %q", found[0].Pos.File)
		}
	}
}

// TestMethodsAreComplete compares the names that fields cannot have with the
// methods of what is generated.
func TestMethodsAreComplete(t *testing.T) {
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte("ipcio: 1\nprotocol: p\ntypes: {S: {fields: {a: {type: bytes, borrow: true}}}}\nerrors: {E: {fields: {a: string}}}\ncommands: {c: {payload: S}}\n")}}, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]map[string]bool{"S": {"Check": true}, "EError": {"Check": true}} // programs may declare Check
	files, err := Generate(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for line := range strings.Lines(string(f.Content)) {
			rest, ok := strings.CutPrefix(line, "func (v *")
			typ, rest, ok2 := strings.Cut(rest, ") ")
			name, _, ok3 := strings.Cut(rest, "(")
			if ok && ok2 && ok3 && methods[typ] != nil {
				methods[typ][name] = true
			}
		}
	}
	want := map[string]map[string]bool{"S": {}, "EError": {}}
	for _, name := range structMethods {
		want["S"][name], want["EError"][name] = true, true
	}
	for _, name := range errorMethods {
		want["EError"][name] = true
	}
	delete(want["EError"], "Validate") // it has nothing to validate, and might have tomorrow
	delete(want["S"], "Validate")
	delete(methods["EError"], "Validate")
	delete(methods["S"], "Validate")
	delete(want["EError"], "UnmarshalLent") // errors are copied; the name is taken all the same
	if diff := cmp.Diff(want, methods); diff != "" {
		t.Errorf("the lists and what is generated differ (-list +generated):\n%s", diff)
	}
}

// TestVerbs shows the verbs that are the generator's: the runtime may never use
// them, also those of what the language does not have yet.
func TestVerbs(t *testing.T) {
	if diff := cmp.Diff([]string{"On", "Emit", "Call", "Broadcast", "Publish", "Join", "Leave"}, verbs); diff != "" {
		t.Errorf("programs that use the runtime rely on them (-want +got):\n%s", diff)
	}
}
