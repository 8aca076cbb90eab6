package schema

// A flow says who writes and who reads at a position.
type flow uint8

const (
	toServer   flow = iota // a client writes, the server reads
	toClient               // the server writes, a client reads
	peerToPeer             // a client writes, another one reads
	flows
)

var (
	flowWriters = [...]string{toServer: "client", toClient: "server", peerToPeer: "client"}
	flowReaders = [...]string{toServer: "server", toClient: "client", peerToPeer: "client"}
)

// payloadFlows says who reads and writes the payloads of a direction. Replies
// and errors go the other way.
var payloadFlows = map[Direction][]flow{
	ClientToServer: {toServer}, ServerToClient: {toClient}, Both: {toServer, toClient}, ClientToClient: {peerToPeer},
}

// A version is that of a writer: its schema is the old or the new one, and that
// of its reader the other one.
type version uint8

const (
	oldWriter version = iota
	newWriter
	versions
)

var versionNames = [...]string{oldWriter: "old", newWriter: "new"}

// A slot is how a value gets into a message: what is around it.
type slot struct {
	command string
	part    string
	wrap    func(item) (item, status)
}

// inside returns the slot of what stands in a value at p.
func (p *slot) inside(wrap func(item) (item, status)) *slot {
	return &slot{p.command, p.part, func(it item) (item, status) {
		it, st := wrap(it)
		if st != found {
			return it, st
		}
		return p.wrap(it)
	}}
}

// Slots hold one for every flow and version that can have a value there,
// and nil for the others.
type slots [flows][versions]*slot

// inside returns the slots of what stands inside, given how a writer of each
// version wraps it; nil if it never writes one.
func (r *slots) inside(wraps [versions]func(item) (item, status)) *slots {
	var in slots
	for f := range r {
		for v, p := range r[f] {
			if p != nil && wraps[v] != nil {
				in[f][v] = p.inside(wraps[v])
			}
		}
	}
	return &in
}

// A pairing is a type of the old schema that stands where one of the new schema
// stands.
type pairing struct {
	old, new *Type
	reach    slots
	changes  []Change
	queued   bool
	ofError  bool // they are the fields of an error
}

// A comparison collects the changes.
type comparison struct {
	old, new *Schema
	*builder
	changes  []Change
	pairings map[[2]*Type]*pairing
	order    []*pairing
	queue    []*pairing
	current  *[]Change // where report appends
	errors   map[*Error]*Type
	reserved map[string]bool // in the new schema, folded
	named    [versions]map[string]bool
	inError  bool // the fields being compared are those of an error
}

func newComparison(old, new *Schema) *comparison {
	c := &comparison{
		old: old, new: new, builder: newBuilder(), pairings: make(map[[2]*Type]*pairing),
		errors: make(map[*Error]*Type), reserved: make(map[string]bool),
	}
	c.current = &c.changes
	for _, r := range new.Reserved {
		c.reserved[fold(r.Path)] = true
	}
	for v, s := range []*Schema{old, new} {
		c.named[v] = make(map[string]bool)
		for _, t := range s.Types {
			c.named[v][t.Name] = true
		}
	}
	return c
}

// A finding is a change without what follows from its rule.
type finding struct {
	rule     *Rule
	by       Code // Change.By
	path     string
	pos      Position
	inOld    bool
	message  string
	hint     string
	refusals [versions]func() (refusal, status) // by the writer's version; nil where the rule says that nothing is refused
	handles  bool                               // the refusals are not about bytes: see Witness.CBOR
}

// report adds a change, with a verdict that follows from what is refused at the
// places of reach. A nil reach is nowhere.
func (c *comparison) report(f finding, at *slots) {
	change := Change{
		Rule: f.rule, Path: f.path, Pos: f.pos, InOld: f.inOld, Message: f.message, Hint: f.hint,
	}
	if f.by != "" {
		change.By = f.by
	}
	if c.inError && f.rule.Category&CategoryWire != 0 {
		change.By, change.Rule = f.rule.ID, ofError(f.rule)
	}
	fails := [versions]bool{!f.rule.NewReadsOld, !f.rule.OldReadsNew}
	if at != nil && f.rule.Category != CategoryPolicy {
		var failed [flows]bool
		for v := range versions {
			if fails[v] && f.refusals[v] != nil {
				c.judge(&change, f, at, v, &failed)
			}
		}
	}
	concerns := change.Verdict != AnyOrder || f.rule.Category&(CategoryBehavior|CategoryPolicy) != 0
	switch {
	case !concerns:
		change.Hint = ""
	case change.Hint == "" && f.rule.Fix != nothing:
		change.Hint = f.rule.Fix
	}
	*c.current = append(*c.current, change)
}

