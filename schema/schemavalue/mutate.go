package schemavalue

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// Mutate returns v with one place of it changed, in a way that readers may take
// or must refuse: another kind, a number beside the old one, an entry that is
// gone, added or there twice. It knows nothing of schemas, and v stays as it is.
func Mutate(rng *rand.Rand, v Value) Value {
	// Go down to a place, and change it there.
	if n := len(v.List) + len(v.Map); n > 0 && rng.IntN(4) > 0 {
		if i := rng.IntN(n); i < len(v.List) {
			v.List = slices.Clone(v.List)
			v.List[i] = Mutate(rng, v.List[i])
		} else {
			v.Map = slices.Clone(v.Map)
			v.Map[i-len(v.List)].Value = Mutate(rng, v.Map[i-len(v.List)].Value)
		}
		return v
	}
	if rng.IntN(6) == 0 {
		return randomValue(rng, 2)
	}
	switch v.Kind {
	case Bool:
		v.Bool = !v.Bool
	case Int:
		switch rng.IntN(6) {
		case 0:
			v.Uint++
		case 1:
			v.Uint--
		case 2:
			v.Negative = !v.Negative
		case 3:
			v.Uint = uint64(1)<<rng.IntN(64) + uint64(rng.IntN(3)) - 1
		case 4:
			return Float64(float64(v.Uint)) // no longer an integer
		default:
			v.Uint = rng.Uint64() >> rng.IntN(64)
		}
	case Float:
		switch rng.IntN(6) {
		case 0:
			v.Single = !v.Single
		case 1:
			v.Float = math.Nextafter(v.Float, math.Inf(1))
		case 2:
			v.Float = math.Nextafter(v.Float, math.Inf(-1))
		case 3:
			v.Float = -v.Float
		case 4:
			if f := math.Trunc(v.Float); f > -1e15 && f < 1e15 {
				return Integer(int64(f))
			}
			v.Float = math.NaN()
		default:
			v.Float = []float64{0, math.Copysign(0, -1), 1, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, math.MaxFloat64, 1 << 53}[rng.IntN(9)]
		}
	case Text:
		v.Text = mutatedText(rng, v.Text)
	case Bytes:
		v.Bytes = []byte(mutatedText(rng, string(v.Bytes)))
	case List:
		v.List = slices.Clone(v.List)
		switch n := len(v.List); {
		case n > 0 && rng.IntN(2) == 0:
			v.List = slices.Delete(v.List, rng.IntN(n), n)
		case n > 0:
			v.List = append(v.List, v.List[rng.IntN(n)]) // a twin
		default:
			v.List = append(v.List, randomValue(rng, 1))
		}
	case Map:
		v.Map = slices.Clone(v.Map)
		switch n, i := len(v.Map), rng.IntN(4); {
		case n > 0 && i == 0:
			at := rng.IntN(n)
			v.Map = slices.Delete(v.Map, at, at+1)
		case n > 0 && i == 1:
			at := rng.IntN(n)
			v.Map = append(v.Map, Entry{Key: v.Map[at].Key, Value: Mutate(rng, v.Map[at].Value)}) // twice
		case n > 0 && i == 2:
			at := rng.IntN(n)
			v.Map[at].Key = mutatedText(rng, v.Map[at].Key)
		default:
			v.Map = append(v.Map, Entry{Key: "added", Value: randomValue(rng, 2)})
		}
	case Tag:
		switch rng.IntN(3) {
		case 0:
			v.Uint = []uint64{0, 1, 2, 37, 38, 1001}[rng.IntN(6)]
		case 1:
			return v.List[0]
		default:
			v.List = []Value{Mutate(rng, v.List[0])}
		}
	}
	return v
}

// mutatedText returns a text that resembles s. Bytes that are no UTF-8 do not
// come in by this.
func mutatedText(rng *rand.Rand, s string) string {
	runes := []rune(s)
	switch n := rng.IntN(5); {
	case n == 0 && len(runes) > 0:
		return string(runes[:len(runes)-1])
	case n == 1 && len(runes) > 0:
		i := rng.IntN(len(runes))
		runes[i] = []rune("aZ09 -.:/ü名\x00\n+,")[rng.IntN(15)]
		return string(runes)
	case n == 2 && len(runes) > 0:
		i := rng.IntN(len(runes))
		return string(slices.Insert(runes, i, runes[i]))
	case n == 3:
		return []string{
			"", "a", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000001+23:59", "2026-01-02T03:04:60Z", "2026-02-29T00:00:00Z",
			"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-01-02t03:04:05z", "2026-01-02T3:04:05Z", "2026-01-02T03:04:05,5Z",
			"2026-01-02T24:00:00Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05.1234567891Z", "2026-01-02T03:04:05+24:00",
			"10000-01-01T00:00:00Z", "127.0.0.1", "::1", "fe80::1%eth0", "1.2.3", "a.example", "-a", "http://x/", "/", "unix:/run/x",
		}[rng.IntN(26)]
	}
	return s + string([]rune("aZ0 -.名")[rng.IntN(7)])
}

