package codec

import (
	"fmt"
	"slices"
	"strings"
)

// Declared reports whether s is one of values, which are sorted.
func Declared(s string, values []string) bool {
	_, ok := slices.BinarySearch(values, s)
	return ok
}

// ParseEnum returns s if it is one of values, which are sorted, and else an
// error that lists them. enum is the name of the type.
func ParseEnum(enum, s string, values []string) (string, error) {
	if !Declared(s, values) {
		return "", fmt.Errorf("%s is not a declared %s: want one of %s", quote(s), enum, oneOf(values))
	}
	return s, nil
}

// findKey returns where key is in keys, which are in the order of
// [CompareKeys].
func findKey[K string | []byte](keys []string, key K) (int, bool) {
	return slices.BinarySearchFunc(keys, key, func(have string, key K) int {
		if len(have) != len(key) {
			return len(have) - len(key)
		}
		return strings.Compare(have, string(key))
	})
}
