//go:build linux

package storm

import (
	"os"
	"strconv"
	"syscall"
)

// plenty is a number of descriptors that suffices.
const plenty = 16 << 10

// descriptors returns the descriptors that this process has open.
func descriptors() (map[int]bool, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	open := make(map[int]bool)
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			return nil, err
		}
		// The one that was used to look is closed by now.
		if _, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[n] = true
		}
	}
	return open, nil
}

// allowDescriptors lets this process open so many more. The system bounds the
// numbers, not how many there are, and some may have been inherited.
func allowDescriptors(more int) error {
	open, err := descriptors()
	if err != nil {
		return err
	}
	limit := 0
	for ; open[limit] || more > 0; limit++ {
		if !open[limit] {
			more--
		}
	}
	return setDescriptorLimit(uint64(limit))
}

// setDescriptorLimit bounds the descriptors of this process, softly.
func setDescriptorLimit(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = min(n, limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
