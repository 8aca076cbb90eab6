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
//	  Tag: {type: string, doc: A word to find jobs by.}
//	  JobState:                    # an enum: travels as text, readers keep values they do not know
//	    enum: {queued: Waiting for a worker., running: , done: }
//	  Priority:
//	    enum: [low, normal, high]
//	    closed: true               # readers refuse any other value
//	  Job:                         # a struct
//	    doc: What the daemon knows about a job.
//	    fields:
//	      id: JobID
//	      state: JobState
//	      tags: list<Tag>
//	      env: map<string>         # the keys of maps are strings
//	      exit_code: opt<int32>    # may be absent
//	      owner: {type: opt<string>, deprecated: use tags}
//
//	commands:
//	  job.submit:                  # a reply makes it a call
//	    doc: Queue a job.
//	    payload: {argv: list<string>, priority: opt<Priority>}
//	    reply: {job: JobID}
//	  job.get: {payload: {job: JobID}, reply: Job}
//	  job.changed:                 # without a reply it is an event
//	    dir: server->client
//	    payload: {job: JobID, state: JobState}
//	  daemon.ping: {reply: {}}
//
// # Types
//
// The built-in types are bool, int8 to int64, uint8 to uint64, float32,
// float64, string, bytes, timestamp, duration, uuid and any. list<T> and map<T>
// may be nested up to 32 deep; opt<T> stands around the type of a field only. A
// new type may be based on any type but not, directly or through lists and
// maps, on itself. A struct may contain itself through optional fields, lists
// and maps. A type expression holds no blanks.
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
// Go, if the one derived from the schema's name will not do.
//
// # Names
//
// Commands are lower.dotted_snake and at most 128 bytes long; those beginning
// with ipcio. and the words handshake, discover, broadcast, emit, deliver and
// error belong to the runtime. The protocol and fields are lower_snake, types
// are PascalCase, at most 63 bytes each, of ASCII letters and digits. The
// values of enums are any text of at most 255 bytes.
//
// # Files
//
// A file is one YAML document in UTF-8 of at most [MaxFileSize] bytes, without
// anchors, tags, merge keys and repeated keys. Numbers are written as in JSON
// and truth values as true and false; no, yes, on and off are texts, as in YAML
// 1.2. The root file may include up to [MaxIncludes] others by paths
// relative to itself; an included file holds ipcio, doc, types and commands.
// All files together declare up to [MaxTypes] types and [MaxCommands] commands.
//
// # Findings
//
// All findings of a Load come in one go, sorted by place and at most
// [MaxDiagnostics] of them. A file with a YAML syntax error gives that one
// finding. [Diagnostics.Render] shows them with the line they are about, and
// [Explain] has a longer text for each [Code].
package schema
