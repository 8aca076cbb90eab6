//go:build linux || darwin || freebsd

package sock

import (
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"a":                        true,
		"7":                        true,
		"default":                  true,
		"a.b_c-9":                  true,
		"a..b":                     true,
		strings.Repeat("x", 63):    true,
		strings.Repeat("x", 64):    false,
		strings.Repeat("x", 1<<20): false,
		"":                         false,
		".":                        false,
		"..":                       false,
		".hidden":                  false,
		"-flag":                    false,
		"_a":                       false,
		"Upper":                    false,
		"a/b":                      false,
		"../up":                    false,
		"a\x00b":                   false,
		"a\n":                      false,
		"a b":                      false,
		"@abstract":                false,
		"é":                        false,
		"\xff":                     false,
	} {
		err := ValidName(name)
		if (err == nil) != valid {
			t.Errorf("ValidName(%.70q) = %v, want valid %v", name, err, valid)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("ValidName(%.70q): the error has %d bytes", name, len(err.Error()))
		}
	}
}

func TestPathRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ dir, domain, want string }{
		"empty directory":    {"", "d", "not an absolute path"},
		"relative directory": {"run", "d", "not an absolute path"},
		"abstract":           {"@run", "d", "not an absolute path"},
		"NUL":                {"/run\x00/x", "d", `control character "\x00" at byte 4`},
		"newline":            {"/run\n", "d", `control character "\n" at byte 4`},
		"delete":             {"/\x7f", "d", `control character "\x7f" at byte 1`},
		"empty domain":       {"/run", "", "name is empty"},
		"traversal":          {"/run", "../etc", `"." at byte 0`},
		"slash":              {"/run", "a/b", `"/" at byte 1`},
		"long domain":        {"/run", strings.Repeat("d", 64), "64 bytes, the limit is 63"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := Path(test.dir, test.domain)
			if err == nil {
				t.Fatalf("got %q, want an error", path)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
		})
	}
}

// TestPathLengths binds and dials a socket at every length the limit allows, so the limit is the system's and not a guess.
func TestPathLengths(t *testing.T) {
	limit := map[string]int{"linux": 107, "darwin": 103, "freebsd": 103}[runtime.GOOS]
	base := tempDir(t)
	const file = "/d" + socketSuffix
	for length := len(base) + len("/x") + len(file); length <= 120; length++ {
		dir := base + "/" + strings.Repeat("x", length-len(base)-1-len(file))
		path, err := Path(dir, "d")
		if length > limit {
			if err == nil {
				t.Fatalf("length %d: accepted, the limit is %d", length, limit)
			}
			for _, want := range []string{itoa(length) + " bytes", "is " + itoa(limit)} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("length %d: error %q does not say %q", length, err, want)
				}
			}
			continue
		}
		if err != nil || len(path) != length {
			t.Fatalf("length %d: got %q (%d bytes), %v", length, path, len(path), err)
		}
		l := mustListen(t, dir, "d")
		if got := l.Addr().String(); got != path {
			t.Errorf("length %d: listens on %q, want %q", length, got, path)
		}
		mustDial(t, dir, "d").Close()
		if err := l.Close(); err != nil {
			t.Errorf("length %d: %v", length, err)
		}
	}
}

// TestPathNeverEscapes throws names made of hostile pieces at Path: what it accepts is a direct child of the directory.
func TestPathNeverEscapes(t *testing.T) {
	t.Parallel()
	pieces := []string{"a", "z9", ".", "..", "/", "\\", "\x00", "-", "_", "A", " ", "~", "%2e", "\n", "é", "sock", "lock"}
	rng := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 100_000 {
		var name strings.Builder
		for range rng.IntN(6) {
			name.WriteString(pieces[rng.IntN(len(pieces))])
		}
		path, err := Path("/run/ipcio", name.String())
		if err != nil {
			continue
		}
		accepted++
		if filepath.Dir(path) != "/run/ipcio" || filepath.Base(path) != name.String()+".sock" {
			t.Fatalf("Path(%q) = %q", name.String(), path)
		}
	}
	if accepted == 0 {
		t.Error("no name was accepted: the test proves nothing")
	}
}
