//go:build linux && !race

package storm

const shorter = 1
