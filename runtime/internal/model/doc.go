// Package model checks the delivery protocol: it enumerates every state that
// small configurations of it can reach. It has nothing but tests.
//
// A configuration is a handful of messages, a window of two, two connections
// at a time of which one may be half open, and a budget of faults: lost lanes,
// a server that dies or says goodbye, a session that is given up, a client that
// cancels, leaves or dies. The model takes one atomic step at a time and the
// search tries all of them in all orders, breadth first, so that the trace it
// prints for a violation is a shortest one.
//
// What is checked is named in properties_test.go, what keeps it true in
// rules_test.go. Each rule can be switched off, and a test shows that its
// absence is found: by which property, and with which trace. So neither a rule
// nor a check is there in vain.
//
// Two models stand beside it: of broadcasts (broadcast_test.go), and of several
// clients that want one name, whose holder is asked by PING whether it lives
// (names_test.go).
//
// The models are written from PROTOCOL.md, not from the code. They are tied to
// the code by conformance tests, which drive package session through random
// histories and demand that model and code take every step alike.
//
// Not in the models: bytes (a frame is whole or was not sent; package wire and
// the simulation of package session have them), more than two sessions with
// messages, time (whatever may time out may do so at any moment, but that a
// process which runs answers a PING in time), and windows in bytes.
package model
