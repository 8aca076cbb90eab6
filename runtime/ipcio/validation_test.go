package ipcio

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/runtime/codec"
)

func broken(n int) *ValidationError {
	e := &ValidationError{}
	for range n {
		e.Violations = append(e.Violations, Violation{Path: "tags[3]", Rule: "len", Want: "1..32"})
	}
	return e
}

func TestRefusalOnTheWire(t *testing.T) {
	e := broken(1)
	b := appendRefusal(nil, e, &CommandSpec{Fingerprint: "0123456789abcdef"})
	const want = "a2" +
		"6a76696f6c6174696f6e73" + "81" + "a3" + "6470617468" + "67746167735b335d" + "6472756c65" + "636c656e" + "6477616e74" + "65312e2e3332" +
		"6b66696e6765727072696e74" + "7030313233343536373839616263646566"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	violations, fingerprint, err := parseRefusal(b)
	if err != nil || fingerprint != "0123456789abcdef" {
		t.Errorf("fingerprint %q, %v", fingerprint, err)
	}
	if diff := cmp.Diff(e.Violations, violations); diff != "" {
		t.Error(diff)
	}
	if _, fingerprint, err = parseRefusal(appendRefusal(nil, e, nil)); err != nil || fingerprint != "" {
		t.Errorf("without a schema: fingerprint %q, %v", fingerprint, err)
	}
}

// What another process answers is not believed: it is bounded, and what is no
// refusal leaves the *RemoteError as it is.
func TestHostileRefusals(t *testing.T) {
	violations, _, err := parseRefusal(appendRefusal(nil, broken(1000), nil))
	if err != nil || len(violations) != codec.MaxViolations {
		t.Errorf("%d violations of 1000 are kept, %v", len(violations), err)
	}
	l := &link{ep: &endpoint{}}
	whole := appendRefusal(nil, broken(2), nil)
	cases := [][]byte{nil, {0xf6}, {0xa0}, []byte("\xa1\x6aviolations\x80"), []byte("\xa1\x6aviolations\x9b\xff\xff\xff\xff\xff\xff\xff\xff")}
	for n := range whole {
		cases = append(cases, whole[:n])
	}
	for _, data := range cases {
		remote := &RemoteError{Code: CodeInvalid, Data: data}
		if err := l.remoteError("c", "", remote); err != error(remote) {
			t.Errorf("%x becomes %v", data, err)
		}
	}
	err = l.remoteError("c", "", &RemoteError{Code: CodeInvalid, Data: whole})
	if e, ok := errors.AsType[*ValidationError](err); !ok || e.Command != "c" || errors.Is(err, ErrProtocolMismatch) {
		t.Errorf("a refusal becomes %v", err)
	}
	if e, ok := errors.AsType[*RemoteError](err); !ok || e.Code != CodeInvalid {
		t.Errorf("a refusal is no *RemoteError any more: %v", err)
	}
}

func TestInvalid(t *testing.T) {
	decode := &codec.DecodeError{Path: "name", Reason: strings.Repeat("ü", codec.MaxWant)}
	e := codec.Invalid("c", decode)
	if e.Command != "c" || len(e.Violations) != 1 || e.Violations[0].Path != "name" || e.Violations[0].Rule != "decode" {
		t.Errorf("%+v", e)
	}
	if want := e.Violations[0].Want; len(want) > codec.MaxWant+len("…") || !strings.HasSuffix(want, "ü…") {
		t.Errorf("the reason is cut to %q", want)
	}
	if !errors.Is(e, decode) {
		t.Error("it does not wrap the *DecodeError")
	}
	if e := codec.Invalid("c", errors.New("other")); e != nil {
		t.Errorf("%v", e)
	}
}
