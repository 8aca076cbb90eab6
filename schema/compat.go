package schema

import (
	"cmp"
	"slices"
)

// A Verdict says in which order peers may be upgraded from one schema to
// another.
type Verdict uint8

// The verdicts, from the best to the worst.
const (
	AnyOrder    Verdict = iota // every peer may be upgraded at any time
	ServerFirst                // the server, and then the clients
	ClientFirst                // the clients, and then the server
	TwoReleases                // no order is right; two releases, one after the other, are
	Never                      // old and new peers must not talk about it; it needs a new name
)

var verdictNames = [...]string{
	AnyOrder: "any", ServerFirst: "server-first", ClientFirst: "client-first", TwoReleases: "two-releases", Never: "never",
}

// String returns the verdict in one word, as reports show it.
func (v Verdict) String() string { return verdictNames[v] }

// MarshalText returns what String returns.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// meet returns the verdict about two changes made together.
func (v Verdict) meet(w Verdict) Verdict {
	if v > w {
		v, w = w, v
	}
	if v == ServerFirst && w == ClientFirst {
		return TwoReleases
	}
	return w
}

// A Policy is the order in which the peers of a project are upgraded.
type Policy uint8

// The policies. The default is strict because on one machine both orders
// happen: the daemon restarts while a window stays open, and a package replaces
// a command-line tool while the old daemon keeps running.
const (
	PolicyAnyOrder    Policy = iota // nobody knows
	PolicyServerFirst               // the server is always the first
	PolicyClientFirst               // the clients always are
)

var policyNames = [...]string{PolicyAnyOrder: "any-order", PolicyServerFirst: "server-first", PolicyClientFirst: "client-first"}

// String returns the policy as [ParsePolicy] takes it.
func (p Policy) String() string { return policyNames[p] }

// ParsePolicy returns the policy any-order, server-first or client-first, and
// whether text is one of these.
func ParsePolicy(text string) (Policy, bool) {
	i := slices.Index(policyNames[:], text)
	return Policy(max(i, 0)), i >= 0
}

// allows reports whether a change with this verdict is fine under p.
func (p Policy) allows(v Verdict) bool {
	return v == AnyOrder || v == ServerFirst && p == PolicyServerFirst || v == ClientFirst && p == PolicyClientFirst
}

// CompareOptions change what [Compare] lets pass. The zero value is valid.
type CompareOptions struct {
	Policy     Policy
	AllowMajor bool // a raised version may change everything but the protocol: old and new peers refuse each other
}

// A Change is one difference between two schemas that somebody may have to
// know about.
type Change struct {
	Rule    *Rule    // what changed
	By      Code     // for B406 and B411 the rule that decides, else ""
	Path    string   // as under reserved:, such as Job.owner; [] is an element of a list, {} a value of a map
	Pos     Position // in the new schema, or in the old one if InOld; may be invalid for a schema from a lock
	InOld   bool     // Pos is a place in the old schema
	Message string   // what changed, in one line
	Verdict Verdict
	Fails   bool // under the options of the comparison
	Hint    string

	// Witnesses hold a message for each version of writers of which readers
	// refuse something: one or two, unless Verdict is AnyOrder.
	Witnesses []Witness
	// Undecided means that one is missing: nothing was found that is refused, and
	// there is no proof that there is nothing. Formats, and very large patterns
	// and sizes, are beyond what is decided. Verdict is then the worse one.
	Undecided bool
}

// A Witness is a message that one side may send and the other refuses.
type Witness struct {
	Writer  string // such as "old client"
	Reader  string // such as "new server"
	Command string // "" for what happens before any command
	Part    string // payload, reply, or the name of the error whose fields these are; "" if there is no message
	Text    string // the message as people read it: JSON with the types that JSON lacks
	CBOR    []byte // the message as it travels, deterministic; nil if no bytes are refused, only what they mean
	Reason  string // why it is refused
}

