package wire

import (
	"bytes"
	"fmt"
	"slices"
)

// A Fingerprint is the first 8 bytes of what stands for a command's wire form.
type Fingerprint [8]byte

// A CommandPrint is one command of a schema, as a side tells the other of it.
// Known is false if the side does not know the fingerprint.
type CommandPrint struct {
	Name  string
	Print Fingerprint
	Known bool
}

// Limits of what a side tells of its commands.
const (
	MaxCommands      = 4096 // in all
	MaxCommandsFrame = 4096 // bytes of the content of one frame: what every receiver takes
)

// AppendCommands appends frames of the kind Commands that tell of all of
// commands, of which there must be MaxCommands at most, with different names of
// 1 to MaxCommand bytes. Their order does not matter.
func AppendCommands(b []byte, commands []CommandPrint) []byte {
	type entry struct{ key, value []byte }
	entries := make([]entry, len(commands))
	for i, c := range commands {
		entries[i] = entry{key: appendText(nil, c.Name), value: []byte{majorBytes}}
		if c.Known {
			entries[i].value = append([]byte{majorBytes | byte(len(c.Print))}, c.Print[:]...)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	const heads = 16 // of the array, the kind, left and the map, at most
	for first := true; first || len(entries) > 0; first = false {
		n, size := 0, heads
		for n < len(entries) && size+len(entries[n].key)+len(entries[n].value) <= MaxCommandsFrame {
			size += len(entries[n].key) + len(entries[n].value)
			n++
		}
		f := &Frame{Kind: KindCommands, Number: uint64(len(entries) - n), Payload: appendHead(nil, majorMap, uint64(n))}
		for _, e := range entries[:n] {
			f.Payload = append(append(f.Payload, e.key...), e.value...)
		}
		b = Append(b, f)
		entries = entries[n:]
	}
	return b
}

// A CommandsReader reads the frames of the kind Commands of one lane. The zero
// value is ready. It keeps the last name and counts, nothing else.
type CommandsReader struct {
	last  []byte // the last key, encoded
	count uint64 // entries so far
	left  uint64 // announced
	begun bool
}

// Read hands each command of a frame to visit, and reports whether the frame
// was the last one. An error is a *MalformedError: the names are not in
// ascending order, there are more than MaxCommands or others than announced, or
// the payload is not a map of such entries.
func (r *CommandsReader) Read(f *Frame, visit func(CommandPrint)) (complete bool, err error) {
	c := cursor{b: f.Payload}
	n := c.head(majorMap, "a map")
	switch {
	case c.reason != "":
	case r.begun && r.left == 0:
		c.fail("nothing was left")
	case r.begun && n+f.Number != r.left:
		c.fail(fmt.Sprintf("%d entries and %d left, where %d were", n, f.Number, r.left))
	case n > MaxCommands || f.Number > MaxCommands || r.count+n+f.Number > MaxCommands:
		c.fail(fmt.Sprintf("more than %d commands", MaxCommands))
	case n == 0 && f.Number > 0:
		c.fail("no entry, though some are left")
	}
	for range n {
		at := c.off
		name := c.text(MaxCommand)
		key := c.b[at:c.off]
		print := c.take(c.head(majorBytes, "a fingerprint"), "a fingerprint")
		switch {
		case c.reason != "":
		case name == "":
			c.fail("the command's name is empty")
		case len(print) != 0 && len(print) != len(Fingerprint{}):
			c.fail(fmt.Sprintf("a fingerprint of %d bytes", len(print)))
		case bytes.Compare(key, r.last) <= 0:
			c.fail("the commands are not in ascending order")
		}
		if c.reason != "" {
			break
		}
		r.last = append(r.last[:0], key...)
		p := CommandPrint{Name: name, Known: len(print) > 0}
		copy(p.Print[:], print)
		visit(p)
	}
	if c.end(); c.reason != "" {
		return false, &MalformedError{KindCommands, c.reason}
	}
	r.begun, r.left = true, f.Number
	r.count += n
	return f.Number == 0, nil
}
