package schema

import (
	"slices"
	"strings"
)

// A Category says what a change breaks. A change may have several.
type Category uint8

// The categories.
const (
	CategoryWire     Category = 1 << iota // W: messages are refused
	CategorySource                        // S: programs that use the generated Go do not compile as they are
	CategoryBehavior                      // B: the same bytes mean something else
	CategoryPolicy                        // P: a rule of good order is broken
)

// String returns the letters of the categories, such as "W S".
func (c Category) String() string {
	var letters []string
	for i, letter := range []string{"W", "S", "B", "P"} {
		if c&(1<<i) != 0 {
			letters = append(letters, letter)
		}
	}
	return strings.Join(letters, " ")
}

// MarshalText returns what String returns.
func (c Category) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Level says when a change makes a comparison fail.
type Level uint8

// The levels.
const (
	LevelOrder Level = iota // if the policy does not allow its verdict
	LevelNote               // never
	LevelError              // always
)

// A Rule is a kind of change. NewReadsOld and OldReadsNew say what is possible
// at worst: a change is reported with what does fail.
//
//	new reads old   old reads new   verdict
//	yes             yes             any order
//	yes             no              readers first: readers take both forms before a writer uses the new one
//	no              yes             writers first: writers stop sending what is refused before a reader refuses it
//	no              no              never
//
// Who reads is a matter of the position. The server reads the payload of
// client->server and the replies, errors and streams of server->client. A type
// that is read by both, or by clients from clients, needs two releases where
// one side must be first.
type Rule struct {
	ID          Code
	Case        string // which of several cases of the id; "" if there is one
	Title       string
	Category    Category
	NewReadsOld bool // a new reader understands an old writer
	OldReadsNew bool // an old reader understands a new writer
	Level       Level
	Always      bool   // a raised version does not help
	Cause       string // why
	Fix         string // what to do instead, or how to do it
}

// Rules returns all rules, sorted by their ids. A rule with several cases has
// one entry for each.
func Rules() []Rule { return slices.Clone(rules) }

// FindRules returns the cases of a rule: none if there is no such id.
func FindRules(id Code) []Rule {
	var found []Rule
	for _, r := range rules {
		if r.ID == id {
			found = append(found, r)
		}
	}
	return found
}

// rule returns a case of a rule.
func rule(id Code, of string) *Rule {
	for i := range rules {
		if rules[i].ID == id && rules[i].Case == of {
			return &rules[i]
		}
	}
	panic("schema: no rule " + string(id) + " " + of)
}

// nothing is the Fix of rules that need none.
const nothing = "Nothing to do."

