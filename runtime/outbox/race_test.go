//go:build race

package outbox

// stride makes long tests of code that starts no goroutine shorter under the
// race detector, which is ten times slower.
const stride = 16
