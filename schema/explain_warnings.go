package schema

// warningExplanations are those of what Lint advises against.
var warningExplanations = map[Code]Explanation{
	W0601: {
		Title:   "a type that nothing uses",
		Cause:   "No command, error or other used type leads to the type, so it never travels.",
		Example: "types: {Old: uuid}",
		Fix:     "Delete it, or use it.",
	},
	W0602: {
		Title:   "a word that YAML 1.1 reads as a truth value",
		Cause:   "no, yes, on, off, y and n are texts here and in YAML 1.2, and truth values for older tools.",
		Example: "enum: [yes, no]",
		Fix:     "enum: ['yes', 'no']",
	},
	W0603: {
		Title:   "a command without doc",
		Cause:   "Its doc is what people read in the generated Go, in the reference and in tools.",
		Example: "job.get: {reply: Job}",
		Fix:     "job.get: {doc: Look up a job., reply: Job}",
	},
	W0604: {
		Title:   "an anchor in a pattern",
		Cause:   "A pattern always matches the whole string, so ^ at its beginning and $ at its end say nothing.",
		Example: "pattern: '^[a-z]+$'",
		Fix:     "pattern: '[a-z]+'",
	},
	W0605: {
		Title:   "an optional bool without a default",
		Cause:   "It has three states: true, false and absent. Mostly one of them is not meant.",
		Example: "follow: opt<bool>",
		Fix:     "follow: {type: opt<bool>, default: false}",
	},
	W0607: {
		Title:   "an unbounded list from clients",
		Cause:   "The server must be ready for as many elements as a message can hold.",
		Example: "tags: list<string>",
		Fix:     "tags: {type: list<string>, len: ..64}",
	},
	W0608: {
		Title:   "a duration as an integer",
		Cause:   "The unit is only in the name of the field; the type duration carries it.",
		Example: "timeout_ms: uint32",
		Fix:     "timeout: duration",
	},
	W0609: {
		Title:   "an enum as a string",
		Cause:   "A string with a fixed set of words is an enum: it has constants in Go and may grow.",
		Example: "stream: {type: string, in: [stdout, stderr]}",
		Fix:     "Stream: {enum: [stdout, stderr]}",
	},
	W0610: {
		Title:   "something deprecated in use",
		Cause:   "What is not deprecated uses what is, so the one cannot be removed without the other.",
		Example: "Job: {fields: {owner: OldOwner}}   # OldOwner is deprecated",
		Fix:     "Use the successor, or deprecate the user too.",
	},
	W0611: {
		Title:   "a closed enum or union to clients",
		Cause:   "Clients of today refuse a message with a value that is added tomorrow.",
		Example: "Priority: {enum: [low, high], closed: true}   # in a server->client payload",
		Fix:     "Leave closed out, or be sure that the list is complete for good.",
	},
	W0612: {
		Title:   "a secret that is not marked",
		Cause:   "The name sounds like a secret. Without secret: true the value is printed and logged.",
		Example: "token: string",
		Fix:     "token: {type: string, secret: true}",
	},
	W0690: {
		Title:   "an allow that allows nothing",
		Cause:   "An ipcio:allow names a warning that Lint would give for the next line, and says why it is fine.",
		Example: "# ipcio:allow W0603",
		Fix:     "# ipcio:allow W0603 the name says it all",
	},
}
