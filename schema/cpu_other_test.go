//go:build !unix

package schema

import "time"

var begun = time.Now()

// cpuTime returns the time on the wall, where there is no better one.
func cpuTime() time.Duration { return time.Since(begun) }
