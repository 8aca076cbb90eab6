package schema

import (
	"net/netip"
	"strings"
)

// isURI reports whether s is a URI as RFC 3986 has it: a scheme and what
// follows it, which a relative reference lacks. All of it is ASCII: other
// characters are escaped, as %C3%BC.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) {
		return false
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	path, query, _ := strings.Cut(rest, "?")
	if after, ok := strings.CutPrefix(path, "//"); ok {
		var authority string
		if authority, path, _ = strings.Cut(after, "/"); !isAuthority(authority) {
			return false
		}
	}
	return isURIText(path, ":@/") && isURIText(query, ":@/?") && isURIText(fragment, ":@/?")
}

func isScheme(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || strings.IndexByte("+-.", c) >= 0):
		default:
			return false
		}
	}
	return s != ""
}

// isAuthority reports whether s may stand behind the // of a URI.
func isAuthority(s string) bool {
	if user, host, ok := strings.Cut(s, "@"); ok {
		if !isURIText(user, ":") {
			return false
		}
		s = host
	}
	host, port, _ := strings.Cut(s, ":")
	if literal, isLiteral := strings.CutPrefix(s, "["); isLiteral {
		var ok bool
		if literal, port, ok = strings.Cut(literal, "]"); !ok || !isIPLiteral(literal) {
			return false
		}
		if port, ok = strings.CutPrefix(port, ":"); !ok && port != "" {
			return false
		}
	} else if !isURIText(host, "") {
		return false
	}
	return strings.Trim(port, "0123456789") == ""
}

// isIPLiteral reports whether s may stand in the brackets of a host.
func isIPLiteral(s string) bool {
	if s != "" && s[0]|0x20 == 'v' { // of a version to come
		version, address, ok := strings.Cut(s[1:], ".")
		return ok && version != "" && strings.Trim(version, hexDigits) == "" &&
			address != "" && strings.IndexByte(address, '%') < 0 && isURIText(address, ":")
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

const hexDigits = "0123456789abcdefABCDEF"

// isURIText reports whether s has only characters that stand for themselves in
// every part of a URI, those of also, and escapes.
func isURIText(s, also string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~!$&'()*+,;=", c) >= 0, strings.IndexByte(also, c) >= 0:
		case c == '%' && i+2 < len(s) && strings.IndexByte(hexDigits, s[i+1]) >= 0 && strings.IndexByte(hexDigits, s[i+2]) >= 0:
			i += 2
		default:
			return false
		}
	}
	return true
}