func randomValue(rng *rand.Rand, depth int) Value {
	switch rng.IntN(9) {
	case 0:
		return Value{}
	case 1:
		return Boolean(rng.IntN(2) == 0)
	case 2:
		return Integer(int64(rng.Uint64()) >> rng.IntN(64))
	case 3:
		return Float64([]float64{0, 1, -0.5, 1e300, math.Inf(1), math.NaN(), 0.1}[rng.IntN(7)])
	case 4:
		return String(mutatedText(rng, "abc"))
	case 5:
		return ByteString(make([]byte, []int{0, 1, 15, 16, 17}[rng.IntN(5)]))
	case 6:
		if depth > 0 {
			return Tagged([]uint64{0, 1, 37, 100}[rng.IntN(4)], randomValue(rng, depth-1))
		}
	case 7:
		v := Value{Kind: List}
		for range rng.IntN(1 + depth) {
			v.List = append(v.List, randomValue(rng, depth-1))
		}
		return v
	case 8:
		v := Value{Kind: Map}
		for i := range rng.IntN(1 + depth) {
			v.Map = append(v.Map, Entry{Key: string(rune('a' + i)), Value: randomValue(rng, depth-1)})
		}
		return v
	}
	return Unsigned(rng.Uint64() >> rng.IntN(64))
}

// Scramble encodes v as a careless writer may: heads longer than they need to
// be, entries in any order, floats in any width that holds them. It is the same
// value for every reader.
func Scramble(rng *rand.Rand, v Value) []byte { return scramble(rng, nil, v) }

func scramble(rng *rand.Rand, b []byte, v Value) []byte {
	head := func(major byte, n uint64) {
		size := 0
		switch {
		case n >= 1<<32:
			size = 4
		case n >= 1<<16:
			size = 3
		case n >= 1<<8:
			size = 2
		case n >= 24:
			size = 1
		}
		size += rng.IntN(5-size) * rng.IntN(2)
		switch size {
		case 0:
			b = append(b, major<<5|byte(n))
		case 1:
			b = append(b, major<<5|24, byte(n))
		case 2:
			b = binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
		case 3:
			b = binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(n))
		default:
			b = binary.BigEndian.AppendUint64(append(b, major<<5|27), n)
		}
	}
	switch v.Kind {
	case Int:
		major := byte(0)
		if v.Negative {
			major = 1
		}
		head(major, v.Uint)
	case Text:
		head(3, uint64(len(v.Text)))
		b = append(b, v.Text...)
	case Bytes:
		head(2, uint64(len(v.Bytes)))
		b = append(b, v.Bytes...)
	case List:
		head(4, uint64(len(v.List)))
		for _, e := range v.List {
			b = scramble(rng, b, e)
		}
	case Map:
		head(5, uint64(len(v.Map)))
		for _, i := range rng.Perm(len(v.Map)) {
			head(3, uint64(len(v.Map[i].Key)))
			b = scramble(rng, append(b, v.Map[i].Key...), v.Map[i].Value)
		}
	case Tag:
		head(6, v.Uint)
		b = scramble(rng, b, v.List[0])
	case Float:
		if half, ok := toHalf(v.Float); ok && rng.IntN(2) == 0 {
			return append(b, 0xf9, byte(half>>8), byte(half))
		}
		v.Single = rng.IntN(2) == 0 && float64(float32(v.Float)) == v.Float
		return append(b, Encode(v)...)
	default:
		return append(b, Encode(v)...)
	}
	return b
}

// toHalf returns the IEEE 754 binary16 of small integers and quarters, of
// infinities and of NaN.
func toHalf(f float64) (uint16, bool) {
	sign := uint16(0)
	if math.Signbit(f) {
		sign = 1 << 15
	}
	switch {
	case math.IsNaN(f):
		return 0x7e01, true
	case math.IsInf(f, 0):
		return sign | 0x7c00, true
	case f == 0:
		return sign, true
	}
	fraction, exponent := math.Frexp(math.Abs(f)) // 0.5 <= fraction < 1
	mantissa := fraction * 2048
	if exponent < -13 || exponent > 16 || mantissa != math.Trunc(mantissa) {
		return 0, false
	}
	return sign | uint16(exponent+14)<<10 | uint16(mantissa)&0x3ff, true
}
