package generator

import (
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// names holds the Go identifier of everything a schema declares. The maps are
// for look-ups and never walked. This file is the only place where Go
// identifiers are made of the words of a schema.
type names struct {
	pkg         string
	initialisms map[string]string // by their lower-case form
	commands    map[*schema.Command]string
	types       map[*schema.Type]string
	fields      map[*schema.Field]string
	values      map[*schema.EnumValue]string // the whole constant
	variants    map[*schema.Variant]string   // the type that implements the union
	errors      map[*schema.Error]*schema.Type
}

// initialisms are written in capitals where they are a whole word. The list is
// frozen with version 1 of the language: a longer one would rename what users
// already have. A schema adds its own under go: {initialisms: […]}.
const initialisms = `
ACL API ASCII CPU CSS DNS EOF GUID HTML HTTP HTTPS ID IP JSON QPS RAM RPC SLA
SMTP SQL SSH TCP TLS TTL UDP UI GID UID UUID URI URL UTF8 VM XML XMPP XSRF XSS
SIP RTP AMQP DB TS CBOR FD GUI IO OS PID TTY`

// newNames names everything in s, and reports what cannot be named.
func newNames(s *schema.Schema) (*names, schema.Diagnostics) {
	n := &names{
		pkg:         Package(s),
		initialisms: map[string]string{},
		commands:    map[*schema.Command]string{},
		types:       map[*schema.Type]string{},
		fields:      map[*schema.Field]string{},
		values:      map[*schema.EnumValue]string{},
		variants:    map[*schema.Variant]string{},
		errors:      map[*schema.Error]*schema.Type{},
	}
	for _, word := range append(strings.Fields(initialisms), s.Go.Initialisms...) {
		n.initialisms[strings.ToLower(word)] = word
	}
	for _, c := range s.Commands {
		n.commands[c] = n.of(c.Meta, c.Name)
	}
	for _, t := range s.Types {
		// Type names are Go names already and stay as they are written.
		n.types[t] = t.Name
		if t.GoName != "" {
			n.types[t] = t.GoName
		}
		n.nameParts(t)
	}
	for _, t := range s.Types {
		for _, v := range t.Variants {
			n.nameVariant(v)
		}
	}
	for _, e := range s.Errors {
		// An error is a struct with methods of its own.
		t := &schema.Type{Meta: e.Meta, Kind: schema.Struct, File: e.File, Fields: e.Fields}
		n.errors[e], n.types[t] = t, e.Name+"Error"
		if e.GoName != "" {
			n.types[t] = e.GoName
		}
		n.nameParts(t)
	}
	for _, c := range s.Commands {
		if inline(c, c.Payload) {
			n.types[c.Payload] = n.commands[c] + "Payload"
			n.nameParts(c.Payload)
		}
		if inline(c, c.Reply) {
			n.types[c.Reply] = n.commands[c] + "Reply"
			n.nameParts(c.Reply)
		}
	}
	return n, check(s, n)
}

// inline reports whether t is declared inside of c, not by name.
func inline(c *schema.Command, t *schema.Type) bool { return t != nil && t.Command == c }

// nameParts names the fields and values of t.
func (n *names) nameParts(t *schema.Type) {
	for _, f := range t.Fields {
		n.fields[f] = n.of(f.Meta, f.Name)
	}
	for _, v := range t.Values {
		n.values[v] = n.types[t] + n.of(v.Meta, v.Value)
	}
}

// nameVariant names the type that implements the union: the struct itself, or
// else <Union><Variant>.
func (n *names) nameVariant(v *schema.Variant) {
	name := n.types[v.Union] + n.of(v.Meta, v.Name)
	switch t := variantStruct(v); {
	case t == nil:
	case t.Variant == v:
		n.types[t] = name
		n.nameParts(t)
	default:
		name = n.types[t]
	}
	n.variants[v] = name
}

// variantStruct returns the struct that is the variant itself, or nil if a
// value of the variant needs a type around it.
func variantStruct(v *schema.Variant) *schema.Type {
	if v.Type.Kind == schema.NamedExpr && v.Type.Named.Kind == schema.Struct {
		return v.Type.Named
	}
	return nil
}

// of returns the go: name, or else the derived one.
func (n *names) of(m schema.Meta, name string) string {
	if m.GoName != "" {
		return m.GoName
	}
	return n.derive(name)
}

// derive turns job.submit, job_id or in-progress into JobSubmit, JobID and
// InProgress: words are what lies between signs; each begins with a capital,
// initialisms are written as such.
func (n *names) derive(name string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool {
		return r >= 0x80 || !isLetter(byte(r)) && !isDigit(byte(r))
	}) {
		if as, ok := n.initialisms[strings.ToLower(word)]; ok {
			word = as
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// commandConst returns the constant that holds the name of a command.
func (n *names) commandConst(c *schema.Command) string { return "Command" + n.commands[c] }

// parseFunc and valuesFunc return the functions of a type.
func (n *names) parseFunc(t *schema.Type) string  { return "Parse" + n.types[t] }
func (n *names) valuesFunc(t *schema.Type) string { return n.types[t] + "Values" }

// layoutVar returns the table of a type, and refType what stands for it in the
// table of a type that is a part of itself. No exported name can meet them.
func (n *names) layoutVar(t *schema.Type) string { return "layout" + n.types[t] }
func (n *names) refType(t *schema.Type) string   { return "ref" + n.types[t] }

// kindMethod returns the exported method of the variants of a union.
func (n *names) kindMethod(t *schema.Type) string { return n.types[t] + "Kind" }

// unknownType returns the type of the variants that an open union does not
// declare.
func (n *names) unknownType(t *schema.Type) string { return n.types[t] + "Unknown" }

// getter returns the method of a field with a default.
func (n *names) getter(f *schema.Field) string { return "Get" + n.fields[f] }

// The verbs that begin the names of generated methods. The methods of the
// runtime's Server, Client and Peer never begin with one of them and a word,
// but for those in runtimeMethods.
var verbs = []string{"On", "Emit", "Call", "Broadcast", "Publish", "Join", "Leave"}

// runtimeMethods are the methods of the runtime that begin with a verb and a
// word, which a command therefore cannot have: a test compares the list with
// the runtime.
var runtimeMethods = []string{"EmitTo", "CallTo"}

// structMethods are the exported methods that generated structs have, or that a
// program may declare for them, which no field can be called.
var structMethods = []string{"AppendCBOR", "MarshalCBOR", "UnmarshalCBOR", "UnmarshalLent", "Validate", "String", "Check"}

// errorMethods are those that errors have beside.
var errorMethods = []string{"Error", "ErrorName", "Retryable"}

// packageNames are the identifiers that every generated package declares.
var packageNames = []string{
	"Client", "ClientHandlers", "NewClient", "NewServer", "Peer", "Protocol", "ProtocolFingerprint",
	"ProtocolName", "ProtocolVersion", "Server", "ServerHandlers",
}
