package everything

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/schema"
)

// uriForm is the grammar of appendix A of RFC 3986 as a regular expression,
// except for what an IPv6 address is.
var uriForm = func() *regexp.Regexp {
	text := func(also string) string {
		return `(?:[A-Za-z0-9._~!$&'()*+,;=` + also + `-]|%[0-9A-Fa-f]{2})`
	}
	pchar := text(":@")
	segments := "(?:/" + pchar + "*)*"
	host := `(?:\[(?:[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+|(?P<ip>[0-9A-Fa-f:.]+))\]|` + text("") + `*)`
	authority := "(?:" + text(":") + "*@)?" + host + "(?::[0-9]*)?"
	path := "(?://" + authority + segments + "|/(?:" + pchar + "+" + segments + ")?|" + pchar + "+" + segments + "|)"
	return regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9+.-]*:` + path + `(?:\?(?:` + pchar + `|[/?])*)?(?:#(?:` + pchar + `|[/?])*)?\z`)
}()

func isURI(s string) bool {
	m := uriForm.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	ip := m[uriForm.SubexpIndex("ip")]
	if ip == "" {
		return true
	}
	a, err := netip.ParseAddr(ip)
	return err == nil && a.Is6()
}

// TestURIs compares what the rules of generated code and of schemas take for a
// URI with the grammar of RFC 3986.
func TestURIs(t *testing.T) {
	pieces := strings.Split("http: x: : / // /// a b. @ ? # [ ] [::1] [v1.a] [1.2.3.4] % %20 %C3%BC %g0 ü 名 8 :80 - ~ _ ! ' | < \\ ^ ` { \x00 \x7f + 1.2.3.4 v", " ")
	rng := rand.New(rand.NewPCG(1, 3986))
	taken := 0
	const n = 100_000
	for range n {
		var b strings.Builder
		if rng.IntN(4) > 0 {
			b.WriteString([]string{"http://", "x:", "A+1-.:/"}[rng.IntN(3)])
		}
		for range rng.IntN(6) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		s := b.String()
		want := isURI(s)
		if want {
			taken++
		}
		p := &RulesPayload{URI: &s}
		if err := p.Validate(); (err == nil) != want {
			t.Errorf("%q: the grammar says %v, Validate %v", s, want, err)
		}
		if got := schema.FormatURI.MatchString(s); got != want {
			t.Errorf("%q: the grammar says %v, the schema %v", s, want, got)
		}
	}
	if taken < n/10 || taken > n*9/10 {
		t.Errorf("%d of %d texts are URIs: the test shows little", taken, n)
	}
}
