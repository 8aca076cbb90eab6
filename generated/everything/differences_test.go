package everything

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipcio/ipcio-go/runtime/codec"
)

// differences are all the ways in which the generated decoders differ from
// fxamacker/cbor with its defaults and plain Go types, which is what a program
// without generated code begins with. The twins decide as we do.
var differences = []struct {
	name        string
	field       string // of one of the payloads
	value       string // of the field, in hex
	plain       any    // pointer to the plain Go type
	weTake      bool   // and the plain type does not, or the other way round
	whatWeSay   string // part of our error
	wholeObject bool   // value is the whole message
}{
	{"null in a list", "bools", "81f6", new([]bool), false, "expected a bool, found null", false},
	{"null for a required field", "level", "f6", new(string), false, "missing required field: its value is null", false},
	{"undefined for an optional field", "a_uint8", "f7", new(*uint8), false, "expected an integer", false},
	{"a float that a float32 does not hold", "a_float32", "fb3fb999999999999a", new(float32), false, "not a float32 exactly", false},
	{"an integer that a float64 does not hold", "a_float64", "1b0020000000000001", new(float64), false, "not a float64 exactly", false},
	{"a bignum for an integer", "a_uint8", "c24101", new(uint8), false, "expected an integer, found tag 2", false},
	{"a tag around an integer", "a_uint8", "d86401", new(uint8), false, "expected an integer, found tag 100", false},
	{"the tag of self-described CBOR inside", "a_uint8", "d9d9f701", new(uint8), false, "expected an integer, found tag 55799", false},
	{"a list of indefinite length", "texts", "9fff", new([]string), false, "indefinite length", false},
	{"a text of indefinite length", "a_string", "7f6161ff", new(string), false, "indefinite length", false},
	{"a list of integers for bytes", "some_bytes", "83010203", new([]byte), false, "expected bytes, found an array", false},
	{"a key twice in a map", "flags", "a26161f46161f5", new(map[string]bool), false, "twice", false},
	{"another tag around a uuid", "a_uuid", "d82450000102030405060708090a0b0c0d0e0f", new([16]byte), false, "expected a UUID", false},
	{"a timestamp without a tag", "a_timestamp", "74323032362d30312d30325430333a30343a30355a", new(time.Time), false, "expected a timestamp", false},
	{"a comma in a timestamp", "a_timestamp", "c076323032362d30312d30325430333a30343a30352c355a", new(time.Time), false, "is not a time of RFC 3339", false},
	{"a timestamp far away", "a_timestamp", "c11b0000010000000000", new(time.Time), false, "outside the years", false},
	{"a wrong content of a tag that is passed on", "an_any", "c2f4", new(any), true, "", false},
	{"a key that is an integer", "", "a10101", new(struct{}), false, "expected text, found an integer", true},
	{"a key in capitals", "", "a167415f55494e54386178", new(struct {
		V uint8 `cbor:"a_uint8"`
	}), true, "", true},
}

func TestDifferences(t *testing.T) {
	for _, d := range differences {
		value, err := hex.DecodeString(d.value)
		if err != nil {
			t.Fatal(err)
		}
		if err := cbor.Unmarshal(value, d.plain); (err == nil) == d.weTake {
			t.Errorf("%s: with the plain type it is %v: is it still a difference?", d.name, err)
		}
		message := value
		p := pairs[1] // all fields are optional
		if !d.wholeObject {
			message = append(codec.AppendText(codec.AppendMapHead(nil, 1), d.field), value...)
		}
		switch d.field {
		case "level":
			p = pairs[2]
			message = append([]byte("\xa3\x65extra\x00\x64mood\x60\x65level"), value...)
		case "bools", "texts", "flags":
			p = pairs[4]
			message = append(codec.AppendText([]byte("\xa3\x68required\x80\x67by_name\xa0"), d.field), value...)
		}
		err = p.ours().UnmarshalCBOR(message)
		if (err == nil) != d.weTake || err != nil && !strings.Contains(err.Error(), d.whatWeSay) {
			t.Errorf("%s: we say %v, want taken %v, %q", d.name, err, d.weTake, d.whatWeSay)
		}
		if taken, err := p.compare(message); err != nil || taken != d.weTake {
			t.Errorf("%s: %x: the twin differs: %v", d.name, message, err)
		}
	}
}