// A Report is what [Compare] returns.
type Report struct {
	Changes []Change // those that fail first, then by verdict, the worst first, then by place
	Order   Verdict  // of all changes together
	// Major means that the version was raised and that this is allowed, so that
	// the verdicts of the single changes do not matter.
	Major  bool
	Policy Policy

	old, new *Schema
	rename   func(file string, old bool) string // or nil: see Rename
}

// Failed reports whether a change fails.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Changes, func(c Change) bool { return c.Fails })
}

// A Release is one of the steps in which changes are brought to the peers.
type Release struct {
	Order   Verdict // AnyOrder, ServerFirst or ClientFirst
	Changes []Change
}

// Releases returns how to bring the changes to the peers: nothing if an order
// exists for all of them or if one can never be made, else two releases. A
// change that itself needs two releases stands in both: in the first one its
// readers take the old and the new form, in the second one the writers use the
// new form only, or the other way round; see [Rule].
func (r *Report) Releases() []Release {
	if r.Order != TwoReleases || r.Major {
		return nil
	}
	releases := []Release{{Order: ServerFirst}, {Order: ClientFirst}}
	for _, c := range r.Changes {
		if c.Verdict == ServerFirst || c.Verdict == TwoReleases {
			releases[0].Changes = append(releases[0].Changes, c)
		}
		if c.Verdict == ClientFirst || c.Verdict == TwoReleases {
			releases[1].Changes = append(releases[1].Changes, c)
		}
	}
	for i := range releases {
		if !slices.ContainsFunc(releases[i].Changes, func(c Change) bool { return c.Verdict != TwoReleases }) {
			releases[i].Order = AnyOrder // every step of such a change is one
		}
	}
	return releases
}

// Compare returns what changed from one schema to another and in which order
// peers may be upgraded. Every verdict other than any order is proved by a
// message that one side may send and the other refuses, and a change that could
// matter but does not, such as a wider type under the same range, is found to
// be safe. Both schemas may come from [Load] or from [ParseSnapshot]. Compare
// does not change them, does no input or output and may be called concurrently.
//
// It works per position: a payload has one writer and one reader, a reply the
// opposite ones, and a type stands in all positions of the commands that reach
// it. A [Rule] says whether new readers understand old writers and old readers
// new writers; the directions of the positions make an order of that.
//
// Names of types, docs, deprecations, and the order of declarations do not
// travel. New commands and new events are reported with the order that their
// users need, but never fail: no message that exists is refused.
func Compare(old, new *Schema, opts CompareOptions) *Report {
	c := newComparison(old, new)
	c.schemas()
	r := &Report{Changes: c.changes, Policy: opts.Policy, old: old, new: new}
	r.Major = opts.AllowMajor && new.Version > old.Version && new.Protocol == old.Protocol
	advice := AnyOrder
	for i := range r.Changes {
		c := &r.Changes[i]
		switch c.Rule.Level {
		case LevelOrder:
			c.Fails = !opts.Policy.allows(c.Verdict) && !r.Major
		case LevelError:
			c.Fails = !r.Major || c.Rule.Always
		}
		if c.Rule.Level == LevelNote {
			advice = advice.meet(c.Verdict)
		} else {
			r.Order = r.Order.meet(c.Verdict)
		}
	}
	if r.Order == AnyOrder && advice < TwoReleases {
		r.Order = advice // what must be goes before what is better
	}
	order := make(map[string]int)
	for i, f := range new.Files {
		order[f] = i
	}
	slices.SortStableFunc(r.Changes, func(a, b Change) int {
		return cmp.Or(
			-cmp.Compare(failing(a), failing(b)),
			-cmp.Compare(a.Verdict, b.Verdict),
			cmp.Compare(order[a.Pos.File], order[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			cmp.Compare(a.Rule.ID, b.Rule.ID),
			cmp.Compare(a.Path, b.Path),
		)
	})
	r.Changes = slices.CompactFunc(r.Changes, func(a, b Change) bool {
		return a.Rule == b.Rule && a.Path == b.Path && a.Message == b.Message && a.Pos == b.Pos && a.Verdict == b.Verdict
	})
	return r
}

func failing(c Change) int {
	if c.Fails {
		return 1
	}
	return 0
}
