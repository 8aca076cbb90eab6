// Package schema reads the files in which a protocol is written down, usually
// commands.yaml, into a validated model.
//
// [Load] returns a [Schema] in which every reference is resolved and every name
// is legal, or [Diagnostics] that say what is wrong, where, and what to write
// instead. Nothing in a file is ignored: what the language does not know is an
// error, and so is what it knows but this version does not build (E0104).
//
// # The language by example
//
//	ipcio: 1                       # the version of the language, always the first key
//	protocol: jobrunner            # checked when peers connect
//	version: 1                     # peers with different versions refuse each other
//	doc: Job-runner daemon used by a CLI and by workers.
//	include: [common.yaml]         # more files of the same protocol
//	go: {initialisms: [GPU]}       # the only options of the generator
//
//	types:
//	  JobID: uuid                  # a new type: travels as what it is based on
//	  Tag: {type: string, len: 1..32, pattern: '[a-z-]+', doc: A word to find jobs by.}
//	  JobState:                    # an enum: travels as text, readers keep values they do not know
//	    enum: {queued: Waiting for a worker., running: , done: }
//	  Priority:
//	    enum: [low, normal, high]
//	    closed: true               # readers refuse any other value
//	  Task:                        # a union: travels as a map with one entry
//	    union: {shell: {argv: list<string>}, sleep: duration}
//	  Job:                         # a struct
//	    doc: What the daemon knows about a job.
//	    fields:
//	      id: JobID
//	      task: Task
//	      state: JobState
//	      tags: {type: list<Tag>, len: ..16, unique: true}
//	      env: map<string>         # the keys of maps are strings
//	      exit_code: opt<int32>    # may be absent
//	      token: {type: opt<string>, secret: true}
//	      output: {type: opt<bytes>, borrow: true}
//	      owner: {type: opt<string>, deprecated: use tags}
//
//	errors:                        # what calls may fail with
//	  JobNotFound: {fields: {job: JobID}}
//	  QueueFull: {retry: true}     # the same call may succeed later
//
//	commands:
//	  job.submit:                  # a reply makes it a call
//	    doc: Queue a job.
//	    payload:
//	      task: Task
//	      priority: {type: opt<Priority>, default: normal}
//	      timeout: {type: opt<duration>, range: 1s..24h, default: 1h}
//	    reply: {job: JobID}
//	    errors: [QueueFull]
//	  job.get: {payload: {job: JobID}, reply: Job, errors: [JobNotFound], idempotent: true}
//	  job.changed:                 # without a reply it is an event
//	    dir: server->client
//	    payload: {job: JobID, state: JobState}
//	  daemon.ping: {reply: {}}
//
//	reserved: [job.start, Job.user] # names that are gone and must not come back
//
// # Types
//
// The built-in types are bool, int8 to int64, uint8 to uint64, float32,
// float64, string, bytes, timestamp, duration, uuid and any. list<T> and map<T>
// may be nested up to 32 deep; opt<T> stands around the type of a field only. A
// new type may be based on any type but not, directly or through lists and
// maps, on itself. A struct may contain itself through optional fields, lists
// and maps, a union through any of its variants but not through all. A type
// expression holds no blanks.
//
// A variant is a type, or a mapping of fields that belong to it alone. Readers
// of an enum or union keep values and variants that they do not know, unless it
// is closed.
//
// # Constraints and defaults
//
// They stand beside type, at a field or a new type. Those of a field and of the
// new types beneath hold together. Intervals are written a..b, a.., ..b or a,
// both ends being possible; numbers as in JSON, durations as whole numbers with
// the units h, m, s, ms, us and ns.
//
//	range    numbers and durations
//	len      string in code points, bytes in bytes, list and map in entries
//	pattern  string: an RE2 expression of at most 512 bytes that matches the whole
//	format   string: ip, hostname, uri or path
//	in       numbers and string: a list of the only values
//	unique   list of scalars or enums: true if all elements are different
//
// Constraints on elements of lists and maps go on a named type. A default is
// what an absent field means to its reader: of bool, numbers, string, duration
// and enums, on opt<…> fields only. It never travels.
//
// # Errors
//
// A call names the declared errors that it may fail with. Beside them it may
// fail with those of the runtime, which are not declared: Canceled, Denied,
// Internal, Invalid, OutcomeUnknown, PeerGone, Timeout, TooLarge, Unavailable,
// UnknownClient and UnknownCommand. retry says that the same call may succeed
// later; idempotent, at a command, that it may be repeated when its outcome is
// unknown.
//
// # Commands
//
// dir is client->server unless it says server->client, client<->server or
// client->client. payload and reply are the name of a struct or a mapping of
// fields; they are never a bare value, because that could not grow.
//
// # Every declaration
//
// doc is any text. deprecated says what to use instead. go gives the name in
// Go, if the one derived from the schema's name will not do. secret, at a field,
// keeps its value out of logs and texts. borrow, at a field of bytes, saves the
// copy: a handler may read them until it returns, and copies what it keeps. In
// replies and errors the same field is copied as ever.
//
// # Reserved names
//
// reserved holds the paths of what is gone: a command, a type or error, or a
// field, value or variant of one, where inline structs stand under the names
// that they have in Go, such as JobSubmitPayload.owner. Nothing declared may have
// one of them. [Schema.CheckReserved] says which of them never were anything.
//
// # Names
//
// Commands are lower.dotted_snake and at most 128 bytes long; those beginning
// with ipcio. and the words handshake, discover, broadcast, emit, deliver and
// error belong to the runtime. The protocol, fields and variants are lower_snake, types and errors
// are PascalCase, at most 63 bytes each, of ASCII letters and digits. The
// values of enums are any text of at most 255 bytes.
//
// # Files
//
// A file is one YAML document in UTF-8 of at most [MaxFileSize] bytes, without
// anchors, tags, merge keys and repeated keys. Numbers are written as in JSON
// and truth values as true and false; no, yes, on and off are texts, as in YAML
// 1.2. The root file may include up to [MaxIncludes] others by paths
// relative to itself; an included file holds ipcio, doc, types, errors and
// commands. All files together declare up to [MaxTypes] types, [MaxErrors] errors
// and [MaxCommands] commands. [Format] writes a file in the canonical layout.
//
// # Findings
//
// All findings of a Load come in one go, sorted by place and at most
// [MaxDiagnostics] of them. A file with a YAML syntax error gives that one
// finding. [Lint] advises against what works and will be regretted. [Diagnostics.WriteText] shows them with the line they are about, and
// [Explain] has a longer text for each [Code].
package schema
