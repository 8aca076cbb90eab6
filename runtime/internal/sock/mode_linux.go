package sock

import "syscall"

// limitMode sets the permissions that a socket gets when it is bound. On Linux bind(2) takes them from the descriptor, less
// the umask, so there is no moment at which they are wider.
func limitMode(fd int) error {
	return syscall.Fchmod(fd, 0o600)
}
