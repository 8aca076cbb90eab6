package export

import (
	"strconv"

	"github.com/ipcio/ipcio-go/schema"
)

// AsyncAPI returns an AsyncAPI 3.0 document in JSON. Every command is a channel
// of its name with its payload, its reply and its errors as messages. The
// operations are those of the server: it receives what clients send to it,
// sends what they receive, and does both with what clients send to each other.
// The payloads are described as JSON Schemas; what travels is CBOR.
//
// A server object is missing on purpose: the domain is chosen when a program
// starts.
func AsyncAPI(s *schema.Schema) []byte {
	w := asyncAPI{schemas: jsonSchemas{"#/components/schemas/"}}
	for _, c := range s.Commands {
		w.command(c)
	}
	for _, e := range s.Errors {
		w.messages = append(w.messages, member{errorName(e), message(errorName(e), e.Meta, w.schemas.ref(errorName(e)))})
	}
	components := object{}.with("schemas", w.schemas.all(s)).with("messages", w.messages)
	return marshal(object{
		{"asyncapi", "3.0.0"},
		{"id", urn(s)},
		{"info", object{{"title", s.Protocol}, {"version", strconv.Itoa(s.Version)}}.with("description", s.Doc)},
		{"defaultContentType", "application/cbor"},
		{"channels", w.channels},
		{"operations", w.operations},
		{"components", components},
	})
}

type asyncAPI struct {
	schemas                        jsonSchemas
	channels, operations, messages object
}

// command adds the channel, the operations and the messages of a command.
func (w *asyncAPI) command(c *schema.Command) {
	// The messages of the channel, and where the operations find them.
	messages := object{}
	channel := "#/channels/" + c.Name
	add := func(key, name string) object {
		messages = append(messages, member{key, object{{"$ref", "#/components/messages/" + name}}})
		return object{{"$ref", channel + "/messages/" + key}}
	}

	var body object
	if c.Payload != nil {
		body = w.schemas.ref(payloadName(c))
	}
	w.messages = append(w.messages, member{payloadName(c), message(payloadName(c), schema.Meta{}, body)})
	sent := add("payload", payloadName(c))

	operation := object{{"channel", object{{"$ref", channel}}}}.
		with("title", c.Name).with("description", c.Doc)
	if c.Deprecated != "" {
		operation = append(operation, member{"tags", []any{object{{"name", "deprecated"}, {"description", c.Deprecated}}}})
	}
	operation = append(operation, member{"messages", []any{sent}})
	if c.IsCall() {
		w.messages = append(w.messages, member{replyName(c), message(replyName(c), schema.Meta{}, w.schemas.ref(replyName(c)))})
		answers := []any{add("reply", replyName(c))}
		for _, e := range c.Errors {
			answers = append(answers, add(errorName(e), errorName(e)))
		}
		operation = append(operation, member{"reply", object{{"channel", object{{"$ref", channel}}}, {"messages", answers}}})
	}
	operation = operation.with("x-idempotent", c.Idempotent).with("x-direction", c.Direction.String())

	w.channels = append(w.channels, member{c.Name, object{{"address", c.Name}}.with("description", c.Doc).with("messages", messages)})
	for _, action := range actions(c.Direction) {
		w.operations = append(w.operations, member{action + "." + c.Name, append(object{{"action", action}}, operation...)})
	}
}

// actions returns what the server does with a command.
func actions(d schema.Direction) []string {
	switch d {
	case schema.ClientToServer:
		return []string{"receive"}
	case schema.ServerToClient:
		return []string{"send"}
	}
	return []string{"receive", "send"}
}

// message describes a message; a body of nil is none.
func message(name string, m schema.Meta, body object) object {
	o := object{{"name", name}}
	if about := annotations(m).get("description"); about != nil {
		o = append(o, member{"description", about})
	}
	return o.with("payload", body)
}
