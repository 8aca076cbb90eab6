package schema_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/schema"
)

// TestRules proves that the table is complete enough to explain every finding.
func TestRules(t *testing.T) {
	last := schema.Code("")
	seen := make(map[[2]string]bool)
	for _, r := range schema.Rules() {
		if r.Title == "" || r.Cause == "" || r.Fix == "" || r.Category == 0 || !strings.HasPrefix(string(r.ID), "B") {
			t.Errorf("%s %s is incomplete: %+v", r.ID, r.Case, r)
		}
		if r.ID < last {
			t.Errorf("%s comes after %s", r.ID, last)
		}
		last = r.ID
		key := [2]string{string(r.ID), r.Case}
		if seen[key] {
			t.Errorf("%s %q is there twice", r.ID, r.Case)
		}
		seen[key] = true
		if cases := schema.FindRules(r.ID); len(cases) == 0 || len(cases) > 1 && r.Case == "" {
			t.Errorf("%s has the cases %v", r.ID, cases)
		}
		if !r.NewReadsOld || !r.OldReadsNew {
			if r.Category&(schema.CategoryWire|schema.CategoryBehavior) == 0 {
				t.Errorf("%s has an order and the category %v", r.ID, r.Category)
			}
		}
	}
	if found := schema.FindRules("B999"); found != nil {
		t.Errorf("B999 is %v", found)
	}
	rules := schema.Rules()
	rules[0].Title = "changed"
	if schema.Rules()[0].Title == "changed" {
		t.Error("Rules gives the table away")
	}
}

// TestDirections proves that the position decides who must be first: every
// direction, payload and reply, and a change of either kind.
func TestDirections(t *testing.T) {
	const (
		server, client, two = schema.ServerFirst, schema.ClientFirst, schema.TwoReleases
	)
	tests := []struct {
		dir                      string
		payloadTight, replyTight schema.Verdict // writers first
		payloadLoose, replyLoose schema.Verdict // readers first
	}{
		{"client->server", client, server, server, client},
		{"server->client", server, client, client, server},
		{"client<->server", two, two, two, two},
		{"client->client", two, two, two, two},
	}
	for _, tt := range tests {
		verdict := func(old, new string) schema.Verdict {
			t.Helper()
			const form = "ipcio: 1\nprotocol: p\ncommands:\n  x.y: {dir: %s, payload: {%s}, reply: {%s}}\n"
			a, errA := load(fmt.Sprintf(form, tt.dir, strings.Split(old, "/")[0], strings.Split(old, "/")[1]))
			b, errB := load(fmt.Sprintf(form, tt.dir, strings.Split(new, "/")[0], strings.Split(new, "/")[1]))
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			return schema.Compare(a, b, schema.CompareOptions{}).Order
		}
		got := [4]schema.Verdict{
			verdict("n: int64/", "n: int8/"), verdict("/n: int64", "/n: int8"),
			verdict("n: int8/", "n: int64/"), verdict("/n: int8", "/n: int64"),
		}
		if diff := cmp.Diff([4]schema.Verdict{tt.payloadTight, tt.replyTight, tt.payloadLoose, tt.replyLoose}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.dir, diff)
		}
	}
}

