//go:build darwin || freebsd

package sock

// limitMode does nothing: these kernels refuse to change the mode of a socket descriptor, or bind(2) ignores it.
func limitMode(int) error { return nil }
