package codec_test

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// appendixA are all examples of RFC 8949, Appendix A.
var appendixA = strings.Fields(`
00 01 0a 17 1818 1819 1864 1903e8 1a000f4240 1b000000e8d4a51000
1bffffffffffffffff c249010000000000000000 3bffffffffffffffff c349010000000000000000
20 29 3863 3903e7
f90000 f98000 f93c00 fb3ff199999999999a f93e00 f97bff fa47c35000 fa7f7fffff
fb7e37e43c8800759c f90001 f90400 f9c400 fbc010666666666666 f97c00 f97e00 f9fc00
fa7f800000 fa7fc00000 faff800000 fb7ff0000000000000 fb7ff8000000000000 fbfff0000000000000
f4 f5 f6 f7 f0 f8ff
c074323031332d30332d32315432303a30343a30305a c11a514b67b0 c1fb41d452d9e8200000
d74401020304 d818456449455446 d82076687474703a2f2f7777772e6578616d706c652e636f6d
40 4401020304 60 6161 6449455446 62225c 62c3bc 63e6b0b4 64f0908591
80 83010203 8301820203820405 98190102030405060708090a0b0c0d0e0f101112131415161718181819
a0 a201020304 a26161016162820203 826161a161626163 a56161614161626142616361436164614461656145`)

// appendixAIndefinite are the examples with indefinite lengths.
var appendixAIndefinite = strings.Fields(`
5f42010243030405ff 7f657374726561646d696e67ff 9fff 9f018202039f0405ffff 9f01820203820405ff
83018202039f0405ff 83019f0203ff820405 9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff
bf61610161629f0203ffff 826161bf61626163ff bf6346756ef563416d7421ff`)

// appendixF are all examples of RFC 8949, Appendix F, by their headings there.
var appendixF = map[string][]string{
	"end of input in a head":                   strings.Fields("18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 fb000000"),
	"definite-length strings with short data":  strings.Fields("41 61 5affffffff00 5bffffffffffffffff010203 7affffffff00 7b7fffffffffffffff010203"),
	"definite-length maps and arrays not done": strings.Fields("81 818181818181818181 8200 a1 a20102 a100 a2000000"),
	"tag number not followed by content":       strings.Fields("c0"),
	"indefinite-length strings not closed":     strings.Fields("5f4100 7f6100"),
	"indefinite-length maps and arrays":        strings.Fields("9f 9f0102 bf bf01020102 819f 9f8000 9f9f9f9f9fffffffff 9f819f819f9fffffff"),
	"reserved additional information":          strings.Fields("1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc fd fe"),
	"reserved two-byte simple values":          strings.Fields("f800 f801 f818 f81f"),
	"indefinite-length string chunks":          strings.Fields("5f00ff 5f21ff 5f6100ff 5f80ff 5fa0ff 5fc000ff 5fe0ff 7f4100ff 5f5f4100ffff 7f7f6100ffff"),
	"break on its own":                         strings.Fields("ff 81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff 9f829f819f9fffffffff"),
	"break in a map of odd length":             strings.Fields("bf00ff bf000000ff"),
	"major types 0, 1, 6 with indefinite":      strings.Fields("1f 3f df"),
}

func TestAppendixA(t *testing.T) {
	for _, v := range appendixA {
		b := unhex(t, v)
		if err := codec.WellFormed(b); err != nil {
			t.Errorf("WellFormed(%s): %v", v, err)
		}
		if n, err := codec.Skip(append(b, 0xff)); n != len(b) || err != nil {
			t.Errorf("Skip(%s and a byte) = %d, %v, want %d", v, n, err, len(b))
		}
		if err := codec.WellFormed(append(b, 0)); err == nil {
			t.Errorf("WellFormed(%s00) accepts a byte too many", v)
		}
	}
	for _, v := range appendixAIndefinite {
		err := codec.WellFormed(unhex(t, v))
		if err == nil || !strings.Contains(err.Error(), "indefinite length") {
			t.Errorf("WellFormed(%s) = %v, want an error that says indefinite length", v, err)
		}
	}
}

func TestAppendixF(t *testing.T) {
	for heading, list := range appendixF {
		t.Run(heading, func(t *testing.T) {
			for _, v := range list {
				b := unhex(t, v)
				err := codec.WellFormed(b)
				e, ok := errors.AsType[*codec.DecodeError](err)
				if !ok {
					t.Errorf("WellFormed(%s) = %v, want a *DecodeError", v, err)
					continue
				}
				if e.Offset < 0 || e.Offset > len(b) {
					t.Errorf("WellFormed(%s): offset %d is outside of the input", v, e.Offset)
				}
				// The same bytes as the value of an unknown key and of an any.
				for _, key := range []string{"61 78", "65 6578747261"} {
					in := append(unhex(t, "a1"+strings.ReplaceAll(key, " ", "")), b...)
					if err := new(sample).UnmarshalCBOR(in); err == nil {
						t.Errorf("UnmarshalCBOR(%x) accepts a malformed value", in)
					}
				}
			}
		})
	}
}

