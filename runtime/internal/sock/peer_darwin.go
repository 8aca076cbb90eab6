package sock

import (
	"os"

	"golang.org/x/sys/unix"
)

func peerCredentials(fd int) (Credentials, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Credentials{}, os.NewSyscallError("getsockopt LOCAL_PEERCRED", err)
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return Credentials{}, os.NewSyscallError("getsockopt LOCAL_PEERPID", err)
	}
	return Credentials{UID: cred.Uid, GID: cred.Groups[0], PID: int32(pid)}, nil
}
