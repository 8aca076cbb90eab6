package sock

// Credentials are the kernel's word on the process at the other end of a connection: who it was when it connected, or for
// a server when it began to listen. The peer cannot forge them.
//
// Decide on UID and GID only. PID is for logs: the process may have ended and its number may be another's by now. It is 0
// where the system does not tell (FreeBSD) and for a process outside this PID namespace.
type Credentials struct {
	UID, GID uint32
	PID      int32
}
