package generator

import (
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// command is a command with the answers the emitters ask for.
type command struct {
	*schema.Command
	goName      string
	constant    string // CommandX
	payloadType string // "" if it carries none
	replyType   string // "" if it is an event
	errorTypes  []string
}

func (g *gen) commands() []command {
	list := make([]command, len(g.schema.Commands))
	for i, c := range g.schema.Commands {
		list[i] = command{Command: c, goName: g.names.commands[c], constant: g.names.commandConst(c)}
		if c.Payload != nil {
			list[i].payloadType = g.names.types[c.Payload]
		}
		if c.Reply != nil {
			list[i].replyType = g.names.types[c.Reply]
		}
		for _, e := range c.Errors {
			list[i].errorTypes = append(list[i].errorTypes, "*"+g.names.types[g.names.errors[e]])
		}
	}
	return list
}

// Who handles a command and who sends it follows from its direction.

func (c command) serverHandles() bool {
	return c.Direction == schema.ClientToServer || c.Direction == schema.Both
}

func (c command) clientHandles() bool { return c.Direction != schema.ClientToServer }

func (c command) serverSends() bool {
	return c.Direction == schema.ServerToClient || c.Direction == schema.Both
}

func (c command) clientSends() bool { return c.Direction != schema.ServerToClient }

func (c command) amongClients() bool { return c.Direction == schema.ClientToClient }

// about returns the comment of a method or handler: what the method does, what
// the schema says, and the deprecation.
func (c command) about(first string) []string {
	if c.Doc != "" {
		first = first + " " + c.Doc
	}
	return []string{first, deprecated(c.Deprecated)}
}

// failures names the errors that a call declares, or "".
func (c command) failures() string {
	if len(c.errorTypes) == 0 {
		return ""
	}
	return " It may fail with " + strings.Join(c.errorTypes, ", ") + "."
}

// from says how a handler learns who sent a message.
type from int

const (
	fromNobody from = iota // the other side is the server
	fromPeer               // *Peer: a client, at the server
	fromOther              // ipcio.Peer: another client
)

// handlerFrom returns what the handler of c at a side is told of the sender.
func (c command) handlerFrom(side Side) from {
	switch {
	case side == ServerSide:
		return fromPeer
	case c.amongClients():
		return fromOther
	}
	return fromNobody
}

// handlerType returns the type of a handler. With names, the parameters have
// theirs, for a struct field that people read.
//
//	func(ctx context.Context, from *Peer, p JobSubmitPayload) (JobSubmitReply, error)
func (c command) handlerType(side Side, withNames bool) *jen.Statement {
	param := func(name string, t *jen.Statement) jen.Code {
		if withNames {
			return jen.Id(name).Add(t)
		}
		return t
	}
	params := []jen.Code{param("ctx", jen.Qual(pkgContext, "Context"))}
	switch c.handlerFrom(side) {
	case fromPeer:
		params = append(params, param("from", jen.Op("*").Id("Peer")))
	case fromOther:
		params = append(params, param("from", jen.Qual(pkgRuntime, "Peer")))
	}
	if c.payloadType != "" {
		params = append(params, param("p", jen.Id(c.payloadType)))
	}
	return jen.Func().Params(params...).Add(c.results())
}

// results returns error, or the reply and error.
func (c command) results() jen.Code {
	if c.replyType == "" {
		return jen.Error()
	}
	return jen.Params(jen.Id(c.replyType), jen.Error())
}

// side names the Go types of one end.
type side struct {
	side     Side
	typeName string // Server, Client
	receiver string
	handlers string // ServerHandlers, ClientHandlers
}

var (
	serverSide = side{ServerSide, "Server", "s", "ServerHandlers"}
	clientSide = side{ClientSide, "Client", "c", "ClientHandlers"}
)

// runtime returns the runtime's value under a receiver: s.Server.
func (s side) runtime() jen.Code { return jen.Id(s.receiver).Dot(s.typeName) }

func (s side) method(name string) *jen.Statement {
	return jen.Func().Params(jen.Id(s.receiver).Op("*").Id(s.typeName)).Id(name)
}

// emitHandlers declares the struct of handlers and the method that registers
// them.
//
//	type ServerHandlers struct {
//		// JobSubmit handles job.submit. Queue a job.
//		JobSubmit func(ctx context.Context, from *Peer, p JobSubmitPayload) (JobSubmitReply, error)
//	}
//
//	func (h *ServerHandlers) register(s *Server) error {
//		return ipcio.Registered(
//			s.OnJobSubmit(h.JobSubmit),
//		)
//	}
func emitHandlers(f *file, s side, handled []command) {
	f.decl([]string{s.handlers + " are the handlers that a " + s.typeName + " begins with. nil is a command without a handler yet: see the methods On….",
		"A handler's error reaches the caller if it wraps an error of the schema or an *ipcio.RemoteError, and else stays in the log of this process."},
		jen.Type().Id(s.handlers).StructFunc(func(fields *jen.Group) {
			for i, c := range handled {
				if i > 0 {
					fields.Line()
				}
				for _, l := range docs(c.about(c.goName + " handles " + c.Name + ".")...) {
					fields.Add(l)
				}
				fields.Id(c.goName).Add(c.handlerType(s.side, true))
			}
		}))
	f.decl(nil, jen.Func().Params(jen.Id("h").Op("*").Id(s.handlers)).Id("register").
		Params(jen.Id(s.receiver).Op("*").Id(s.typeName)).Error().BlockFunc(func(body *jen.Group) {
		if len(handled) == 0 {
			body.Return(jen.Nil())
			return
		}
		calls := make([]jen.Code, len(handled))
		for i, c := range handled {
			calls[i] = jen.Id(s.receiver).Dot("On" + c.goName).Call(jen.Id("h").Dot(c.goName))
		}
		body.Return(jen.Qual(pkgRuntime, "Registered").Add(jen.Custom(jen.Options{Open: "(", Close: ")", Separator: ",", Multi: true}, calls...)))
	}))
}

// emitConstructor declares the type of a side and its constructor.
//
//	type Server struct{ *ipcio.Server }
//
//	func NewServer(cfg ipcio.ServerConfig, h ServerHandlers) (*Server, error) {
//		cfg.Protocol = Protocol()
//		rt, err := ipcio.NewServer(cfg)
//		if err != nil {
//			return nil, err
//		}
//		s := &Server{Server: rt}
//		if err := h.register(s); err != nil {
//			return nil, errors.Join(err, rt.Close())
//		}
//		return s, nil
//	}
func emitConstructor(f *file, s side, docs []string) {
	f.decl(docs, jen.Type().Id(s.typeName).Add(embed(jen.Op("*").Qual(pkgRuntime, s.typeName))))
	constructor := "New" + s.typeName
	f.decl([]string{constructor + " makes a " + s.typeName + " with the given handlers. It does not start it. The protocol in cfg is set by this function."},
		jen.Func().Id(constructor).
			Params(jen.Id("cfg").Qual(pkgRuntime, s.typeName+"Config"), jen.Id("h").Id(s.handlers)).
			Params(jen.Op("*").Id(s.typeName), jen.Error()).Block(
			jen.Id("cfg").Dot("Protocol").Op("=").Id("Protocol").Call(),
			jen.List(jen.Id("rt"), jen.Err()).Op(":=").Qual(pkgRuntime, constructor).Call(jen.Id("cfg")),
			jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())),
			jen.Id(s.receiver).Op(":=").Op("&").Id(s.typeName).Values(jen.Id(s.typeName).Op(":").Id("rt")),
			jen.If(jen.Err().Op(":=").Id("h").Dot("register").Call(jen.Id(s.receiver)), jen.Err().Op("!=").Nil()).Block(
				jen.Return(jen.Nil(), jen.Qual(pkgErrors, "Join").Call(jen.Err(), jen.Id("rt").Dot("Close").Call()))),
			jen.Return(jen.Id(s.receiver), jen.Nil())))
}

