//go:build race

package schema

import "time"

// raceFactor is how much longer things may take.
const raceFactor time.Duration = 10
