package schema

import (
	"slices"
	"strconv"
	"strings"
)

// schemas compares the headers and the commands, and then the types that these
// reach.
func (c *comparison) schemas() {
	top := Position{}
	if len(c.new.Files) > 0 {
		top = Position{File: c.new.Files[0], Line: 1, Column: 1}
	}
	if c.old.Protocol != c.new.Protocol {
		c.header("B502", top, "the protocol "+quote(c.old.Protocol)+" was renamed to "+quote(c.new.Protocol),
			"protocol "+c.old.Protocol, "the protocol is "+c.new.Protocol)
	}
	if c.old.Version != c.new.Version {
		old, new := strconv.Itoa(c.old.Version), strconv.Itoa(c.new.Version)
		c.header("B501", top, "the version changed from "+old+" to "+new, "version "+old, "the version is "+new)
	}
	for _, r := range c.old.Reserved {
		if !c.reserved[fold(r.Path)] {
			c.report(finding{rule: rule("B503", ""), path: r.Path, pos: r.Pos, inOld: true,
				message: "the reserved path " + quote(r.Path) + " was dropped"}, nil)
		}
	}
	if c.old.Go.Package != c.new.Go.Package {
		c.goName("package", c.old.Go.Package, c.new.Go.Package, c.new.Go.Pos)
	}
	words := func(s *Schema) string { return strings.Join(slices.Sorted(slices.Values(s.Go.Initialisms)), " ") }
	if words(c.old) != words(c.new) {
		c.report(finding{rule: rule("B601", ""), path: "initialisms", pos: c.new.Go.Pos,
			message: "the initialisms of Go names changed"}, nil)
	}
	for _, pair := range byName(c.old.Commands, c.new.Commands, func(c *Command) string { return c.Name }) {
		switch {
		case pair[0] == nil:
			c.commandAdded(*pair[1])
		case pair[1] == nil:
			c.commandRemoved(*pair[0])
		default:
			c.command(*pair[0], *pair[1])
		}
	}
	for _, pair := range byName(c.old.Errors, c.new.Errors, func(e *Error) string { return e.Name }) {
		switch {
		case pair[0] == nil:
		case pair[1] == nil:
			c.removed((*pair[0]).Name, (*pair[0]).Pos, true)
		default:
			old, new := *pair[0], *pair[1]
			c.goNames(new.Name, old.Meta, new.Meta)
			if old.Retry != new.Retry {
				c.report(finding{rule: rule("B413", ""), path: new.Name, pos: new.Pos,
					message: "`retry` of error " + quote(new.Name) + " is now " + strconv.FormatBool(new.Retry)}, nil)
			}
		}
	}
	c.pairs()
}

// header reports a change that lets peers refuse each other.
func (c *comparison) header(id Code, pos Position, message, hello, reason string) {
	change := Change{Rule: rule(id, ""), Pos: pos, Message: message, Verdict: Never, Hint: rule(id, "").Fix,
		Witnesses: []Witness{{Writer: "old client", Reader: "new server", Text: "hello, " + hello, Reason: reason}}}
	*c.current = append(*c.current, change)
}

func (c *comparison) goNames(path string, old, new Meta) {
	if old.GoName != new.GoName {
		c.goName(path, old.GoName, new.GoName, new.Pos)
	}
}

func (c *comparison) goName(path, old, new string, pos Position) {
	word := func(s string) string {
		if s == "" {
			return "the usual one"
		}
		return quote(s)
	}
	c.report(finding{rule: rule("B601", ""), path: path, pos: pos,
		message: "the Go name of " + quote(path) + " changed from " + word(old) + " to " + word(new)}, nil)
}

// everywhere returns the slots of the messages of a command that both versions
// have.
func everywhere(command, part string, list []flow) *slots {
	var r slots
	for _, f := range list {
		for v := range versions {
			r[f][v] = &slot{command, part, func(it item) (item, status) { return it, found }}
		}
	}
	return &r
}

// payload returns what a writer sends with a command.
func (c *comparison) payload(cmd *Command, reason string) func() (refusal, status) {
	return func() (refusal, status) {
		if cmd.Payload == nil {
			return refusal{mapItem(), reason}, found
		}
		it, st := c.structure(cmd.Payload, "", item{})
		return refusal{it, reason}, st
	}
}

// handling reports a change that is about what a peer does with a command. The
// refusals are those of the side that the rule names.
func (c *comparison) handling(r *Rule, by Code, sent *Command, pos Position, inOld bool, at *slots, message, reason string) {
	f := finding{rule: r, by: by, path: sent.Name, pos: pos, inOld: inOld, message: message, handles: true}
	if !r.NewReadsOld {
		f.refusals[oldWriter] = c.payload(sent, reason)
	}
	if !r.OldReadsNew {
		f.refusals[newWriter] = c.payload(sent, reason)
	}
	c.report(f, at)
}

func kindOf(c *Command) string {
	if c.IsCall() {
		return "call"
	}
	return "event"
}

func (c *comparison) commandAdded(cmd *Command) {
	id := Code("B402")
	if cmd.IsCall() {
		id = "B401"
	}
	c.handling(rule(id, ""), "", cmd, cmd.Pos, false, everywhere(cmd.Name, "payload", payloadFlows[cmd.Direction]),
		"the "+kindOf(cmd)+" "+quote(cmd.Name)+" was added", "unknown command")
}