// TestPolicies proves which verdicts each policy lets pass.
func TestPolicies(t *testing.T) {
	loads := func(payload string) *schema.Schema {
		s, err := load("ipcio: 1\nprotocol: p\ncommands:\n  x.y: {payload: {" + payload + "}}\n")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	changes := map[schema.Verdict][2]string{
		schema.AnyOrder:    {"a: bool", "a: bool, b: opt<bool>"},
		schema.ServerFirst: {"a: bool", "a: opt<bool>"},
		schema.ClientFirst: {"a: opt<bool>", "a: bool"},
		schema.TwoReleases: {"a: opt<bool>, b: bool", "a: bool, b: opt<bool>"},
		schema.Never:       {"a: bool", "a: string"},
	}
	passes := map[schema.Policy][]schema.Verdict{
		schema.PolicyAnyOrder:    {schema.AnyOrder},
		schema.PolicyServerFirst: {schema.AnyOrder, schema.ServerFirst},
		schema.PolicyClientFirst: {schema.AnyOrder, schema.ClientFirst},
	}
	for policy, pass := range passes {
		for verdict, change := range changes {
			r := schema.Compare(loads(change[0]), loads(change[1]), schema.CompareOptions{Policy: policy})
			want := true
			for _, v := range pass {
				want = want && v != verdict
			}
			if r.Order != verdict || r.Failed() != want {
				t.Errorf("%v under %v: order %v, failed %v", change, policy, r.Order, r.Failed())
			}
		}
		if p, ok := schema.ParsePolicy(policy.String()); !ok || p != policy {
			t.Errorf("ParsePolicy(%q) = %v, %v", policy, p, ok)
		}
	}
	if _, ok := schema.ParsePolicy("any"); ok {
		t.Error("any is a policy")
	}
}

// TestCompareIsSymmetric proves that going back needs the opposite order.
func TestCompareIsSymmetric(t *testing.T) {
	opposite := map[schema.Verdict]schema.Verdict{
		schema.AnyOrder: schema.AnyOrder, schema.ServerFirst: schema.ClientFirst, schema.ClientFirst: schema.ServerFirst,
		schema.TwoReleases: schema.TwoReleases, schema.Never: schema.Never,
	}
	const form = "ipcio: 1\nprotocol: p\ntypes:\n  C: {enum: [a, b], closed: true}\n  O: {enum: [a, b]}\ncommands:\n  x.y: {payload: {v: %s}}\n"
	types := []string{
		"int8", "int64", "uint32", "float32", "float64", "string", "{type: string, len: 1..4}", "C", "O", "any", "opt<any>", "bytes",
		"{type: bytes, len: 16}", "uuid", "list<int8>", "{type: list<int8>, unique: true}", "map<any>", "timestamp", "duration", "bool",
	}
	for _, from := range types {
		for _, to := range types {
			a, errA := load(fmt.Sprintf(form, from))
			b, errB := load(fmt.Sprintf(form, to))
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			there, back := schema.Compare(a, b, schema.CompareOptions{}), schema.Compare(b, a, schema.CompareOptions{})
			if back.Order != opposite[there.Order] {
				t.Errorf("%s → %s is %v, and back %v", from, to, there.Order, back.Order)
			}
			if from == to && len(there.Changes) > 0 {
				t.Errorf("%s differs from itself", from)
			}
		}
	}
}

// TestCompareLarge proves that large schemas, and types that refer to each
// other in many ways, take time in proportion to their size.
func TestCompareLarge(t *testing.T) {
	build := func(suffix string) *schema.Schema {
		var b strings.Builder
		b.WriteString("ipcio: 1\nprotocol: p\ntypes:\n")
		const n = 300
		for i := range n {
			fmt.Fprintf(&b, "  T%d: {fields: {a: opt<T%d>, b: list<T%d>, c: map<T%d>, n%s: int32}}\n", i, (i+1)%n, (i*7)%n, (i*13+5)%n, suffix)
		}
		b.WriteString("commands:\n")
		for i := range n {
			fmt.Fprintf(&b, "  x.y%d: {dir: client<->server, payload: {v: T%d}, reply: T%d}\n", i, i, (i*3)%n)
		}
		s, err := load(b.String())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	old, new := build(""), build("2")
	start := time.Now()
	r := schema.Compare(old, new, schema.CompareOptions{})
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	if r.Order != schema.Never || len(r.Changes) != 600 { // 300 renamed fields, none of them reserved
		t.Errorf("order %v, %d changes", r.Order, len(r.Changes))
	}
}

// TestWriteTextEscapes proves that a schema cannot write to the terminal.
func TestWriteTextEscapes(t *testing.T) {
	a, errA := load("ipcio: 1\nprotocol: p\ntypes:\n  E: {enum: [a], closed: true}\ncommands:\n  x.y: {payload: {e: E}}\n")
	b, errB := load("ipcio: 1\nprotocol: p\ntypes:\n  E: {enum: [a, \"\\e[31m\\u202E\"], closed: true}\ncommands:\n  x.y: {payload: {e: E}}\n")
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	got := text(t, schema.Compare(a, b, schema.CompareOptions{}))
	if strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("control characters in %q", got)
	}
	if !strings.Contains(got, `{"e": "\u001b[31m\u202e"}`) {
		t.Errorf("the witness is not readable: %s", got)
	}
	var colors strings.Builder
	if err := schema.Compare(a, b, schema.CompareOptions{}).WriteText(&colors, true); err != nil || !strings.Contains(colors.String(), "\x1b[1;31merror[B302]\x1b[0m") {
		t.Errorf("no colours: %v %q", err, colors.String())
	}
}
