package ipcio

import (
	"context"
	"log/slog"
	"os"
)

// A feed is where an endpoint reports to: warnings always, operations if the
// configuration says Verbose. Payloads and secrets are never reported.
type feed struct {
	logger  *slog.Logger
	verbose bool
}

func newFeed(logger *slog.Logger, verbose bool, attrs ...any) *feed {
	switch {
	case logger != nil:
	case verbose:
		logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	default:
		return &feed{logger: slog.Default().With(attrs...)}
	}
	return &feed{logger: logger.With(attrs...), verbose: verbose}
}

// op reports an operation.
func (f *feed) op(what string, attrs ...any) {
	if f.verbose {
		f.logger.Info("ipcio: "+what, attrs...)
	}
}

// warn reports what somebody should look at.
func (f *feed) warn(what string, attrs ...any) {
	f.logger.Log(context.Background(), slog.LevelWarn, "ipcio: "+what, attrs...)
}
