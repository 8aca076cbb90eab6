package schema

import "cmp"

// A Schema is one validated protocol: what a root file and the files it
// includes declare. It is complete and consistent: every reference is
// resolved, every name is legal, every list is in file order (the root file
// first, then its includes in the order they are named). It is immutable
// once [Load] has returned it and safe for concurrent use.
type Schema struct {
	Protocol string    // wire identity, lower_snake
	Version  int       // ≥ 1; peers with different versions refuse each other
	Doc      string    // "" if none
	Go       GoOptions // the only options of the generator
	Files    []string  // the schema files, root first, as slash-separated paths relative to the root file
	Types    []*Type   // the named types
	Errors   []*Error  // what calls may fail with
	Commands []*Command
	Reserved []*Reserved // names that nothing may have again

	sources []*source // the text of Files, for excerpts
}

// GoOptions are the options under the key go:.
type GoOptions struct {
	Package     string   // Go package name; "" means Protocol without "_"
	Initialisms []string // words written in capitals beside the frozen list, as written (for example GPU)
	Pos         Position // of the key's value; the zero Position if the key is absent
}

// A Position is a place in a schema file.
type Position struct {
	File   string // as in Schema.Files
	Line   int    // from 1
	Column int    // from 1, counted in runes
}

// IsValid reports whether p names a place.
func (p Position) IsValid() bool { return p.Line > 0 }

// Meta is what every declaration may carry.
type Meta struct {
	Doc        string   // "" if none; may hold any text
	Deprecated string   // what to use instead; "" means not deprecated
	GoName     string   // the Go name to use; "" means derived from the name
	Pos        Position // of the declared name
	GoPos      Position // of the value of go:, if any
}

// TypeKind says which of the declarations a Type is.
type TypeKind uint8

// The kinds of a Type.
const (
	NewType TypeKind = iota + 1 // JobID: uuid
	Struct                      // {fields: {…}}
	Enum                        // {enum: […]}
	Union                       // {union: {…}}
)

// A Type is a named type, the inline payload or reply of a command, or the
// inline struct of a variant.
type Type struct {
	Meta
	Name    string   // PascalCase; "" for an inline type
	Kind    TypeKind //
	File    string   // the schema file that declares it
	Command *Command // the command whose inline payload or reply this is, or nil
	Variant *Variant // the variant whose inline struct this is, or nil

	Base        *Expr        // NewType: what it is based on; never nil then, and not a NewType of itself
	Constraints *Constraints // NewType: beside those of Base; nil means none
	Fields      []*Field     // Struct
	Values      []*EnumValue // Enum; at least one
	Variants    []*Variant   // Union; at least one
	Closed      bool         // Enum, Union: readers refuse any other value or variant
}

// A Variant is one of the types a union may hold.
type Variant struct {
	Meta
	Union *Type  // the union that declares it
	Name  string // lower_snake; the only key of the map that travels
	Type  *Expr  // for inline fields, the name of a Type without a Name
}

// A Field is a field of a struct.
type Field struct {
	Meta
	Name        string // lower_snake, the key on the wire
	Type        *Expr
	Optional    bool         // opt<…>: may be absent
	Constraints *Constraints // beside those of Type; nil means none
	Default     *Value       // what an absent field means to its reader; nil means none. Only if Optional
	Secret      bool         // never printed or logged
	Borrow      bool         // lent to a handler until it returns. Only if Type is bytes or a new type of bytes
}

// An EnumValue is one declared value of an enum.
type EnumValue struct {
	Meta
	Value string // any text; what travels
}

// ExprKind says what a type expression is.
type ExprKind uint8

// The kinds of an Expr.
const (
	ScalarExpr ExprKind = iota + 1
	NamedExpr
	ListExpr
	MapExpr // keys are always strings
)

// An Expr is a type expression: a scalar, a named type, list<…> or map<…>.
// The optionality of a field is not part of it: see Field.Optional.
type Expr struct {
	Kind   ExprKind
	Scalar Scalar   // ScalarExpr
	Named  *Type    // NamedExpr
	Elem   *Expr    // ListExpr, MapExpr: the element or value
	Pos    Position // of the first rune of this expression
}

// String returns the expression as one writes it in a schema.
func (e *Expr) String() string {
	switch e.Kind {
	case ScalarExpr:
		return e.Scalar.String()
	case NamedExpr:
		return cmp.Or(e.Named.Name, "struct") // inline: only a variant refers to it
	case ListExpr:
		return "list<" + e.Elem.String() + ">"
	case MapExpr:
		return "map<" + e.Elem.String() + ">"
	}
	panic("schema: expression without a kind")
}

// A Scalar is a built-in type.
type Scalar uint8

// The scalars of the language.
const (
	Bool Scalar = iota + 1
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	String
	Bytes
	Timestamp
	Duration
	UUID
	Any
)

var scalarNames = [...]string{
	Bool: "bool", Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64",
	Uint8: "uint8", Uint16: "uint16", Uint32: "uint32", Uint64: "uint64",
	Float32: "float32", Float64: "float64", String: "string", Bytes: "bytes",
	Timestamp: "timestamp", Duration: "duration", UUID: "uuid", Any: "any",
}

// String returns the scalar as one writes it in a schema.
func (s Scalar) String() string { return scalarNames[s] }

// Direction says who may send a command to whom.
type Direction uint8

// The four directions.
const (
	ClientToServer Direction = iota + 1 // the default
	ServerToClient
	Both // client<->server
	ClientToClient
)

var directionNames = [...]string{
	ClientToServer: "client->server", ServerToClient: "server->client",
	Both: "client<->server", ClientToClient: "client->client",
}

// String returns the direction as one writes it in a schema.
func (d Direction) String() string { return directionNames[d] }

// A Command is a named message with at most one payload.
type Command struct {
	Meta
	Name      string // lower.dotted_snake
	File      string // the schema file that declares it
	Direction Direction
	Payload   *Type // a struct; nil means that the command carries none
	Reply     *Type // a struct, perhaps without fields; nil means that the command is an event

	Errors     []*Error // what the call may fail with, in the order of the command; nil for events
	Idempotent bool     // the call may be repeated when its outcome is unknown
}

// IsCall reports whether the command has a reply.
func (c *Command) IsCall() bool { return c.Reply != nil }

// An Error is a named failure that calls declare. Its fields travel like those
// of a struct.
type Error struct {
	Meta
	Name   string // PascalCase; what travels
	File   string // the schema file that declares it
	Retry  bool   // the same call may succeed later
	Fields []*Field
}

// A Reserved is the path of something that is gone and whose name must not
// come back: job.start, Job, Job.owner, JobState.zombie, Task.docker or
// JobSubmitPayload.owner.
type Reserved struct {
	Path string
	Pos  Position
}
