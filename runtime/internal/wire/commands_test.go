package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frames cuts frames apart and parses them.
func frames(t testing.TB, b []byte) []*Frame {
	t.Helper()
	var list []*Frame
	for len(b) > 0 {
		content, used, err := Split(b, MaxCommandsFrame)
		if err != nil || used == 0 {
			t.Fatalf("%d bytes are left: %v", len(b), err)
		}
		f := new(Frame)
		if err := new(Parser).Parse(content, f); err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
		b = b[used:]
	}
	return list
}

func prints(n, length int) []CommandPrint {
	list := make([]CommandPrint, n)
	for i := range list {
		name := fmt.Sprintf("c%d", i)
		list[i] = CommandPrint{Name: name + strings.Repeat("x", max(length-len(name), 0)), Print: Fingerprint{byte(i >> 8), byte(i)}, Known: i%3 > 0}
		if !list[i].Known {
			list[i].Print = Fingerprint{}
		}
	}
	return list
}

// Whatever a schema declares is told in frames that every receiver takes, and
// read as it was.
func TestCommands(t *testing.T) {
	for _, tt := range []struct{ n, length int }{{0, 0}, {1, 1}, {1, MaxCommand}, {23, 3}, {24, 3}, {300, 20}, {MaxCommands, 5}, {MaxCommands, MaxCommand}} {
		t.Run(fmt.Sprintf("%d of %d bytes", tt.n, tt.length), func(t *testing.T) {
			want := prints(tt.n, tt.length)
			var got []CommandPrint
			var r CommandsReader
			list := frames(t, AppendCommands(nil, want))
			for i, f := range list {
				complete, err := r.Read(f, func(p CommandPrint) { got = append(got, p) })
				if err != nil || complete != (i == len(list)-1) {
					t.Fatalf("frame %d of %d: complete %v, error %v", i, len(list), complete, err)
				}
			}
			byName := func(a, b CommandPrint) int { return strings.Compare(a.Name, b.Name) }
			slices.SortFunc(want, byName)
			slices.SortFunc(got, byName)
			if diff := cmp.Diff(want, got); diff != "" && tt.n > 0 {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMalformedCommands(t *testing.T) {
	payload := func(f *Frame, hex string) *Frame {
		v := vector{Hex: hex}
		f.Kind, f.Payload = KindCommands, v.bytes(t)
		return f
	}
	for _, tt := range []struct {
		why    string
		frames []*Frame
	}{
		{"want a map", []*Frame{payload(&Frame{}, "80")}},
		{"want a map", []*Frame{payload(&Frame{}, "f6")}},
		{"of definite length", []*Frame{payload(&Frame{}, "bfff")}},
		{"shortest form", []*Frame{payload(&Frame{}, "b800")}},
		{"cut short", []*Frame{payload(&Frame{}, "a1")}},
		{"want a text", []*Frame{payload(&Frame{}, "a10140")}},
		{"is empty", []*Frame{payload(&Frame{}, "a16040")}},
		{"of 7 bytes", []*Frame{payload(&Frame{}, "a161614701020304050607")}},
		{"want a fingerprint", []*Frame{payload(&Frame{}, "a16161f6")}},
		{"ascending", []*Frame{payload(&Frame{}, "a2616240616140")}},
		{"ascending", []*Frame{payload(&Frame{}, "a2616140616140")}},
		{"after the end", []*Frame{payload(&Frame{}, "a16161"+"40"+"00")}},
		{"more than 4096", []*Frame{payload(&Frame{Number: MaxCommands}, "a1616140")}},
		{"more than 4096", []*Frame{payload(&Frame{Number: math.MaxUint64}, "a1616140")}},
		{"more than 4096", []*Frame{payload(&Frame{}, "bbffffffffffffffff")}},
		{"no entry", []*Frame{payload(&Frame{Number: 1}, "a0")}},
		{"nothing was left", []*Frame{payload(&Frame{}, "a1616140"), payload(&Frame{}, "a1616240")}},
		{"where 2 were", []*Frame{payload(&Frame{Number: 2}, "a1616140"), payload(&Frame{}, "a1616240")}},
		{"ascending", []*Frame{payload(&Frame{Number: 1}, "a1616240"), payload(&Frame{}, "a1616140")}},
		{"more than 4096", []*Frame{payload(&Frame{Number: 1}, "a1616140"), payload(&Frame{Number: 2}, "bbffffffffffffffff")}},
	} {
		var r CommandsReader
		for i, f := range tt.frames {
			_, err := r.Read(f, func(CommandPrint) {})
			if i < len(tt.frames)-1 {
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			if _, ok := errors.AsType[*MalformedError](err); !ok || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("%x: %v, want %q", f.Payload, err, tt.why)
			}
		}
	}
}

// What is taken is what would be sent: no two forms of one table.
func FuzzCommands(f *testing.F) {
	for _, n := range []int{0, 1, 3, 40} {
		for _, frame := range frames(f, AppendCommands(nil, prints(n, 12))) {
			f.Add(frame.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var list []CommandPrint
		if _, err := new(CommandsReader).Read(&Frame{Payload: payload}, func(p CommandPrint) { list = append(list, p) }); err != nil {
			return
		}
		var again []CommandPrint
		var r CommandsReader
		for _, f := range frames(t, AppendCommands(nil, list)) {
			if _, err := r.Read(f, func(p CommandPrint) { again = append(again, p) }); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(list, again); diff != "" {
			t.Errorf("taken and sent again (-taken +sent):\n%s", diff)
		}
	})
}
