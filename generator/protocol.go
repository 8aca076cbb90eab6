package generator

import (
	"fmt"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

const protocolFileName = "protocol" + Suffix

// generation is the generation of the seam that the generated code needs:
// ipcio.SupportsGen1.
const generation = 1

// protocolFile writes the package comment, the pin to the runtime, and the
// description of the protocol.
//
//	const _ = ipcio.SupportsGen1
//
//	const (
//		ProtocolName        = "jobrunner"
//		ProtocolVersion     = 1
//		ProtocolFingerprint = "sha256:…"
//	)
//
//	const (
//		CommandJobSubmit = "job.submit"
//	)
func (g *gen) protocolFile() *file {
	s := g.schema
	f := g.newFile(protocolFileName, s.Files[0])
	f.packageDoc(fmt.Sprintf("Package %s is the %s protocol, version %d.", g.names.pkg, s.Protocol, s.Version), s.Doc)

	f.decl([]string{"If this line does not compile, this file and the ipcio runtime in go.mod do not fit: run \"go get github.com/ipcio/ipcio-go@latest\" and then \"go generate\"."},
		jen.Const().Id("_").Op("=").Qual(pkgRuntime, fmt.Sprintf("SupportsGen%d", generation)))

	f.decl([]string{"What the two sides of a connection compare. The fingerprint covers what matters on the wire, not documentation or names of types."},
		jen.Const().Defs(
			jen.Id("ProtocolName").Op("=").Lit(s.Protocol),
			jen.Id("ProtocolVersion").Op("=").Lit(s.Version),
			jen.Id("ProtocolFingerprint").Op("=").Lit(s.Fingerprint()),
		))

	commands := g.commands()
	if len(commands) > 0 {
		f.decl([]string{"The commands as they travel, for dynamic handlers."}, jen.Const().DefsFunc(func(d *jen.Group) {
			for _, c := range commands {
				for _, l := range docs(deprecated(c.Deprecated)) {
					d.Add(l)
				}
				d.Id(c.constant).Op("=").Lit(c.Name)
			}
		}))
	}
	f.decl(nil, g.protocolVar(commands))
	f.decl([]string{"Protocol describes the protocol to the runtime, anew for every call."},
		jen.Func().Id("Protocol").Params().Op("*").Qual(pkgRuntime, "Protocol").Add(
			oneLiner(jen.Return(jen.Id("protocol").Dot("Clone").Call()))))
	return f
}

// protocolVar declares what Protocol returns copies of.
//
//	var protocol = ipcio.Protocol{
//		Name:        ProtocolName,
//		Version:     ProtocolVersion,
//		Fingerprint: ProtocolFingerprint,
//		Commands: []ipcio.CommandSpec{
//			{Name: CommandJobSubmit, Direction: ipcio.ClientToServer, Fingerprint: "…", Payload: &layoutJobSubmitPayload, Reply: &layoutJobSubmitReply, Errors: []string{"QueueFull"}},
//		},
//		Errors: []ipcio.ErrorSpec{
//			{Name: "QueueFull", Type: (*QueueFullError)(nil)},
//		},
//	}
func (g *gen) protocolVar(commands []command) jen.Code {
	specs := make([]jen.Code, len(commands))
	for i, c := range commands {
		spec := []jen.Code{
			entry("Name", jen.Id(c.constant)),
			entry("Direction", jen.Qual(pkgRuntime, directions[c.Direction])),
			entry("Fingerprint", jen.Lit(c.Fingerprint())),
		}
		if c.Payload != nil {
			spec = append(spec, entry("Payload", jen.Op("&").Id(g.names.layoutVar(c.Payload))))
		}
		if c.Reply != nil {
			spec = append(spec, entry("Reply", jen.Op("&").Id(g.names.layoutVar(c.Reply))))
		}
		if len(c.Errors) > 0 {
			spec = append(spec, entry("Errors", jen.Index().String().ValuesFunc(func(l *jen.Group) {
				for _, e := range c.Errors {
					l.Lit(e.Name)
				}
			})))
		}
		if c.Idempotent {
			spec = append(spec, entry("Idempotent", jen.True()))
		}
		specs[i] = jen.Values(spec...)
	}
	fields := []jen.Code{
		entry("Name", jen.Id("ProtocolName")),
		entry("Version", jen.Id("ProtocolVersion")),
		entry("Fingerprint", jen.Id("ProtocolFingerprint")),
	}
	if len(specs) > 0 {
		fields = append(fields, entry("Commands", jen.Index().Qual(pkgRuntime, "CommandSpec").Add(lines(specs))))
	}
	if len(g.schema.Errors) > 0 {
		fields = append(fields, entry("Errors", jen.Index().Qual(pkgRuntime, "ErrorSpec").Add(lines(g.errorSpecs()))))
	}
	return jen.Var().Id("protocol").Op("=").Qual(pkgRuntime, "Protocol").Add(lines(fields))
}

var directions = map[schema.Direction]string{
	schema.ClientToServer: "ClientToServer",
	schema.ServerToClient: "ServerToClient",
	schema.Both:           "Both",
	schema.ClientToClient: "ClientToClient",
}

// lines returns the body of a composite literal, one element a line. jen.Dict
// would sort them.
func lines(elements []jen.Code) jen.Code {
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, elements...)
}

func entry(name string, v jen.Code) jen.Code { return jen.Id(name).Op(":").Add(v) }
