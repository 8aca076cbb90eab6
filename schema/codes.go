package schema

import "slices"

// A Code names a kind of finding. Codes are stable: a code never changes its
// meaning, and the code of a rule that is gone is not used again.
type Code string

// Title returns the rule in a few words, and "" for an unknown code.
func (c Code) Title() string { return explanation(c).Title }

// An Explanation is the long text of a [Code].
type Explanation struct {
	Title   string // the finding in a few words
	Cause   string // why it is refused
	Example string // a piece of a schema that produces it; may have several lines
	Fix     string // the same piece corrected, or what to do
}

// Explain returns the long text of a code, and whether there is such a code.
func Explain(c Code) (Explanation, bool) {
	e := explanation(c)
	return e, e != Explanation{}
}

// Codes returns every code there is, sorted.
func Codes() []Code {
	return slices.Sorted(func(yield func(Code) bool) {
		for _, table := range explanations {
			for c := range table {
				if !yield(c) {
					return
				}
			}
		}
	})
}

// explanations holds the tables, one a file.
var explanations = []map[Code]Explanation{structureExplanations, ruleExplanations, warningExplanations}

func explanation(c Code) Explanation {
	for _, table := range explanations {
		if e, ok := table[c]; ok {
			return e
		}
	}
	return Explanation{}
}

// The codes: E00 YAML, E01 structure, E02 types, E03 constraints and defaults,
// E04 commands, E05 Go names, which only a generator finds, and W06 what
// [Lint] advises against.
const (
	E0001 Code = "E0001" // YAML syntax
	E0002 Code = "E0002" // a tab is used for indentation
	E0003 Code = "E0003" // a second YAML document
	E0004 Code = "E0004" // declared twice
	E0005 Code = "E0005" // a key is not a plain name
	E0006 Code = "E0006" // anchors, aliases and merge keys
	E0007 Code = "E0007" // a YAML tag
	E0008 Code = "E0008" // the file is empty
	E0009 Code = "E0009" // a number that YAML versions read differently
	E0010 Code = "E0010" // a type was cut in two by the YAML comma
	E0011 Code = "E0011" // not valid UTF-8
	E0012 Code = "E0012" // a list or mapping is not closed

	E0101 Code = "E0101" // a required key is missing
	E0102 Code = "E0102" // a newer schema language
	E0103 Code = "E0103" // an unknown key
	E0104 Code = "E0104" // not supported by this version
	E0105 Code = "E0105" // a type declares more than one thing
	E0106 Code = "E0106" // nothing is declared
	E0107 Code = "E0107" // an included file does not exist
	E0108 Code = "E0108" // an include cycle
	E0109 Code = "E0109" // a key that belongs in the root file only
	E0110 Code = "E0110" // another kind of value is expected
	E0111 Code = "E0111" // a malformed protocol name
	E0112 Code = "E0112" // a limit is exceeded
	E0113 Code = "E0113" // a value that its key does not allow

	E0201 Code = "E0201" // an unknown type
	E0202 Code = "E0202" // a type of another language
	E0203 Code = "E0203" // a type spelled as in another language
	E0204 Code = "E0204" // no closing >
	E0205 Code = "E0205" // no element type
	E0206 Code = "E0206" // map keys are always strings
	E0207 Code = "E0207" // opt<> in a wrong place
	E0208 Code = "E0208" // a type that contains itself
	E0211 Code = "E0211" // an enum value twice
	E0212 Code = "E0212" // an enum value that is not a text
	E0213 Code = "E0213" // a struct that is two variants
	E0214 Code = "E0214" // no values
	E0215 Code = "E0215" // a malformed type name
	E0216 Code = "E0216" // a malformed field name
	E0217 Code = "E0217" // a reserved name
	E0218 Code = "E0218" // a reserved path of nothing
	E0219 Code = "E0219" // not a type expression

	E0301 Code = "E0301" // an empty range
	E0302 Code = "E0302" // not a range
	E0303 Code = "E0303" // a constraint that does not apply
	E0304 Code = "E0304" // a border outside of the type
	E0305 Code = "E0305" // not RE2
	E0306 Code = "E0306" // a default on a required field
	E0307 Code = "E0307" // a value that a constraint refuses
	E0308 Code = "E0308" // a default of another type
	E0309 Code = "E0309" // a duration without a unit
	E0310 Code = "E0310" // unique is for lists of scalars
	E0311 Code = "E0311" // an element of in of another type
	E0312 Code = "E0312" // a type without defaults
	E0313 Code = "E0313" // constraints on any
	E0314 Code = "E0314" // borrow is for bytes

	E0401 Code = "E0401" // a malformed command name
	E0402 Code = "E0402" // payload and reply must be structs
	E0403 Code = "E0403" // errors of an event
	E0404 Code = "E0404" // an unknown direction
	E0405 Code = "E0405" // an error that is not declared
	E0410 Code = "E0410" // a reserved command name
	E0411 Code = "E0411" // a built-in error
	E0412 Code = "E0412" // an idempotent event

	E0501 Code = "E0501" // two commands become one Go name
	E0502 Code = "E0502" // a type collides with a payload, reply or other implicit type
	E0503 Code = "E0503" // two enum values become one Go name
	E0504 Code = "E0504" // a type collides with generated code
	E0505 Code = "E0505" // a field collides with a generated method
	E0506 Code = "E0506" // not a Go package name

	W0601 Code = "W0601" // a type that nothing uses
	W0602 Code = "W0602" // a word that YAML 1.1 reads as a truth value
	W0603 Code = "W0603" // a command without doc
	W0604 Code = "W0604" // an anchor in a pattern
	W0605 Code = "W0605" // an optional bool without a default
	W0607 Code = "W0607" // an unbounded list from clients
	W0608 Code = "W0608" // a duration as an integer
	W0609 Code = "W0609" // an enum as a string
	W0610 Code = "W0610" // something deprecated in use
	W0611 Code = "W0611" // a closed enum or union to clients
	W0612 Code = "W0612" // a secret that is not marked
	W0690 Code = "W0690" // an allow that allows nothing
)
