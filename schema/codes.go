package schema

import "slices"

// A Code names a kind of finding. Codes are stable: a code never changes its
// meaning, and the code of a rule that is gone is not used again.
type Code string

// Title returns the rule in a few words, and "" for an unknown code.
func (c Code) Title() string { return explanations[c].Title }

// An Explanation is the long text of a [Code].
type Explanation struct {
	Title   string // the finding in a few words
	Cause   string // why it is refused
	Example string // a piece of a schema that produces it; may have several lines
	Fix     string // the same piece corrected, or what to do
}

// Explain returns the long text of a code, and whether there is such a code.
func Explain(c Code) (Explanation, bool) {
	e, ok := explanations[c]
	return e, ok
}

// Codes returns every code there is, sorted.
func Codes() []Code {
	codes := make([]Code, 0, len(explanations))
	for c := range explanations {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return codes
}

// The codes: E00 YAML, E01 structure, E02 types, E04 commands, and E05 Go
// names, which only a generator finds.
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
	E0214 Code = "E0214" // no values
	E0215 Code = "E0215" // a malformed type name
	E0216 Code = "E0216" // a malformed field name
	E0219 Code = "E0219" // not a type expression

	E0401 Code = "E0401" // a malformed command name
	E0402 Code = "E0402" // payload and reply must be structs
	E0404 Code = "E0404" // an unknown direction
	E0410 Code = "E0410" // a reserved command name

	E0501 Code = "E0501" // two commands become one Go name
	E0502 Code = "E0502" // a type collides with a payload, reply or other implicit type
	E0503 Code = "E0503" // two enum values become one Go name
	E0504 Code = "E0504" // a type collides with generated code
	E0505 Code = "E0505" // a field collides with a generated method
	E0506 Code = "E0506" // not a Go package name
)

