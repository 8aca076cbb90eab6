package ipcio

import (
	"encoding/hex"
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// This file is about two sides that were built from different versions of one
// schema. They tell each other the fingerprints of their commands as soon as
// they are connected, so that each knows which ones differ, and why the other
// one refused something.

// A MismatchError says that two processes declare a command differently,
// because they were built from different versions of one schema. It is
// [ErrProtocolMismatch], and comes beside what was wrong with the message: see
// [ValidationError]. Commands that both declare alike are not affected.
type MismatchError struct {
	Command string
	Ours    string // the fingerprint of the command here, 16 hex digits
	Theirs  string // at the other side; "" if it did not say
	Peer    string // the client that is the other side; "" is the server

	here  string // "this client" or "this server"
	whole string // the fingerprint of all that the other side declares, if Theirs is ""
}

// Error names both fingerprints and the way out.
func (e *MismatchError) Error() string {
	there := "a fingerprint that is not known here"
	switch {
	case e.Theirs != "":
		there = fmt.Sprintf("fingerprint %q", clip(e.Theirs))
	case e.whole != "":
		there = fmt.Sprintf("a protocol of another fingerprint, %q", clip(e.whole))
	}
	return fmt.Sprintf("the two sides declare command %q differently: fingerprint %q at %s, %s at %s: upgrade the older one of the two"+
		` ("ipcio-gen breaking --against file:PATH" compares their schemas and says which first)`,
		e.Command, e.Ours, e.here, there, otherSide(e.Peer))
}

// Is reports whether target is [ErrProtocolMismatch].
func (e *MismatchError) Is(target error) bool { return target == ErrProtocolMismatch }

func otherSide(client string) string {
	if client == "" {
		return "the server"
	}
	return fmt.Sprintf("client %q", clip(client))
}

// mostNamed bounds how many commands a report names.
const mostNamed = 16

// A declaration says how the other side declares a command of this one.
type declaration struct {
	state declarationState
	print wire.Fingerprint // if it differs
}

type declarationState uint8

const (
	undeclared  declarationState = iota // it does not have the command
	sameThere                           // as this side does
	differs                             // in another way
	printAbsent                         // it does not know its own fingerprint
)

// peerCommands is what the other side told of its commands, as far as it
// matters here: a few bytes for each command of this side, however many it has.
type peerCommands struct {
	reader wire.CommandsReader
	of     []declaration // by the place of the command in Protocol.Commands
	others []string      // some of those that this side does not have
	more   int           // how many it does not have
}

// announcement returns the frames that tell the other side of the commands, nil
// if there is nothing to tell.
func (ep *endpoint) announcement() []byte {
	if ep.protocol == nil || ep.protocol.Fingerprint == "" || len(ep.specs) > wire.MaxCommands {
		return nil
	}
	commands := make([]wire.CommandPrint, 0, len(ep.specs))
	for name, spec := range ep.specs {
		if checkCommand(name) == nil {
			print, known := parsePrint(spec.Fingerprint)
			commands = append(commands, wire.CommandPrint{Name: name, Print: print, Known: known})
		}
	}
	return wire.AppendCommands(nil, commands)
}

func parsePrint(text string) (print wire.Fingerprint, known bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(print) {
		return print, false
	}
	return wire.Fingerprint(b), true
}

// versionsDiffer reports whether the other side was built from another version
// of the schema, as its fingerprint says.
func (ep *endpoint) versionsDiffer(theirs string) bool {
	return ep.protocol != nil && ep.protocol.Fingerprint != "" && theirs != "" && theirs != ep.protocol.Fingerprint
}

// meet notes what the handshake says of the other side. l.mu is held.
func (l *link) meet(fingerprint string) {
	if l.fingerprint != fingerprint {
		l.fingerprint, l.theirs, l.warned = fingerprint, nil, false
	}
	l.told = false
}

// announce writes the frames that tell the other side of the commands, if it
// has others. l.mu is held; nothing else was written to the lane but the
// handshake.
func (l *link) announce(ln *lane) {
	if l.ep.versionsDiffer(l.fingerprint) && len(l.ep.commands) > 0 {
		ln.send(l.ep.commands)
	}
}

// learn takes a frame that tells of the other side's commands. It is called by
// the reader of the lane; current is called with l.mu held.
func (l *link) learn(ln *lane, f *wire.Frame, current func() bool) error {
	if len(l.ep.commands) == 0 {
		return nil // there is nothing to compare with
	}
	if ln.told == nil {
		ln.told = &peerCommands{of: make([]declaration, len(l.ep.protocol.Commands))}
	}
	complete, err := ln.told.take(l.ep, f)
	if err != nil || !complete {
		return err
	}
	l.mu.Lock()
	report, first := false, false
	if current() && !l.ended {
		report, first = !l.told, !l.warned
		l.theirs, l.told, l.warned = ln.told, true, true
	}
	l.mu.Unlock()
	if report {
		l.reportVersions(ln.told, first)
	}
	return nil
}

func (t *peerCommands) take(ep *endpoint, f *wire.Frame) (complete bool, err error) {
	return t.reader.Read(f, func(c wire.CommandPrint) {
		i, ours := ep.places[c.Name]
		if !ours {
			if t.more++; len(t.others) < mostNamed {
				t.others = append(t.others, c.Name)
			}
			return
		}
		print, known := parsePrint(ep.protocol.Commands[i].Fingerprint)
		switch {
		case !c.Known || !known:
			t.of[i] = declaration{state: printAbsent}
		case c.Print == print:
			t.of[i] = declaration{state: sameThere}
		default:
			t.of[i] = declaration{differs, c.Print}
		}
	})
}

// reportVersions tells once for each connection which commands differ. It is a
// warning if some do, the first time that this version of the other side is
// met.
func (l *link) reportVersions(t *peerCommands, first bool) {
	var different, absent []string
	count := map[declarationState]int{}
	for i, d := range t.of {
		name := l.ep.protocol.Commands[i].Name
		switch count[d.state]++; {
		case d.state == differs && len(different) < mostNamed:
			different = append(different, name)
		case d.state == undeclared && len(absent) < mostNamed:
			absent = append(absent, name)
		}
	}
	l.mu.Lock()
	theirs := l.fingerprint
	l.mu.Unlock()
	attrs := []any{
		"other_side", otherSide(l.otherName()), "fingerprint", l.ep.protocol.Fingerprint, "other_fingerprint", clip(theirs),
		"differ", different, "differ_count", count[differs], "same_count", count[sameThere],
		"only_here", absent, "only_here_count", count[undeclared], "only_there", t.others, "only_there_count", t.more,
	}
	const what = "the other side has another version of the schema"
	if first && count[differs] > 0 {
		l.ep.log.warn(what+": it refuses, or is refused, what differs and does not fit", attrs...)
		return
	}
	l.ep.log.op(what, attrs...)
}

// direct reports whether a client of this name, "" for the server, is the other
// side of the link itself, and not one that the server relays for.
func (l *link) direct(peer string) bool { return l.ep.route != nil || peer == "" }

// otherName is the name of the client at the other side; "" at a client.
func (l *link) otherName() string {
	if l.member == nil {
		return ""
	}
	return l.member.Name
}

func (l *link) here() string {
	if l.ep.route != nil {
		return "this server"
	}
	return "this client"
}

// declaredThere returns how the other side of the link declares a command of
// this one. known is false if it did not say. whole is its fingerprint of all.
func (l *link) declaredThere(command string) (d declaration, known bool, whole string) {
	i, ours := l.ep.places[command]
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ours || l.theirs == nil {
		return d, false, l.fingerprint
	}
	d = l.theirs.of[i]
	return d, d.state != printAbsent, l.fingerprint
}

// mismatch returns how this side and peer differ in a command that one of them
// refused, or nil if they do not, or nothing says so. theirs is peer's
// fingerprint of the command if it came with the refusal.
func (l *link) mismatch(command, peer, theirs string) *MismatchError {
	spec := l.ep.specs[command]
	if spec == nil || spec.Fingerprint == "" {
		return nil
	}
	e := &MismatchError{Command: command, Ours: spec.Fingerprint, Theirs: theirs, Peer: peer, here: l.here()}
	switch {
	case theirs == spec.Fingerprint:
		return nil
	case theirs != "":
		return e
	case !l.direct(peer):
		return nil
	}
	d, known, whole := l.declaredThere(command)
	switch {
	case !l.ep.versionsDiffer(whole):
		return nil
	case !known:
		e.whole = whole
		return e
	case d.state == differs:
		e.Theirs = hex.EncodeToString(d.print[:])
		return e
	}
	return nil
}

// unread returns the error for what peer sent and this side cannot decode: a
// reply or a broadcast of a declared command. What another client declares is
// not known here, but it is not what this side does.
func (l *link) unread(command, peer string, err error) error {
	mismatch := l.mismatch(command, peer, "")
	if spec := l.ep.specs[command]; mismatch == nil && spec != nil && spec.Fingerprint != "" && !l.direct(peer) {
		mismatch = &MismatchError{Command: command, Ours: spec.Fingerprint, Peer: peer, here: l.here()}
	}
	if mismatch == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, mismatch)
}

// An unknownCommand is the error for a command that the other side does not
// declare, and has no handler for.
type unknownCommand struct {
	remote *RemoteError
	text   string
}

func (e *unknownCommand) Error() string   { return e.text }
func (e *unknownCommand) Unwrap() []error { return []error{e.remote, ErrUnknownCommand} }

// undeclaredThere returns what a refusal means if the command is one that the
// other side does not declare, else nil.
func (l *link) undeclaredThere(command, peer string, remote *RemoteError) error {
	if !l.direct(peer) {
		return nil
	}
	d, known, whole := l.declaredThere(command)
	if !known || d.state != undeclared {
		return nil
	}
	p := l.ep.protocol
	return &unknownCommand{remote, fmt.Sprintf(
		"%s does not know command %q: it speaks %q version %d with fingerprint %q, %s has %q: upgrade %[1]s, or do not send it the command",
		otherSide(peer), command, p.Name, p.Version, clip(whole), l.here(), p.Fingerprint)}
}
