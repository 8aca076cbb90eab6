package codec

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestValidText puts one odd byte at every place of texts of every length
// around the width of a word.
func TestValidText(t *testing.T) {
	for n := range 40 {
		for at := range n {
			for _, c := range []string{"a", "\x00", "\x7f", "\x80", "\xff", "ü", "\xc3"} {
				s := strings.Repeat("x", at) + c + strings.Repeat("y", n-at-1)
				if got, want := validText(s), utf8.ValidString(s); got != want {
					t.Errorf("validText(%q) = %v, want %v", s, got, want)
				}
				var e encoder
				if b := e.text(nil, s); (e.err == nil) != utf8.ValidString(s) || e.err == nil && string(b) != string(AppendText(nil, s)) {
					t.Errorf("%q is encoded as %x, %v", s, b, e.err)
				}
				if got, want := validText([]byte(s)), utf8.ValidString(s); got != want {
					t.Errorf("validText([]byte(%q)) = %v, want %v", s, got, want)
				}
			}
		}
	}
	if !validText("") {
		t.Error("the empty text is not valid")
	}
}
