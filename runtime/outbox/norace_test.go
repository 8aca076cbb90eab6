//go:build !race

package outbox

const stride = 1