var explanations = map[Code]Explanation{
	E0001: {
		Title:   "YAML syntax",
		Cause:   "The file is not YAML as YAML 1.1 and 1.2 both read it. Most often a text holds \": \" or \" #\", begins with a sign that means something to YAML, or a line is indented differently from its neighbours.",
		Example: "doc: use x: y",
		Fix:     "doc: \"use x: y\"",
	},
	E0002: {
		Title:   "a tab is used for indentation",
		Cause:   "YAML indents with spaces only.",
		Example: "types:\n\tJobID: uuid",
		Fix:     "types:\n  JobID: uuid",
	},
	E0003: {
		Title:   "a second YAML document",
		Cause:   "A schema file holds one document; other YAML tools read only the first one without a word.",
		Example: "ipcio: 1\nprotocol: jobs\n---\ntypes: {}",
		Fix:     "Put the second part in a file of its own and name it under include:.",
	},
	E0004: {
		Title:   "declared twice",
		Cause:   "The same name stands twice in one place, or in two files of one protocol. YAML tools keep either one silently.",
		Example: "job.get: {}\njob.get: {reply: {}}",
		Fix:     "Delete or rename one of the two.",
	},
	E0005: {
		Title:   "a key is not a plain name",
		Cause:   "YAML allows lists, mappings, numbers and truth values as keys; the schema language does not.",
		Example: "{[a, b]: string}",
		Fix:     "{a: string, b: string}",
	},
	E0006: {
		Title:   "anchors, aliases and merge keys",
		Cause:   "A schema is read by people and diffed line by line, so nothing in it stands for something elsewhere, except a type by its name.",
		Example: "a: &job {id: uuid}\nb: *job",
		Fix:     "Declare a type under types: and use its name.",
	},
	E0007: {
		Title:   "a YAML tag",
		Cause:   "Tags change what a YAML value is; the schema language has its own types.",
		Example: "id: !uuid x",
		Fix:     "id: uuid",
	},
	E0008: {
		Title:   "the file is empty",
		Cause:   "The file holds nothing, or only comments.",
		Example: "# to do",
		Fix:     "ipcio: 1\nprotocol: jobs",
	},
	E0009: {
		Title:   "a number that YAML versions read differently",
		Cause:   "YAML 1.1 and 1.2 disagree on numbers with a leading zero, with _ and in other bases, so only 0 and digits without a leading zero are numbers here.",
		Example: "version: 017",
		Fix:     "version: 17",
	},
	E0010: {
		Title:   "a type was cut in two by the YAML comma",
		Cause:   "Inside { } and [ ] a comma ends a value. Maps always have string keys, so a type never needs a comma.",
		Example: "{m: map<string, int64>}",
		Fix:     "{m: map<int64>}",
	},
	E0011: {
		Title:   "not valid UTF-8",
		Cause:   "The file was saved in another encoding.",
		Example: "doc: caf\\xe9",
		Fix:     "Save the file as UTF-8.",
	},
	E0012: {
		Title:   "a list or mapping is not closed",
		Cause:   "A [ or { has no ] or }.",
		Example: "include: [common.yaml",
		Fix:     "include: [common.yaml]",
	},
	E0101: {
		Title:   "a required key is missing",
		Cause:   "Every file begins with ipcio:, and the root file names its protocol.",
		Example: "protocol: jobs",
		Fix:     "ipcio: 1\nprotocol: jobs",
	},
	E0102: {
		Title:   "a newer schema language",
		Cause:   "The number after ipcio: is the version of the language. This program knows version 1.",
		Example: "ipcio: 2",
		Fix:     "Update the program, or write ipcio: 1.",
	},
	E0103: {
		Title:   "an unknown key",
		Cause:   "Each declaration has a fixed set of keys; see the package documentation.",
		Example: "job.get: {params: {job: JobID}}",
		Fix:     "job.get: {payload: {job: JobID}}",
	},
	E0104: {
		Title:   "not supported by this version",
		Cause:   "The word belongs to the language or is kept for it, but this version does not build it. It is refused rather than ignored, because a constraint that nobody checks is worse than none.",
		Example: "job.logs: {stream: LogLine}",
		Fix:     "Leave it out, or update the program.",
	},
	E0105: {
		Title:   "a type declares more than one thing",
		Cause:   "A type has exactly one of type, fields and enum.",
		Example: "Job: {fields: {id: uuid}, enum: [a]}",
		Fix:     "Job: {fields: {id: uuid}}",
	},
	E0106: {
		Title:   "nothing is declared",
		Cause:   "The declaration does not say what it is.",
		Example: "Job: {doc: A job.}",
		Fix:     "Job: {doc: A job., fields: {id: uuid}}",
	},
	E0107: {
		Title:   "an included file does not exist",
		Cause:   "Paths under include: are relative to the root file.",
		Example: "include: [comon.yaml]",
		Fix:     "include: [common.yaml]",
	},
	E0108: {
		Title:   "an include cycle",
		Cause:   "The root file includes itself.",
		Example: "# commands.yaml\ninclude: [commands.yaml]",
		Fix:     "Remove the path from include:.",
	},
	E0109: {
		Title:   "a key that belongs in the root file only",
		Cause:   "What the protocol is called, its version, its files and the generator's options are said once.",
		Example: "# common.yaml\nipcio: 1\nversion: 2",
		Fix:     "Move the key to the root file.",
	},
	E0110: {
		Title:   "another kind of value is expected",
		Cause:   "A mapping, a list or a text stands where another of them must stand, or nothing at all.",
		Example: "commands: [job.get]",
		Fix:     "commands: {job.get: {}}",
	},
	E0111: {
		Title:   "a malformed protocol name",
		Cause:   "Protocol names are lower_snake: a letter a-z, then letters a-z, digits and _.",
		Example: "protocol: Job-Runner",
		Fix:     "protocol: job_runner",
	},
	E0112: {
		Title:   "a limit is exceeded",
		Cause:   "Everything in a schema is bounded: see the package documentation for the limits.",
		Example: "(a file of more than 256 KiB)",
		Fix:     "Split the file with include:, or shorten the name.",
	},
	E0113: {
		Title:   "a value that its key does not allow",
		Cause:   "The key is right and the value has the right form, but not a meaning this key has.",
		Example: "closed: maybe",
		Fix:     "closed: true",
	},
	E0201: {
		Title:   "an unknown type",
		Cause:   "The name is neither built in nor declared under types: in any file of the protocol.",
		Example: "state: JobSate",
		Fix:     "state: JobState",
	},
	E0202: {
		Title:   "a type of another language",
		Cause:   "The word is a type elsewhere; here it has another name. Integers and floats always say their size.",
		Example: "count: int",
		Fix:     "count: int64",
	},
	E0203: {
		Title:   "a type spelled as in another language",
		Cause:   "Lists, maps and optional fields have one spelling each.",
		Example: "tags: \"[]string\"",
		Fix:     "tags: list<string>",
	},
	E0204: {
		Title:   "no closing >",
		Cause:   "The type opens a < that nothing closes.",
		Example: "tags: list<string",
		Fix:     "tags: list<string>",
	},
	E0205: {
		Title:   "no element type",
		Cause:   "list, map and opt need a type between < and >.",
		Example: "tags: list",
		Fix:     "tags: list<string>",
	},
	E0206: {
		Title:   "map keys are always strings",
		Cause:   "A map says only what its values are.",
		Example: "m: \"map<int32, string>\"",
		Fix:     "m: map<string>, or a list of structs",
	},
	E0207: {
		Title:   "opt<> in a wrong place",
		Cause:   "Only a field as a whole can be absent. Elements of lists and maps are there or not in the list; a new type says what a value is, not whether it is there. A trailing ? is not a spelling of it.",
		Example: "xs: list<opt<string>>",
		Fix:     "xs: opt<list<string>>",
	},
	E0208: {
		Title:   "a type that contains itself",
		Cause:   "Every value of the type would contain another value of the type, without end.",
		Example: "Node: {fields: {next: Node}}",
		Fix:     "Node: {fields: {next: opt<Node>}}",
	},
	E0211: {
		Title:   "an enum value twice",
		Cause:   "The values of an enum are distinct.",
		Example: "enum: [low, high, low]",
		Fix:     "enum: [low, high]",
	},
	E0212: {
		Title:   "an enum value that is not a text",
		Cause:   "Enum values travel as text. YAML reads this one as something else.",
		Example: "enum: [1, 2]",
		Fix:     "enum: [\"1\", \"2\"]",
	},
	E0214: {
		Title:   "no values",
		Cause:   "An enum without values has no value at all.",
		Example: "State: {enum: []}",
		Fix:     "State: {enum: [idle]}",
	},
	E0215: {
		Title:   "a malformed type name",
		Cause:   "Type names are PascalCase: a letter A-Z, then ASCII letters and digits.",
		Example: "job_state: uuid",
		Fix:     "JobState: uuid",
	},
	E0216: {
		Title:   "a malformed field name",
		Cause:   "Field names are lower_snake: a letter a-z, then letters a-z, digits and _.",
		Example: "exitCode: int32",
		Fix:     "exit_code: int32",
	},
	E0219: {
		Title:   "not a type expression",
		Cause:   "Something stands before, after or inside the type that has no meaning there. Types are written without blanks.",
		Example: "tags: list<string>>",
		Fix:     "tags: list<string>",
	},
	E0401: {
		Title:   "a malformed command name",
		Cause:   "Command names are lower.dotted_snake: segments of a-z, 0-9 and _, each beginning with a letter, joined by dots.",
		Example: "Job-Submit: {}",
		Fix:     "job.submit: {}",
	},
	E0402: {
		Title:   "payload and reply must be structs",
		Cause:   "A bare value could never grow: adding a field to a struct is safe, a second value beside a string is not possible.",
		Example: "job.get: {payload: uuid}",
		Fix:     "job.get: {payload: {id: uuid}}",
	},
	E0404: {
		Title:   "an unknown direction",
		Cause:   "There are four directions.",
		Example: "dir: server → client",
		Fix:     "dir: server->client",
	},
	E0410: {
		Title:   "a reserved command name",
		Cause:   "handshake, discover, broadcast, emit, deliver, error and every name beginning with ipcio. belong to the runtime.",
		Example: "ipcio.ping: {}",
		Fix:     "app.ping: {}",
	},
	E0501: {
		Title:   "two commands become one Go name",
		Cause:   "Signs between words do not exist in Go names, so names that differ in them only collide.",
		Example: "job.submit: {}\njob_submit: {}",
		Fix:     "job_submit: {go: JobSubmitV2}",
	},
	E0502: {
		Title:   "a type collides with a payload, reply or other implicit type",
		Cause:   "The inline payload of job.submit is called JobSubmitPayload in Go.",
		Example: "JobSubmitPayload: uuid",
		Fix:     "Rename the type, or give it a go: name.",
	},
	E0503: {
		Title:   "two enum values become one Go name",
		Cause:   "Signs between words do not exist in Go names.",
		Example: "enum: {a-b: , a_b: }",
		Fix:     "enum: {a-b: , a_b: {go: AUnderB}}",
	},
	E0504: {
		Title:   "a type collides with generated code",
		Cause:   "The generated package has types of its own, such as Server and Client.",
		Example: "Server: {fields: {}}",
		Fix:     "Server: {fields: {}, go: ServerInfo}",
	},
	E0505: {
		Title:   "a field collides with a generated method",
		Cause:   "Go types cannot have a field and a method of the same name.",
		Example: "validate: bool",
		Fix:     "validate: {type: bool, go: ValidateFlag}",
	},
	E0506: {
		Title:   "not a Go package name",
		Cause:   "The package name is a Go keyword or no Go identifier.",
		Example: "go: {package: func}",
		Fix:     "go: {package: funcs}",
	},
}