// embed returns a struct on one line with one embedded type.
func embed(t jen.Code) jen.Code { return jen.Op("struct").Add(oneLiner(t)) }

// emitOn declares the method that registers a handler.
//
//	func (s *Server) OnJobSubmit(fn func(context.Context, *Peer, JobSubmitPayload) (JobSubmitReply, error)) error {
//		return ipcio.HandleTyped(s.Server, CommandJobSubmit, (*JobSubmitPayload)(nil), fn != nil, func(ctx context.Context, m *ipcio.Message, p ipcio.Payload) (ipcio.Payload, error) {
//			r, err := fn(ctx, &Peer{m.From()}, *p.(*JobSubmitPayload))
//			return &r, err
//		})
//	}
func emitOn(f *file, s side, c command) {
	name := "On" + c.goName
	payload := jen.Nil()
	if c.payloadType != "" {
		payload = nilPointer(c.payloadType)
	}
	payloadType := func() jen.Code { return jen.Qual(pkgRuntime, "Payload") }
	f.decl([]string{name + " sets the handler of " + c.Name + ", at any moment. It is an error if there is one already, or if fn is nil.", deprecated(c.Deprecated)},
		s.method(name).Params(jen.Id("fn").Add(c.handlerType(s.side, false))).Error().Block(
			jen.Return(jen.Qual(pkgRuntime, "HandleTyped").Call(s.runtime(), jen.Id(c.constant), payload, jen.Id("fn").Op("!=").Nil(),
				jen.Func().Params(
					jen.Id("ctx").Qual(pkgContext, "Context"),
					jen.Id("m").Op("*").Qual(pkgRuntime, "Message"),
					jen.Id("p").Add(payloadType()),
				).Params(payloadType(), jen.Error()).BlockFunc(func(body *jen.Group) { c.adapter(body, s) })))))
}