func (c *comparison) commandRemoved(cmd *Command) {
	of := "deprecated"
	message := "the deprecated " + kindOf(cmd) + " " + quote(cmd.Name) + " was removed"
	if cmd.Deprecated == "" {
		of = "not deprecated"
		message = "the " + kindOf(cmd) + " " + quote(cmd.Name) + " was removed without having been deprecated"
	}
	c.handling(rule("B403", of), "", cmd, cmd.Pos, true, everywhere(cmd.Name, "payload", payloadFlows[cmd.Direction]), message, "unknown command")
	c.removed(cmd.Name, cmd.Pos, true)
}

// command compares a command that both schemas have.
func (c *comparison) command(old, new *Command) {
	c.goNames(new.Name, old.Meta, new.Meta)
	c.directions(old, new)
	var common []flow
	for _, f := range payloadFlows[new.Direction] {
		if slices.Contains(payloadFlows[old.Direction], f) {
			common = append(common, f)
		}
	}
	var answers []flow
	for _, f := range common {
		switch f {
		case toServer:
			answers = append(answers, toClient)
		case toClient:
			answers = append(answers, toServer)
		default:
			answers = append(answers, f)
		}
	}
	payload, reply := everywhere(new.Name, "payload", common), everywhere(new.Name, "reply", answers)
	c.payloads(old, new, payload)
	switch {
	case !old.IsCall() && new.IsCall():
		c.handling(rule("B404", ""), "", new, new.Pos, false, payload, "the event "+quote(new.Name)+" became a call", "it is an event here: there is no answer")
	case old.IsCall() && !new.IsCall():
		c.handling(rule("B405", ""), "", old, new.Pos, false, payload, "the call "+quote(new.Name)+" became an event", "it is an event here: there is no answer")
	case old.IsCall():
		c.pair(old.Reply, new.Reply, reply)
		c.replies(old, new, payload, answers)
	}
}

// payloads compares what a command carries. One without a payload sends and
// takes a struct without fields.
func (c *comparison) payloads(old, new *Command, at *slots) {
	switch {
	case old.Payload == nil && new.Payload == nil:
	case old.Payload == nil:
		empty := &Type{Kind: Struct}
		c.report(finding{rule: rule("B414", "added"), path: new.Name, pos: new.Payload.Pos,
			message: "a payload was added to " + quote(new.Name),
			refusals: [versions]func() (refusal, status){oldWriter: func() (refusal, status) {
				return c.fitting().keyed(structSpot(empty), structSpot(new.Payload))
			}}}, at)
	case new.Payload == nil:
		empty := &Type{Kind: Struct}
		c.report(finding{rule: rule("B414", "removed"), path: new.Name, pos: new.Pos,
			message: "the payload of " + quote(new.Name) + " was removed",
			refusals: [versions]func() (refusal, status){newWriter: func() (refusal, status) {
				return c.fitting().keyed(structSpot(empty), structSpot(old.Payload))
			}}}, at)
	default:
		c.pair(old.Payload, new.Payload, at)
	}
}

func structSpot(t *Type) spot { return spot{expr: &Expr{Kind: NamedExpr, Named: t}} }

// replies compares what a call may fail with and whether it may be repeated.
func (c *comparison) replies(old, new *Command, payload *slots, answers []flow) {
	if old.Idempotent != new.Idempotent {
		of, message := "added", quote(new.Name)+" became idempotent"
		if old.Idempotent {
			of, message = "removed", quote(new.Name)+" is no longer idempotent"
		}
		c.handling(rule("B412", of), "", new, new.Pos, false, payload, message, "sent again after a lost connection, it may be done twice")
	}
	for _, pair := range byName(old.Errors, new.Errors, func(e *Error) string { return e.Name }) {
		switch {
		case pair[0] == nil:
			c.report(finding{rule: rule("B409", ""), path: new.Name, pos: new.Pos,
				message: "the error " + quote((*pair[1]).Name) + " was added to " + quote(new.Name)}, nil)
		case pair[1] == nil:
			c.report(finding{rule: rule("B410", ""), path: new.Name, pos: new.Pos,
				message: "the error " + quote((*pair[0]).Name) + " was removed from " + quote(new.Name)}, nil)
		default:
			c.pair(c.errorType(*pair[0]), c.errorType(*pair[1]), everywhere(new.Name, (*pair[1]).Name, answers)).ofError = true
		}
	}
}

// directions reports who may send a command now and could not, and the other
// way round.
func (c *comparison) directions(old, new *Command) {
	if old.Direction == new.Direction {
		return
	}
	addedBy := Code("B402")
	if new.IsCall() {
		addedBy = "B401"
	}
	for f := range flows {
		was, is := slices.Contains(payloadFlows[old.Direction], f), slices.Contains(payloadFlows[new.Direction], f)
		from := flowWriters[f] + " to " + flowReaders[f]
		at := everywhere(new.Name, "payload", []flow{f})
		switch {
		case is && !was:
			c.handling(rule("B406", "added"), addedBy, new, new.Pos, false, at, quote(new.Name)+" may now be sent from "+from, "unknown command")
		case was && !is:
			c.handling(rule("B406", "removed"), "B403", old, new.Pos, false, at, quote(new.Name)+" may no longer be sent from "+from, "unknown command")
		}
	}
}