func TestDepth(t *testing.T) {
	nest := func(n int, first, last string) []byte {
		return unhex(t, strings.Repeat(first, n)+last)
	}
	for _, c := range []struct {
		name  string
		first string
		last  string
		most  int // how often first is accepted
	}{
		{"arrays", "81", "00", codec.MaxDepth},
		{"maps", "a100", "00", codec.MaxDepth},
		{"empty array inside", "81", "80", codec.MaxDepth - 1},
		{"tags", "c1", "00", codec.MaxDepth + 1}, // the outermost tag does not count
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := codec.WellFormed(nest(c.most, c.first, c.last)); err != nil {
				t.Errorf("%d levels: %v", c.most, err)
			}
			err := codec.WellFormed(nest(c.most+1, c.first, c.last))
			if err == nil || !strings.Contains(err.Error(), "deeper than 32") {
				t.Errorf("%d levels: %v, want an error about the depth", c.most+1, err)
			}
			// Far too deep must not cost stack either.
			if err := codec.WellFormed(nest(1_000_000, c.first, c.last)); err == nil {
				t.Error("1,000,000 levels are accepted")
			}
		})
	}
}

func TestAppendScalars(t *testing.T) {
	for _, c := range []struct {
		want string
		got  []byte
	}{
		{"f4", codec.AppendBool(nil, false)},
		{"f5", codec.AppendBool(nil, true)},
		{"f6", codec.AppendNull(nil)},
		{"00", codec.AppendUint(nil, 0)},
		{"17", codec.AppendUint(nil, 23)},
		{"1818", codec.AppendUint(nil, 24)},
		{"18ff", codec.AppendUint(nil, 255)},
		{"190100", codec.AppendUint(nil, 256)},
		{"19ffff", codec.AppendUint(nil, 65535)},
		{"1a00010000", codec.AppendUint(nil, 65536)},
		{"1affffffff", codec.AppendUint(nil, math.MaxUint32)},
		{"1b0000000100000000", codec.AppendUint(nil, math.MaxUint32+1)},
		{"1bffffffffffffffff", codec.AppendUint(nil, math.MaxUint64)},
		{"20", codec.AppendInt(nil, -1)},
		{"37", codec.AppendInt(nil, -24)},
		{"3818", codec.AppendInt(nil, -25)},
		{"3903e7", codec.AppendInt(nil, -1000)},
		{"1b7fffffffffffffff", codec.AppendInt(nil, math.MaxInt64)},
		{"3b7fffffffffffffff", codec.AppendInt(nil, math.MinInt64)},
		{"fa47c35000", codec.AppendFloat32(nil, 100000)},
		{"fa7fc00000", codec.AppendFloat32(nil, math.Float32frombits(0xffc12345))},
		{"fb3ff199999999999a", codec.AppendFloat64(nil, 1.1)},
		{"fb8000000000000000", codec.AppendFloat64(nil, math.Copysign(0, -1))},
		{"fb7ff8000000000000", codec.AppendFloat64(nil, math.Float64frombits(0xfff8000000000001))},
		{"60", codec.AppendText(nil, "")},
		{"62c3bc", codec.AppendText(nil, "ü")},
		{"40", codec.AppendBytes(nil, nil)},
		{"43010203", codec.AppendBytes(nil, []byte{1, 2, 3})},
		{"f6", codec.AppendAny(nil, nil)},
		{"83010203", codec.AppendAny(nil, []byte{0x83, 1, 2, 3})},
		{"d8255000112233445566778899aabbccddeeff", codec.AppendUUID(nil, [16]byte(unhex(t, "00112233445566778899aabbccddeeff")))},
		{"80", codec.AppendListHead(nil, 0)},
		{"b818", codec.AppendMapHead(nil, 24)},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestReadHeadReadsWhatAppendHeadWrites(t *testing.T) {
	for m := codec.Uint; m < codec.Simple; m++ {
		for shift := range 65 {
			for _, d := range []int64{-1, 0, 1} {
				n := uint64(1)<<shift + uint64(d)
				b := codec.AppendHead(nil, m, n)
				h, size, err := codec.ReadHead(b)
				if err != nil || h.Major != m || h.Value != n || size != len(b) {
					t.Fatalf("ReadHead(%x) = %+v, %d, %v, want %v %d", b, h, size, err, m, n)
				}
			}
		}
	}
}