// judge looks for what readers refuse of writers of one version and makes the
// verdict of it.
func (c *comparison) judge(change *Change, f finding, at *slots, v version, failed *[flows]bool) {
	d, st := f.refusals[v]()
	if st == none {
		return
	}
	shown, unshown := false, false
	for fl := range flows {
		p := at[fl][v]
		if p == nil {
			continue
		}
		w := Witness{
			Writer: versionNames[v] + " " + flowWriters[fl], Reader: versionNames[1-v] + " " + flowReaders[fl],
			Command: p.command, Part: p.part, Reason: d.reason,
		}
		built := st
		if st == found {
			var message item
			message, built = p.wrap(d.value)
			if built == found {
				w.Text = message.String()
				if !f.handles {
					w.CBOR = message.append(nil)
				}
			}
		}
		if built == none {
			continue // such a message does not exist
		}
		verdict := verdictOf(fl, v)
		if failed[fl] {
			verdict = Never // the other version, too
		}
		failed[fl] = true
		change.Verdict = change.Verdict.meet(verdict)
		switch {
		case built != found:
			unshown = true
		case !shown:
			shown = true
			change.Witnesses = append(change.Witnesses, w)
		}
	}
	change.Undecided = change.Undecided || unshown && !shown
}

// verdictOf returns the verdict if readers of a flow refuse writers of one
// version. They must then be upgraded first if the writer is new, and last if
// it is old.
func verdictOf(f flow, writer version) Verdict {
	switch {
	case f == peerToPeer:
		return TwoReleases
	case (f == toServer) == (writer == newWriter):
		return ServerFirst
	}
	return ClientFirst
}

// ofError returns the rule about the fields of errors with the verdict of one
// about fields.
func ofError(r *Rule) *Rule {
	of := *rule("B411", "")
	of.Category, of.NewReadsOld, of.OldReadsNew, of.Level, of.Fix = r.Category, r.NewReadsOld, r.OldReadsNew, r.Level, r.Fix
	return &of
}

// pair notes that two types stand at the same position and compares them again
// if that is news.
func (c *comparison) pair(old, new *Type, at *slots) *pairing {
	k := [2]*Type{old, new}
	p := c.pairings[k]
	if p == nil {
		p = &pairing{old: old, new: new}
		c.pairings[k] = p
		c.order = append(c.order, p)
	}
	news := false
	for f := range at {
		for v, here := range at[f] {
			if here != nil && p.reach[f][v] == nil {
				p.reach[f][v] = here
				news = true
			}
		}
	}
	if news && !p.queued {
		p.queued = true
		c.queue = append(c.queue, p)
	}
	return p
}

// pairs compares all pairs of types and those that these lead to.
func (c *comparison) pairs() {
	for len(c.queue) > 0 {
		p := c.queue[0]
		c.queue = c.queue[1:]
		p.queued = false
		p.changes = nil
		c.current = &p.changes
		c.inError = p.ofError
		c.types(p)
		c.inError = false
	}
	c.current = &c.changes
	for _, p := range c.order {
		c.changes = append(c.changes, p.changes...)
	}
}

// errorType returns the fields of an error as a struct.
func (c *comparison) errorType(e *Error) *Type {
	t := c.errors[e]
	if t == nil {
		t = &Type{Meta: e.Meta, Name: e.Name, Kind: Struct, File: e.File, Fields: e.Fields}
		c.errors[e] = t
	}
	return t
}

// pathOf returns the name of a type as it stands under reserved:.
func pathOf(t *Type) string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Variant != nil:
		return t.Variant.Union.Name + camel(t.Variant.Name)
	case t.Command != nil:
		name := t.Command.GoName
		if name == "" {
			name = camel(t.Command.Name)
		}
		if t == t.Command.Reply {
			return name + "Reply"
		}
		return name + "Payload"
	}
	return "struct"
}

// removed reports a name that is gone and not reserved.
func (c *comparison) removed(path string, pos Position, inOld bool) {
	if c.reserved[fold(path)] {
		return
	}
	c.report(finding{
		rule: rule("B504", ""), path: path, pos: pos, inOld: inOld,
		message: quote(path) + " was removed and is not reserved",
		hint:    "reserved: [" + path + "]",
	}, nil)
}

// byName returns the elements of both lists in pairs: those of new in their
// order with their old ones or nil, and then those of old that are gone, with
// nil.
func byName[T any](old, new []T, name func(T) string) (pairs [][2]*T) {
	index := make(map[string]int, len(old))
	for i := range old {
		index[name(old[i])] = i
	}
	kept := make([]bool, len(old))
	for i := range new {
		pair := [2]*T{nil, &new[i]}
		if j, ok := index[name(new[i])]; ok {
			pair[0], kept[j] = &old[j], true
		}
		pairs = append(pairs, pair)
	}
	for j := range old {
		if !kept[j] {
			pairs = append(pairs, [2]*T{&old[j], nil})
		}
	}
	return pairs
}
