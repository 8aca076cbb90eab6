//go:build !linux && !darwin && !freebsd

package outbox

import (
	"errors"
	"os"
)

func lockFile(*os.File) error { return errors.ErrUnsupported }

func noRoom(error) bool { return false }
