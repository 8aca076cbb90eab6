package generator

import (
	"github.com/dave/jennifer/jen"
)

const serverFileName = "server" + Suffix

// serverFile writes what a server needs: its handlers, itself, and its clients
// as its handlers see them.
func (g *gen) serverFile() *file {
	f := g.newFile(serverFileName, g.schema.Files[0])
	var handled, sent []command
	for _, c := range g.commands() {
		if c.serverHandles() {
			handled = append(handled, c)
		}
		if c.serverSends() {
			sent = append(sent, c)
		}
	}
	emitHandlers(f, serverSide, handled)
	emitConstructor(f, serverSide, []string{
		"Server serves a domain that speaks this protocol. Beside the typed methods it has those of *ipcio.Server, among them On, Emit, Broadcast and Call for any command. Its methods may be called concurrently.",
	})
	for _, c := range handled {
		emitOn(f, serverSide, c)
	}
	toClient := sender{
		receiver: jen.Id("s").Op("*").Id("Server"), endpoint: jen.Id("s").Dot("Server"),
		to: "client", payload: "p", whom: "one client",
	}
	for _, c := range sent {
		c.emitSend(f, toClient)
		c.emitBroadcast(f, toClient, "every client of the domain")
	}

	f.decl([]string{"Peer is a client as a handler of the server sees it: answer it without knowing its name. It may be kept after the handler returned, and used concurrently."},
		jen.Type().Id("Peer").Add(embed(jen.Qual(pkgRuntime, "Peer"))))
	toPeer := sender{
		receiver: jen.Id("p").Op("*").Id("Peer"), endpoint: jen.Id("p").Dot("Peer"),
		payload: "v", whom: "this client",
	}
	for _, c := range sent {
		c.emitSend(f, toPeer)
	}
	return f
}
