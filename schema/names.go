package schema

import (
	"slices"
	"strings"
	"unicode"
)

// The limits of names, in bytes.
const (
	maxNameLength      = 63  // protocol, type, field, Go name, package
	maxCommandLength   = 128 // command
	maxEnumValueLength = 255 // enum value
)

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isSnake reports whether s is lower_snake: [a-z][a-z0-9_]*.
func isSnake(s string) bool {
	if s == "" || !isLower(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return true
}

// isPascal reports whether s is PascalCase: [A-Z][A-Za-z0-9]*.
func isPascal(s string) bool {
	return s != "" && isUpper(s[0]) && isAlphanumeric(s)
}

// isCommand reports whether s is lower.dotted_snake.
func isCommand(s string) bool {
	for segment := range strings.SplitSeq(s, ".") {
		if !isSnake(segment) {
			return false
		}
	}
	return true
}

func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLower(c) && !isUpper(c) && !isDigit(c) {
			return false
		}
	}
	return true
}

// isReserved reports whether the runtime keeps a command name for itself.
func isReserved(command string) bool {
	return slices.Contains([]string{"handshake", "discover", "broadcast", "emit", "deliver", "error"}, command) ||
		strings.HasPrefix(command, "ipcio.")
}

// toSnake returns s in lower_snake, and "" if that gives no name.
func toSnake(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r > unicode.MaxASCII:
			return ""
		case isUpper(byte(r)):
			afterLower := i > 0 && (isLower(byte(runes[i-1])) || isDigit(byte(runes[i-1])))
			beforeLower := i > 0 && i+1 < len(runes) && runes[i+1] < unicode.MaxASCII && isLower(byte(runes[i+1])) && isUpper(byte(runes[i-1]))
			if afterLower || beforeLower {
				b.WriteByte('_')
			}
			b.WriteByte(byte(r) + 'a' - 'A')
		case isLower(byte(r)) || isDigit(byte(r)) || r == '_':
			b.WriteByte(byte(r))
		default:
			b.WriteByte('_')
		}
	}
	if name := strings.Trim(b.String(), "_"); isSnake(name) {
		return name
	}
	return ""
}

// toCommand returns s as a command name, and "" if that gives no name.
func toCommand(s string) string {
	segments := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("./:-", r) })
	for i, segment := range segments {
		if segments[i] = toSnake(segment); segments[i] == "" {
			return ""
		}
	}
	return strings.Join(segments, ".")
}

// toPascal returns s in PascalCase, and "" if that gives no name.
func toPascal(s string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r <= unicode.MaxASCII && !isAlphanumeric(string(r)) }) {
		if slices.Contains([]string{"id", "ip", "uid", "uri", "url", "uuid"}, word) {
			word = strings.ToUpper(word)
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	if name := b.String(); isPascal(name) {
		return name
	}
	return ""
}

// quote returns s as messages show it: in backquotes, short, and on one line.
func quote(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	if s == "" {
		return "``, the empty text,"
	}
	return "`" + printable(s) + "`"
}

// nameHint returns a hint with a legal name, or else the rule.
func nameHint(name, rule string) string {
	if name == "" {
		return rule
	}
	return "write " + name
}
