//go:build linux && race

package storm

// shorter is by how much storms are shorter with the race detector: what they
// are to find then are races, and one of a few is as good as one of many.
const shorter = 4
