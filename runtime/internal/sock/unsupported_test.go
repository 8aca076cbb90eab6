//go:build !linux && !darwin && !freebsd

package sock

import (
	"errors"
	"testing"
)

func TestUnsupported(t *testing.T) {
	l, listenErr := Listen(t.Context(), `C:\ipcio`, "x")
	_, resolveErr := ResolveDir("")
	_, dialErr := Dial(t.Context(), `C:\ipcio`, "x")
	_, peerErr := PeerCredentials(nil)
	_, acceptErr := l.Accept()
	for name, err := range map[string]error{
		"ResolveDir": resolveErr, "EnsureDir": EnsureDir(`C:\ipcio`), "Listen": listenErr, "Dial": dialErr,
		"PeerCredentials": peerErr, "Accept": acceptErr, "Check": l.Check(), "Close": l.Close(),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want errors.ErrUnsupported", name, err)
		}
	}
}
