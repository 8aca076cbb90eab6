package outbox

import (
	"errors"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// Errors of an outbox. Compare with [errors.Is].
var (
	// ErrInUse says that another process has the outbox open, or another client
	// of this one.
	ErrInUse = errors.New("outbox: it is in use")

	// ErrForeign says that the outbox belongs to another client or domain. What
	// is in it would be sent in the name of the wrong one.
	ErrForeign = errors.New("outbox: it belongs to another client or domain")

	// ErrFailed says that the disk has failed. The outbox takes nothing any more
	// until it is opened again.
	ErrFailed = errors.New("outbox: it has failed")
)

// An Outbox is an [ipcio.Outbox] in a directory. It opens nothing until a
// client does.
type Outbox struct {
	path   string
	synced bool
}

// DurableSync returns the outbox in a directory, which is made if it is
// missing, but not its parents. What it has accepted survives the power going
// off.
func DurableSync(dir string) *Outbox { return &Outbox{path: dir, synced: true} }

// DurableProcess is as [DurableSync], but what it has accepted survives the end
// of the process only, however it ends; not that of the system.
func DurableProcess(dir string) *Outbox { return &Outbox{path: dir} }

// Open opens the outbox for a client; [ipcio.NewClient] calls it. It fails with
// [ErrInUse] or [ErrForeign], or as the files do.
func (o *Outbox) Open(domain, client string, stored func(mark uint64, err error)) (ipcio.OutboxLog, error) {
	dir, err := openDirectory(o.path)
	if err != nil {
		return nil, err
	}
	l, err := openLog(dir, config{synced: o.synced, segmentBytes: 4 << 20, domain: domain, client: client, stored: stored})
	if err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return l, nil
}
