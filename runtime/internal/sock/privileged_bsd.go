//go:build darwin || freebsd

package sock

import "syscall"

// privileged reports whether this process gained privileges when its program was started, so that its environment was
// written by somebody with fewer rights.
func privileged() bool {
	return syscall.Issetugid()
}
