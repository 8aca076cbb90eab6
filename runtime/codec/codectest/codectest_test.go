package codectest_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/runtime/codec/codectest"
)

// level is a payload like those that ipcio-gen writes: {"n": 0..9, "text": …}.
type level struct {
	n    uint8
	text string
}

func (v *level) Validate() error {
	if v.n > 9 {
		return &codec.ValidationError{Violations: []codec.Violation{{Path: "n", Rule: "range", Want: "0..9"}}}
	}
	return nil
}

func (v *level) AppendCBOR(b []byte) ([]byte, error) {
	if err := v.Validate(); err != nil {
		return b, err
	}
	b = codec.AppendUint(append(b, 0xa2, 0x61, 'n'), uint64(v.n))
	return codec.AppendText(append(b, "\x64text"...), v.text), nil
}

var strict = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

func (v *level) UnmarshalCBOR(b []byte) error {
	var w struct {
		N    *uint8  `cbor:"n"`
		Text *string `cbor:"text"`
	}
	if err := strict.Unmarshal(b, &w); err != nil {
		return err
	}
	if w.N == nil || w.Text == nil {
		return errors.New("a field is missing")
	}
	*v = level{*w.N, *w.Text}
	return v.Validate()
}

var cases = []codectest.Case{
	{Name: "valid", Hex: "a2616e0964746578746161"},
	{Name: "too much", Hex: "a2616e0a647465787460", Path: "n", Rule: "range"},
}

// The payloads below are wrong in one way each.
type (
	neverValidates struct{ level } // Validate finds nothing
	acceptsAll     struct{ level } // decoding does not validate
	sendsAll       struct{ level } // encoding does not validate
	ignoresRest    struct{ level } // what follows is not seen
	ignoresEnd     struct{ level } // what is missing is not seen
	twoForms       struct {
		level
		odd bool
	}
	cannotSend      struct{ level } // what was damaged and taken cannot be sent
	losesText       struct{ level } // what was taken is not what is sent
	believesLengths struct{ level } // allocates what a head claims
	dirtiesBuffer   struct{ level } // a refused value leaves bytes behind
	panics          struct{ level }
)

func (v *neverValidates) Validate() error { return nil }

func (v *acceptsAll) UnmarshalCBOR(b []byte) error {
	err := v.level.UnmarshalCBOR(b)
	if _, ok := errors.AsType[*codec.ValidationError](err); ok {
		return nil
	}
	return err
}

func (v *sendsAll) AppendCBOR(b []byte) ([]byte, error) {
	return append(b, 0xa0), nil
}

func (v *ignoresRest) UnmarshalCBOR(b []byte) error {
	if n, err := codec.Skip(b); err == nil {
		b = b[:n]
	}
	return v.level.UnmarshalCBOR(b)
}

func (v *ignoresEnd) UnmarshalCBOR(b []byte) error {
	if err := v.level.UnmarshalCBOR(b); err == nil || bytes.HasPrefix(b, []byte{0xa2}) && len(b) < 9 {
		return nil
	} else {
		return err
	}
}

func (v *twoForms) AppendCBOR(b []byte) ([]byte, error) {
	if v.odd = !v.odd; v.odd {
		return v.level.AppendCBOR(b)
	}
	return append(b, 0xa2, 0x61, 'n', 0x18, v.n, 0x64, 't', 'e', 'x', 't', 0x60), nil
}

func (v *cannotSend) AppendCBOR(b []byte) ([]byte, error) {
	if v.n != 9 {
		return b, errors.New("cannot send")
	}
	return v.level.AppendCBOR(b)
}

func (v *losesText) UnmarshalCBOR(b []byte) error {
	err := v.level.UnmarshalCBOR(b)
	v.text = ""
	return err
}

var sink []byte

func (v *believesLengths) UnmarshalCBOR(b []byte) error {
	if i := bytes.IndexAny(b, "\x9a\x5a"); i >= 0 && i+5 <= len(b) {
		sink = make([]byte, 64<<20)
	}
	return v.level.UnmarshalCBOR(b)
}

func (v *dirtiesBuffer) AppendCBOR(b []byte) ([]byte, error) {
	out, err := v.level.AppendCBOR(b)
	if err != nil {
		out = append(out, 0xa2)
	}
	return out, err
}

func (v *panics) UnmarshalCBOR(b []byte) error {
	if len(b) > 3 && b[3] > 0x80 {
		panic("a length")
	}
	return v.level.UnmarshalCBOR(b)
}

var broken = map[string]func() codectest.Payload{
	"neverValidates":  func() codectest.Payload { return new(neverValidates) },
	"acceptsAll":      func() codectest.Payload { return new(acceptsAll) },
	"sendsAll":        func() codectest.Payload { return new(sendsAll) },
	"ignoresRest":     func() codectest.Payload { return new(ignoresRest) },
	"ignoresEnd":      func() codectest.Payload { return new(ignoresEnd) },
	"twoForms":        func() codectest.Payload { return new(twoForms) },
	"cannotSend":      func() codectest.Payload { return new(cannotSend) },
	"losesText":       func() codectest.Payload { return new(losesText) },
	"believesLengths": func() codectest.Payload { return new(believesLengths) },
	"dirtiesBuffer":   func() codectest.Payload { return new(dirtiesBuffer) },
	"panics":          func() codectest.Payload { return new(panics) },
}

func TestGoodPayload(t *testing.T) {
	codectest.Test(t, func() codectest.Payload { return new(level) }, cases)
}

func FuzzGoodPayload(f *testing.F) {
	codectest.Fuzz(f, func() codectest.Payload { return new(level) }, cases)
}

const envBroken = "CODECTEST_BROKEN"

// TestBrokenPayloads shows that each wrong payload is found: it runs itself
// once for each of them, and that run has to fail.
func TestBrokenPayloads(t *testing.T) {
	if name := os.Getenv(envBroken); name != "" {
		codectest.Test(t, broken[name], cases)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range broken {
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestBrokenPayloads$")
		cmd.Env = append(os.Environ(), envBroken+"="+name)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "FAIL") && !strings.Contains(string(out), "panic: a length") {
			t.Errorf("%s passes: %v\n%s", name, err, out)
		}
	}
}

// TestWrongCase shows that a case with the wrong path or rule, or with bytes
// that are not what the type writes, is no success.
func TestWrongCase(t *testing.T) {
	wrong := []codectest.Case{
		{Name: "another rule", Hex: cases[1].Hex, Path: "n", Rule: "len"},
		{Name: "another path", Hex: cases[1].Hex, Path: "text", Rule: "range"},
		{Name: "no violation", Hex: cases[0].Hex, Path: "n", Rule: "range"},
		{Name: "not the form of a writer", Hex: "a2616e1809647465787460"},
		{Name: "no hex", Hex: "x"},
	}
	if name := os.Getenv(envBroken); name != "" {
		for _, c := range wrong {
			if c.Name == name {
				codectest.Test(t, func() codectest.Payload { return new(level) }, []codectest.Case{c})
			}
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range wrong {
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestWrongCase$")
		cmd.Env = append(os.Environ(), envBroken+"="+c.Name)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s passes:\n%s", c.Name, out)
		}
	}
}
