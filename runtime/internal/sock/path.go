package sock

import (
	"fmt"
	"path/filepath"
	"runtime"
)

const (
	socketSuffix = ".sock"
	lockSuffix   = ".lock"

	// maxName leaves room for a directory of some 38 bytes in the 107 that a socket path may have.
	maxName = 63
	grammar = "[a-z0-9][a-z0-9._-]{0,62}"
)

// ValidName reports whether name can name a domain or a client: 1 to 63 bytes of [a-z0-9._-], of which the first is a
// letter or a digit. The error gives the rule and the first byte that breaks it. Such a name is one path element, is not
// hidden, never "." or "..", and is the same file on file systems that ignore case.
func ValidName(name string) error {
	if name == "" {
		return fmt.Errorf("the name is empty, want %s", grammar)
	}
	if len(name) > maxName {
		return fmt.Errorf("the name %.*q… has %d bytes, the limit is %d", maxName, name, len(name), maxName)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return fmt.Errorf("the name %q has %q at byte %d, want %s", name, name[i:i+1], i, grammar)
		}
	}
	return nil
}

// Path returns the path of the domain's socket, dir/domain.sock. It fails if domain breaks the rule of [ValidName], if
// dir is not absolute or contains a control character, and if the path is longer than the system can bind: 107 bytes on
// Linux, 103 on macOS and FreeBSD.
//
// The checks are not pedantry. A relative path that begins with "@" is an abstract socket, open to every user, and a path
// with a NUL byte in it is silently cut there.
func Path(dir, domain string) (string, error) {
	if err := ValidName(domain); err != nil {
		return "", fmt.Errorf("domain: %w", err)
	}
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("socket directory %q is not an absolute path", dir)
	}
	for i := range len(dir) {
		if c := dir[i]; c < ' ' || c == 0x7f {
			return "", fmt.Errorf("socket directory %q has the control character %q at byte %d", dir, dir[i:i+1], i)
		}
	}
	path := filepath.Join(dir, domain+socketSuffix)
	if limit := maxPath(runtime.GOOS); len(path) > limit {
		return "", fmt.Errorf("socket path %q has %d bytes, the limit of this system is %d: use a shorter directory or domain",
			path, len(path), limit)
	}
	return path, nil
}

// maxPath is the size of sockaddr_un.sun_path less the terminating NUL.
func maxPath(goos string) int {
	switch goos {
	case "darwin", "ios", "freebsd":
		return 103
	default:
		return 107
	}
}
