package schema

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
	Commands []*Command

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
)

// A Type is a named type, or the inline payload or reply of a command.
type Type struct {
	Meta
	Name    string   // PascalCase; "" for an inline payload or reply
	Kind    TypeKind //
	File    string   // the schema file that declares it
	Command *Command // the command whose inline payload or reply this is, or nil

	Base   *Expr        // NewType: what it is based on; never nil then, and not a NewType of itself
	Fields []*Field     // Struct
	Values []*EnumValue // Enum; at least one
	Closed bool         // Enum: readers refuse any other value
}

// A Field is a field of a struct.
type Field struct {
	Meta
	Name     string // lower_snake, the key on the wire
	Type     *Expr
	Optional bool // opt<…>: may be absent
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
		return e.Named.Name
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
}

// IsCall reports whether the command has a reply.
func (c *Command) IsCall() bool { return c.Reply != nil }