// rules is the whole knowledge about changes. B407 and B408 are kept for topics
// and streams. There is no rule about the order of declarations, docs and
// deprecations, because a change of these changes nothing.
var rules = func() []Rule {
	const (
		w   = CategoryWire
		s   = CategorySource
		b   = CategoryBehavior
		p   = CategoryPolicy
		yes = true
		no  = false
	)
	return []Rule{
		{"B101", "", "optional field added", w, yes, yes, LevelOrder, no,
			"Old readers skip a field they do not know, and for new readers it is absent.", nothing},
		{"B102", "", "required field added", w, no, yes, LevelOrder, no,
			"Old writers do not send it, and new readers refuse the message without it.",
			"Add it with opt<…>; make it required when every writer sends it."},
		{"B103", "", "optional field removed", w | s, yes, yes, LevelOrder, no,
			"New readers skip it, and for old readers it is absent.", "Reserve its name."},
		{"B104", "", "required field removed", w | s, yes, no, LevelOrder, no,
			"New writers do not send it, and old readers refuse the message without it.",
			"Make it opt<…> first; remove it when no reader needs it."},
		{"B105", "", "optional field became required", w | s, no, yes, LevelOrder, no,
			"Old writers may leave it out.", "Let every writer send it before readers need it."},
		{"B106", "", "required field became optional", w | s, yes, no, LevelOrder, no,
			"New writers may leave it out, and old readers refuse the message without it.",
			"Upgrade the readers before a writer leaves it out."},
		{"B107", "required", "required field renamed", w | s, no, no, LevelOrder, no,
			"Names travel: for a reader the old field is missing and the new one is unknown.",
			"Keep the name and give another one to Go with `go:`."},
		{"B107", "optional", "optional field renamed", s | b, yes, yes, LevelNote, no,
			"Names travel: nobody refuses the message, but the value is lost between old and new peers.",
			"Keep the name and give another one to Go with `go:`."},
		{"B108", "changed", "default added or changed", b, yes, yes, LevelNote, no,
			"An absent field means what its reader thinks it means: old and new readers differ.",
			"Change it if both meanings are fine; else let writers send the value."},
		{"B108", "removed", "default removed", b | s, yes, yes, LevelNote, no,
			"Readers that relied on the value of an absent field must now decide for themselves.",
			"Keep it, or look at every use of the getter."},
		{"B109", "", "secret removed", p, yes, yes, LevelNote, no,
			"From now on the value is printed and logged.", "Make sure that nobody minds."},
		{"B110", "", "constraint tightened or added", w, no, yes, LevelOrder, no,
			"Old writers may send what new readers refuse.", "Let writers obey it before readers enforce it."},
		{"B111", "", "constraint loosened or removed", w, yes, no, LevelOrder, no,
			"New writers may send what old readers refuse.", "Upgrade the readers before a writer makes use of it."},
		{"B112", "", "constraint replaced by another one", w, no, no, LevelOrder, no,
			"Each side may send what the other refuses.", "Loosen it to what both allow first, and tighten it later."},
		{"B113", "", "borrow added", b, yes, yes, LevelNote, no,
			"A handler that keeps the bytes, or reads them in another goroutine, used to have a copy; now they are lent until it returns.",
			"Copy what handlers keep."},

		{"B201", "", "integer type widened", w | s, yes, no, LevelOrder, no,
			"New writers may send numbers beyond the old type.", "Upgrade the readers before a writer sends larger numbers."},
		{"B202", "", "integer type narrowed", w | s, no, yes, LevelOrder, no,
			"Old writers may send numbers beyond the new type.", "Let writers send small numbers only before readers refuse the others."},
		{"B203", "", "signedness changed", w | s, no, no, LevelOrder, no,
			"Each type has numbers that the other lacks.", "Add a field with the new type and another name, or a range that both types hold."},
		{"B204", "", "type changed to a float that holds all old values", w | s, yes, no, LevelOrder, no,
			"Float readers take integers and shorter floats; the other way round nothing but an exact float32 is taken.",
			"Upgrade the readers before the writers."},
		{"B205", "", "type changed from a float to one that it holds", w | s, no, yes, LevelOrder, no,
			"Old writers send floats, which integer readers refuse; float32 readers refuse what is not exact.",
			"Upgrade the writers before the readers."},
		{"B206", "", "integer changed to a float that does not hold all values, or back", w | s, no, no, LevelOrder, no,
			"Integer readers refuse floats, and float readers refuse integers that are not exact, such as 2^53+1.",
			"Add a field with the new type and another name."},
		{"B207", "", "string changed to an open enum, or back", w | s, yes, yes, LevelOrder, no,
			"Both travel as text, and an open enum takes any text.", nothing},
		{"B208", "to enum", "string changed to a closed enum", w | s, no, yes, LevelOrder, no,
			"Old writers may send any text, and new readers take the declared values only.",
			"Let writers send declared values only before readers refuse the others, or leave the enum open."},
		{"B208", "to string", "closed enum changed to a string", w | s, yes, no, LevelOrder, no,
			"New writers may send any text, and old readers take the declared values only.",
			"Upgrade the readers before a writer sends another text."},
		{"B209", "to any", "type changed to any", w | s, yes, no, LevelOrder, no,
			"New writers may send what is not of the old type.", "Upgrade the readers before a writer makes use of it."},
		{"B209", "from any", "any changed to a type", w | s, no, yes, LevelOrder, no,
			"Old writers may send what is not of the new type.", "Let writers send this type only before readers refuse the others."},
		{"B210", "", "another type that travels the same way", s, yes, yes, LevelOrder, no,
			"A new type travels as what it is based on, and a duration as an int64 of nanoseconds.", nothing},
		{"B211", "", "type replaced by one that travels in another way", w | s, no, no, LevelOrder, no,
			"Readers of one refuse what writers of the other send.", "Add a field with the new type and another name, and reserve the old one."},

		{"B301", "", "value or variant added to an open type", w, yes, yes, LevelOrder, no,
			"Old readers keep what they do not know.", nothing},
		{"B302", "", "value or variant added to a closed type", w, yes, no, LevelOrder, no,
			"Old readers refuse it.", "Upgrade the readers before a writer sends it."},
		{"B303", "", "value or variant removed from an open type", w | s, yes, yes, LevelOrder, no,
			"New readers keep what they do not know.", "Reserve its name."},
		{"B304", "", "value or variant removed from a closed type", w | s, no, yes, LevelOrder, no,
			"New readers refuse it.", "Let no writer send it any more before readers refuse it."},
		{"B305", "closed", "open type closed", w | s, no, yes, LevelOrder, no,
			"Old writers may pass on values they do not know, and new readers refuse these.",
			"Let writers send declared values only before readers refuse the others."},
		{"B305", "opened", "closed type opened", w | s, yes, no, LevelOrder, no,
			"New writers may pass on values they do not know, and old readers refuse these.",
			"Upgrade the readers before a writer sends other values."},
		{"B306", "", "variant replaced by one that travels in another way", w | s, no, no, LevelOrder, no,
			"Readers of one refuse what writers of the other send.", "Add a variant with the new type and another name."},

		{"B401", "", "call added", w, yes, no, LevelNote, no,
			"Old peers answer that they do not know the command. Nothing that exists is refused.",
			"Upgrade those who answer first, or let callers handle the error for an unknown command."},
		{"B402", "", "event added", b, yes, no, LevelNote, no,
			"Old peers count it and drop it.", "Upgrade those who receive it first if it must not be lost."},
		{"B403", "deprecated", "deprecated command removed", w | s, no, yes, LevelOrder, no,
			"Old peers may still send it.", "Let nobody send it any more before its handler goes, and reserve its name."},
		{"B403", "not deprecated", "command removed that was not deprecated", w | s | p, no, yes, LevelError, no,
			"Old peers may still send it, and their authors were not told.",
			"Mark it `deprecated:` for a release first."},
		{"B404", "", "event became a call", w | s, yes, no, LevelOrder, no,
			"Old peers take it as an event and never answer.", "Upgrade those who answer before those who call."},
		{"B405", "", "call became an event", w | s, no, yes, LevelOrder, no,
			"Old callers wait for an answer that never comes.", "Upgrade those who call before those who answer."},
		{"B406", "added", "direction added", w, yes, no, LevelNote, no,
			"Old peers do not know the command from this side.", "Upgrade those who receive it first."},
		{"B406", "removed", "direction removed", w | s, no, yes, LevelOrder, no,
			"Old peers may still send it from this side.", "Let nobody send it from there any more before its handler goes."},
		{"B409", "", "error added to a command", b, yes, yes, LevelNote, no,
			"Old callers see a remote error with its name.", nothing},
		{"B410", "", "error removed from a command", s, yes, yes, LevelNote, no,
			"Callers keep code for what no longer happens.", nothing},
		{"B411", "", "fields of an error changed", w | s, no, no, LevelOrder, no,
			"The rules of fields apply; those who answer write them.", "See the rule that the finding names."},
		{"B412", "added", "idempotent added", b, yes, no, LevelOrder, no,
			"New callers may send the call again after a lost connection, and old peers may do it twice.",
			"Upgrade those who answer before those who call."},
		{"B412", "removed", "idempotent removed", b, no, yes, LevelOrder, no,
			"Old callers may send the call again after a lost connection.",
			"Upgrade those who call before those who answer."},
		{"B413", "", "retry changed", b, yes, yes, LevelNote, no,
			"Old and new callers differ in whether they try again.", nothing},
		{"B414", "added", "payload added", w | s, no, yes, LevelOrder, no,
			"A command without a payload sends an empty one: the rules of its fields apply.", "Make all its fields opt<…>."},
		{"B414", "removed", "payload removed", w | s, yes, no, LevelOrder, no,
			"A command without a payload sends an empty one: the rules of its fields apply.", "Make all its fields opt<…> first."},

		{"B501", "", "version changed", w, no, no, LevelError, no,
			"Peers with different versions refuse each other.",
			"Raise it only if all peers are replaced together, and allow it for this comparison."},
		{"B502", "", "protocol renamed", w, no, no, LevelError, yes,
			"Peers of different protocols refuse each other.", "Keep the name. A new protocol is a new schema."},
		{"B503", "", "reserved path dropped", p, yes, yes, LevelError, yes,
			"The name could come back with another meaning while old peers still know the old one.", "Put it back under `reserved:`."},
		{"B504", "", "removed name not reserved", p, yes, yes, LevelError, no,
			"The name could come back with another meaning while old peers still know the old one.", "Add it to `reserved:`."},

		{"B601", "", "Go name changed", s, yes, yes, LevelNote, no,
			"The generated Go has other names; nothing else changes.", nothing},
		{"B602", "", "type renamed", s, yes, yes, LevelNote, no,
			"Names of types do not travel; the generated Go has other names.", nothing},
	}
}()
