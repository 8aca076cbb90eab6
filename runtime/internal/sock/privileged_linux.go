package sock

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"strconv"
)

// privileged reports whether this process gained privileges when its program was started, so that its environment was
// written by somebody with fewer rights. The kernel says so in AT_SECURE (getauxval(3)).
func privileged() bool {
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		return true
	}
	auxv, err := os.ReadFile("/proc/self/auxv")
	switch {
	case err == nil:
		return atSecure(auxv)
	case errors.Is(err, fs.ErrPermission):
		// The process is not dumpable. Either file capabilities made it so, or it changed its user or asked for it
		// itself, which says nothing about the environment. The status is readable in any case.
		status, err := os.ReadFile("/proc/self/status")
		return err != nil || gainedCapabilities(status)
	default:
		return false // no /proc: the identities above are all there is to know
	}
}

// atSecure looks up AT_SECURE in an auxiliary vector: pairs of native words, ended by a zero key.
func atSecure(auxv []byte) bool {
	const (
		atNull = 0
		atSec  = 23
		word   = strconv.IntSize / 8
	)
	load := func(b []byte) uint64 {
		if word == 4 {
			return uint64(binary.NativeEndian.Uint32(b))
		}
		return binary.NativeEndian.Uint64(b)
	}
	for len(auxv) >= 2*word {
		switch load(auxv) {
		case atNull:
			return false
		case atSec:
			return load(auxv[word:]) != 0
		}
		auxv = auxv[2*word:]
	}
	return false
}

// gainedCapabilities reports whether a process, given its /proc/<pid>/status, is permitted a capability that it did not
// get by inheritance. Ambient capabilities are inherited on purpose (a service manager grants them) and do not count.
func gainedCapabilities(status []byte) bool {
	permitted, okP := capabilitySet(status, "CapPrm:")
	ambient, okA := capabilitySet(status, "CapAmb:")
	return !okP || !okA || permitted&^ambient != 0
}

func capabilitySet(status []byte, key string) (set uint64, ok bool) {
	for line := range bytes.Lines(status) {
		if value, found := bytes.CutPrefix(line, []byte(key)); found {
			set, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64)
			return set, err == nil
		}
	}
	return 0, false
}
