package schema

import (
	"slices"
	"strings"
)

// didYouMean returns a hint with the candidate that s was most likely meant to
// be, or "".
func didYouMean(s string, candidates []string) string {
	if best := nearest(s, candidates); best != "" {
		return "did you mean " + quote(best) + "?"
	}
	return ""
}

// nearest returns the first candidate with the smallest edit distance to s, if
// that is at most 2 and less than half of s, and else "".
func nearest(s string, candidates []string) string {
	most := min(2, (len(s)-1)/2)
	if len(s) > maxCommandLength {
		return ""
	}
	best := ""
	for _, c := range candidates {
		if strings.EqualFold(c, s) && c != s {
			return c
		}
		if len(c) == len(s) && len(s) > 3 && c != s && sameLetters(s, c) {
			return c
		}
		if abs(len(c)-len(s)) > most {
			continue
		}
		if d := distance(s, c); d <= most && c != s {
			best, most = c, d-1
		}
	}
	return best
}

// sameLetters reports whether a and b hold the same bytes, in any order.
func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func abs(n int) int { return max(n, -n) }

// distance returns how many insertions, deletions, replacements and swaps of
// neighbours turn a into b (optimal string alignment, over bytes).
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	previous := make([]int, len(b)+1)
	current := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		current[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			d := min(previous[j]+cost, previous[j+1]+1, current[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			current[j+1] = d
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}

// foreignTypes are the words of other languages for our scalars.
var foreignTypes = map[string]string{
	"int": "int64", "integer": "int64", "long": "int64", "bigint": "int64", "number": "float64",
	"i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "short": "int16", "rune": "int32",
	"uint": "uint64", "unsigned": "uint64", "size_t": "uint64", "uintptr": "uint64",
	"u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64", "byte": "uint8",
	"float": "float64", "double": "float64", "real": "float64", "f32": "float32", "f64": "float64",
	"decimal": "string", "str": "string", "text": "string", "char": "string", "varchar": "string", "rawstring": "string",
	"boolean": "bool", "blob": "bytes", "binary": "bytes", "buffer": "bytes", "bytea": "bytes",
	"date": "timestamp", "datetime": "timestamp", "time": "timestamp", "time.time": "timestamp", "instant": "timestamp",
	"timedelta": "duration", "interval": "duration", "time.duration": "duration",
	"fixed32": "uint32", "fixed64": "uint64", "sint32": "int32", "sint64": "int64", "sfixed32": "int32", "sfixed64": "int64",
	"ushort": "uint16", "ulong": "uint64", "numeric": "float64",
	"google.protobuf.timestamp": "timestamp", "google.protobuf.duration": "duration", "google.protobuf.any": "any", "google.protobuf.struct": "map<any>",
	"json.rawmessage": "any", "uuid.uuid": "uuid",
	"guid": "uuid", "object": "any", "interface{}": "any", "interface": "any", "json": "any", "dict": "map<any>", "array": "list<any>",
}

// foreignGenerics are the words of other languages for list, map and opt.
var foreignGenerics = map[string]string{
	"array": "list", "vec": "list", "vector": "list", "slice": "list", "sequence": "list", "seq": "list", "set": "list", "repeated": "list",
	"dict": "map", "hashmap": "map", "record": "map", "object": "map",
	"optional": "opt", "option": "opt", "maybe": "opt", "nullable": "opt",
}

// scalarHint returns the scalar that a word stands for elsewhere, or the word.
func scalarHint(word string) string {
	if s, ok := foreignTypes[strings.ToLower(word)]; ok {
		return s
	}
	if word == "[]byte" || word == "[]uint8" {
		return "bytes"
	}
	if elem, ok := strings.CutPrefix(word, "[]"); ok && elem != "" {
		return "list<" + scalarHint(elem) + ">"
	}
	if elem, ok := strings.CutPrefix(word, "map[string]"); ok && elem != "" {
		return "map<" + scalarHint(elem) + ">"
	}
	word = strings.TrimPrefix(word, "*")
	if lower := strings.ToLower(word); slices.Contains(scalarNames[1:], lower) {
		return lower
	}
	return word
}

// foreignKeys are the words of other languages for our keys, by the kind of
// the declaration; "" holds those that fit in all of them.
var foreignKeys = map[string]map[string]string{
	"": {
		"description": "doc", "desc": "doc", "summary": "doc", "comment": "doc", "docs": "doc", "help": "doc",
		"obsolete": "deprecated", "go_name": "go", "goname": "go",
	},
	"schema": {
		"name": "protocol", "package": "protocol", "service": "protocol", "messages": "commands", "methods": "commands",
		"rpc": "commands", "events": "commands", "imports": "include", "import": "include", "includes": "include",
		"message": "types", "struct": "types", "enum": "types", "union": "types", "type": "types", "models": "types", "components": "types", "typedefs": "types", "unions": "types",
		"calls": "commands", "requests": "commands", "procedures": "commands", "functions": "commands", "operations": "commands", "paths": "commands", "endpoints": "commands", "notifications": "commands",
		"exceptions": "errors", "failures": "errors",
		"structs": "types", "enums": "types", "definitions": "types", "schemas": "types",
	},
	"command": {
		"params": "payload", "param": "payload", "args": "payload", "arguments": "payload", "parameters": "payload",
		"request": "payload", "input": "payload", "body": "payload", "data": "payload", "message": "payload", "in": "payload",
		"response": "reply", "result": "reply", "returns": "reply", "return": "reply", "output": "reply", "out": "reply",
		"direction": "dir", "throws": "errors", "raises": "errors", "error": "errors", "fails": "errors", "exceptions": "errors",
	},
	"field": {
		"min": "range", "max": "range", "minimum": "range", "maximum": "range", "length": "len", "size": "len",
		"minlength": "len", "maxlength": "len", "minitems": "len", "maxitems": "len", "regex": "pattern", "regexp": "pattern", "match": "pattern",
		"values": "in", "oneof": "in", "options": "in", "uniqueitems": "unique", "distinct": "unique", "sensitive": "secret", "password": "secret",
		"lend": "borrow", "lent": "borrow", "borrowed": "borrow", "zero_copy": "borrow", "zerocopy": "borrow", "nocopy": "borrow",
	},
	"error": {
		"retryable": "retry", "retriable": "retry", "retries": "retry", "temporary": "retry", "payload": "fields", "details": "fields", "properties": "fields",
	},
	"type": {
		"properties": "fields", "members": "fields", "struct": "fields", "attributes": "fields", "values": "enum",
		"variants": "union", "oneof": "union", "anyof": "union", "choice": "union", "base": "type", "alias": "type", "strict": "closed", "sealed": "closed",
	},
}