// adapter writes the body of the function that emitOn registers.
func (c command) adapter(body *jen.Group, s side) {
	args := []jen.Code{jen.Id("ctx")}
	switch c.handlerFrom(s.side) {
	case fromPeer:
		args = append(args, jen.Op("&").Id("Peer").Values(jen.Id("m").Dot("From").Call()))
	case fromOther:
		args = append(args, jen.Id("m").Dot("From").Call())
	}
	if c.payloadType != "" {
		args = append(args, jen.Op("*").Id("p").Assert(jen.Op("*").Id(c.payloadType)))
	}
	call := jen.Id("fn").Call(args...)
	if !c.IsCall() {
		body.Return(jen.Nil(), call)
		return
	}
	body.List(jen.Id("r"), jen.Err()).Op(":=").Add(call)
	body.Return(jen.Op("&").Id("r"), jen.Err())
}

// sender describes the methods that send from one receiver to one place.
type sender struct {
	receiver *jen.Statement // the parameter
	endpoint *jen.Statement // what EmitTyped sends from
	to       string         // the parameter that names the client; "" if there is none
	payload  string         // the name of the payload parameter
	whom     string         // as it is called in comments
}

// emitSend declares Emit, and Call for a call.
//
//	func (c *Client) EmitJobSubmit(ctx context.Context, p JobSubmitPayload) error {
//		return ipcio.EmitTyped(ctx, c.Client, "", CommandJobSubmit, &p)
//	}
//
//	func (c *Client) CallJobSubmit(ctx context.Context, p JobSubmitPayload) (r JobSubmitReply, err error) {
//		err = ipcio.CallTyped(ctx, c.Client, "", CommandJobSubmit, &p, &r)
//		return r, err
//	}
func (c command) emitSend(f *file, s sender) {
	emit := "Emit" + c.goName
	first := emit + " sends " + c.Name + " to " + s.whom + " and does not wait for the handler."
	if c.IsCall() {
		first = emit + " sends " + c.Name + " to " + s.whom + " and does not wait for the reply."
	}
	f.decl(c.about(first), c.send(s, "EmitTyped", emit, true))
	if !c.IsCall() {
		return
	}
	call := "Call" + c.goName
	args := append(c.sendArgs(s, true), jen.Op("&").Id("r"))
	f.decl(c.about(call+" sends "+c.Name+" to "+s.whom+" and waits for the reply."+c.failures()),
		jen.Func().Params(s.receiver.Clone()).Id(call).Params(c.sendParams(s, true)...).Params(jen.Id("r").Id(c.replyType), jen.Err().Error()).Block(
			jen.Err().Op("=").Qual(pkgRuntime, "CallTyped").Call(args...),
			jen.Return(jen.Id("r"), jen.Err())))
}

// emitBroadcast declares Broadcast, for events that clients handle.
//
//	func (s *Server) BroadcastDaemonStopping(ctx context.Context, p DaemonStoppingPayload) error {
//		return ipcio.BroadcastTyped(ctx, s.Server, CommandDaemonStopping, &p)
//	}
func (c command) emitBroadcast(f *file, s sender, whom string) {
	if c.IsCall() {
		return
	}
	name := "Broadcast" + c.goName
	f.decl(c.about(name+" sends "+c.Name+" to "+whom+"."), c.send(s, "BroadcastTyped", name, false))
}

func (c command) send(s sender, function, name string, toOne bool) jen.Code {
	return jen.Func().Params(s.receiver.Clone()).Id(name).Params(c.sendParams(s, toOne)...).Error().Block(
		jen.Return(jen.Qual(pkgRuntime, function).Call(c.sendArgs(s, toOne)...)))
}

// sendParams returns the parameters of a sending method.
func (c command) sendParams(s sender, toOne bool) []jen.Code {
	params := []jen.Code{jen.Id("ctx").Qual(pkgContext, "Context")}
	if toOne && s.to != "" {
		params = append(params, jen.Id(s.to).String())
	}
	if c.payloadType != "" {
		params = append(params, jen.Id(s.payload).Id(c.payloadType))
	}
	return params
}

// sendArgs returns what is passed to the runtime, up to the encoder.
func (c command) sendArgs(s sender, toOne bool) []jen.Code {
	args := []jen.Code{jen.Id("ctx"), s.endpoint.Clone()}
	switch {
	case toOne && s.to != "":
		args = append(args, jen.Id(s.to))
	case toOne:
		args = append(args, jen.Lit(""))
	}
	enc := jen.Nil()
	if c.payloadType != "" {
		enc = jen.Op("&").Id(s.payload)
	}
	return append(args, jen.Id(c.constant), enc)
}
