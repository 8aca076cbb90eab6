// Package sock gives a domain its place in the file system: the directory, the unix socket, the lock that decides who
// serves it, and the kernel's word on who is at the other end.
//
// # Who is trusted
//
// The superuser and processes of the same effective user are; every other user of the machine is hostile. A server keeps
// its socket in a directory that it owns and nobody else may enter (mode 0700), so the permissions of the socket itself
// never matter and the process-wide umask is never touched. A client refuses a directory that another user could have
// written to, and asks the kernel who listens before the caller can send a byte.
//
// # Who serves a domain
//
// Beside the socket <domain>.sock lies <domain>.lock. Whoever holds an exclusive flock(2) on it serves the domain, and
// only the holder touches the socket path. The kernel drops the lock when the process dies, however it dies, so a socket
// found while holding the lock belongs to nobody and is replaced.
//
// A clean Close removes both files. Removing a lock file is safe only with care: between another starter's open and its
// flock the file may be unlinked, and then two processes hold locks on two files of the same name. Therefore
//
//   - a file is unlinked only by the holder of its lock, and
//   - a lock counts only if the name still leads to the locked inode; otherwise the starter opens the file anew.
//
// After the first rule the inode at the name cannot change under its holder, and after the second nobody mistakes an
// unlinked inode for the lock. A process that is killed leaves both files; the next server takes them over.
//
// Something outside this protocol may remove the lock file of a running server (cleaners of temporary directories do). The
// next starter then gets a lock, but it probes the socket before it removes it and finds the live server.
//
// # Platforms
//
// Linux, macOS and FreeBSD. Elsewhere, every operation that would have to check who may connect answers with an error
// that wraps [errors.ErrUnsupported].
//
// # Errors
//
// Errors name the path and the way out. They carry no package prefix, because this package is internal and its caller adds
// its own. Classify them with [errors.Is] against [ErrInUse] and [ErrInsecure], and with [IsAbsent], [IsBusy],
// [IsTemporary] and [DisconnectError].
//
// All functions may be called concurrently.
package sock
