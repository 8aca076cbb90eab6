package schema

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// An item is a value that travels: what a witness is made of. Exactly one
// member says what it is; the zero item is null.
type item struct {
	boolean *bool
	integer *big.Int // of 64 bits and a sign, as CBOR has it
	float   *float64
	single  bool // the float travels as a float32
	text    *string
	bytes   []byte // nil: it is none
	time    string // of tag 0
	uuid    *[16]byte
	list    []item // nil: it is none
	entries []entry
	isMap   bool // entries
}

type entry struct {
	key   string
	value item
}

func boolItem(v bool) item        { return item{boolean: &v} }
func intItem(v *big.Int) item     { return item{integer: v} }
func textItem(v string) item      { return item{text: &v} }
func bytesItem(v []byte) item     { return item{bytes: append([]byte{}, v...)} }
func listItem(v []item) item      { return item{list: append([]item{}, v...)} }
func mapItem(v ...entry) item     { return item{entries: v, isMap: true} }
func timeItem(v string) item      { return item{time: v} }
func uuidItem(last byte) item     { return item{uuid: &[16]byte{15: last}} }
func floatItem(v float64) item    { return item{float: &v} }
func singleItem(v float64) item   { return item{float: &v, single: true} }
func (it item) equal(o item) bool { return string(it.append(nil)) == string(o.append(nil)) }

// append appends the deterministic CBOR (RFC 8949, section 4.2.1) of it.
func (it item) append(b []byte) []byte {
	switch {
	case it.boolean != nil:
		return appendBool(b, *it.boolean)
	case it.integer != nil:
		if it.integer.Sign() < 0 {
			return appendHead(b, 1<<5, new(big.Int).Not(it.integer).Uint64())
		}
		return appendHead(b, cborUint, it.integer.Uint64())
	case it.float != nil && it.single:
		return binary.BigEndian.AppendUint32(append(b, 0xfa), math.Float32bits(float32(*it.float)))
	case it.float != nil:
		return binary.BigEndian.AppendUint64(append(b, 0xfb), math.Float64bits(*it.float))
	case it.text != nil:
		return appendText(b, *it.text)
	case it.bytes != nil:
		return append(appendHead(b, 2<<5, uint64(len(it.bytes))), it.bytes...)
	case it.time != "":
		return appendText(append(b, 0xc0), it.time)
	case it.uuid != nil:
		return append(append(b, 0xd8, 37, 0x50), it.uuid[:]...)
	case it.list != nil:
		b = appendHead(b, cborArray, uint64(len(it.list)))
		for _, e := range it.list {
			b = e.append(b)
		}
		return b
	case it.isMap:
		b = appendHead(b, 5<<5, uint64(len(it.entries)))
		for _, e := range sortedEntries(it.entries) {
			b = e.value.append(appendText(b, e.key))
		}
		return b
	}
	return append(b, cborNull)
}

// sortedEntries returns entries in the order of their encoded keys.
func sortedEntries(entries []entry) []entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b entry) int {
		if len(a.key) != len(b.key) {
			return len(a.key) - len(b.key)
		}
		return strings.Compare(a.key, b.key)
	})
}

// String returns the item as people read it: JSON, with h'…' for bytes and
// bare words for what JSON lacks.
func (it item) String() string {
	var b strings.Builder
	it.write(&b)
	const most = 400
	if runes := []rune(b.String()); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return b.String()
}

func (it item) write(b *strings.Builder) {
	const enough = 4096 // bytes; String cuts them anyway
	switch {
	case b.Len() > enough:
	case it.boolean != nil:
		b.WriteString(strconv.FormatBool(*it.boolean))
	case it.integer != nil:
		b.WriteString(it.integer.String())
	case it.float != nil:
		bits := 64
		if it.single {
			bits = 32
		}
		text := strconv.FormatFloat(*it.float, 'g', -1, bits)
		b.WriteString(text)
		if !strings.ContainsAny(text, ".eIN") {
			b.WriteString(".0") // a float, whatever its value
		}
	case it.text != nil:
		b.WriteString(quoteJSON(*it.text))
	case it.bytes != nil:
		b.WriteString("h'" + hex.EncodeToString(it.bytes) + "'")
	case it.time != "":
		b.WriteString(it.time)
	case it.uuid != nil:
		u := hex.EncodeToString(it.uuid[:])
		b.WriteString(u[:8] + "-" + u[8:12] + "-" + u[12:16] + "-" + u[16:20] + "-" + u[20:])
	case it.list != nil:
		b.WriteByte('[')
		for i, e := range it.list {
			if i > 0 {
				b.WriteString(", ")
			}
			e.write(b)
		}
		b.WriteByte(']')
	case it.isMap:
		b.WriteByte('{')
		for i, e := range it.entries {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoteJSON(e.key) + ": ")
			e.value.write(b)
		}
		b.WriteByte('}')
	default:
		b.WriteString("null")
	}
}

// quoteJSON returns a text as a JSON string with nothing in it that a terminal
// does not show.
func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case visible(r) == r:
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
