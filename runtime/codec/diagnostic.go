package codec

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// MaxString is the length in bytes at which [Struct.String] cuts.
const MaxString = 1024

// string returns the value at p in diagnostic notation: see [Struct.String].
func (pl *plan) string(p pointer) string {
	e := encoder{mask: true}
	b, err := e.finish(e.structure(nil, pl, p), 0)
	if err != nil {
		return pl.name + "(" + err.Error() + ")"
	}
	w := printer{d: newDecoder(b), out: append(make([]byte, 0, 128), pl.name...)}
	w.item()
	if len(w.out) > MaxString {
		return strings.ToValidUTF8(string(w.out[:MaxString]), "") + "…"
	}
	return string(w.out)
}

// printer writes a well-formed item in diagnostic notation, and stops soon
// after out is longer than MaxString.
type printer struct {
	d   decoder
	out []byte
}

func (p *printer) item() {
	h, _ := p.d.head()
	switch h.Major {
	case Uint, Negative:
		p.out = append(p.out, integer(h)...)
	case Bytes:
		p.out = append(p.out, "h'"...)
		p.out = hex.AppendEncode(p.out, p.content(h))
		p.out = append(p.out, '\'')
	case Text:
		p.out = strconv.AppendQuoteToASCII(p.out, string(p.content(h)))
	case Array:
		p.items(h.Value, '[', ']', "")
	case Pairs:
		p.items(h.Value, '{', '}', ": ")
	case Tag:
		p.out = strconv.AppendUint(p.out, h.Value, 10)
		p.items(1, '(', ')', "")
	case Simple:
		p.simple(h)
	}
}

// items writes n items, or n pairs if colon is not "".
func (p *printer) items(n uint64, open, end byte, colon string) {
	p.out = append(p.out, open)
	for i := range n {
		if len(p.out) > MaxString {
			return
		}
		if i > 0 {
			p.out = append(p.out, ", "...)
		}
		p.item()
		if colon != "" {
			p.out = append(p.out, colon...)
			p.item()
		}
	}
	p.out = append(p.out, end)
}

// content returns the beginning of a byte or text string, enough of it to
// reach the limit.
func (p *printer) content(h Head) []byte {
	s := p.d.b[p.d.off : p.d.off+int(h.Value)]
	p.d.off += len(s)
	return s[:min(len(s), MaxString)]
}

func (p *printer) simple(h Head) {
	switch h.Info {
	case infoFalse:
		p.out = append(p.out, "false"...)
	case infoTrue:
		p.out = append(p.out, "true"...)
	case infoNull:
		p.out = append(p.out, "null"...)
	case infoFloat16, infoFloat32, infoFloat64:
		v, _, _ := float(h)
		p.out = strconv.AppendFloat(p.out, v, 'g', -1, 64)
	case info1Byte:
		if h.Value == secretValue {
			p.out = append(p.out, "•••"...)
			return
		}
		fallthrough
	default:
		p.out = append(p.out, "simple("...)
		p.out = strconv.AppendUint(p.out, h.Value, 10)
		p.out = append(p.out, ')')
	}
}
