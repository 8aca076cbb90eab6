//go:build linux

// Package storm runs servers and clients as processes of their own, on real
// sockets, and does to them what happens to programs: it kills, stops and
// starves them and cuts their connections. Then it compares what was accepted
// with what was handled.
//
// Every process appends what it saw to a [Journal] before it goes on, so that
// a kill loses nothing that was reported. A [Checker] reads the journals in
// linear time: within one life of the server each accepted message is handled
// exactly once and in order, across a crash at least once and then flagged,
// and what is missing must have been reported as a gap.
//
// The storms run at two scales: as tests of this package in a short form, and
// with "make storm-server" and its siblings at full length. Each prints one
// line of figures that begins with "ledger:". They need Linux: descriptors are
// counted in /proc.
package storm
