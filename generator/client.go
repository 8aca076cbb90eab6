package generator

import (
	"github.com/dave/jennifer/jen"
)

const clientFileName = "client" + Suffix

// clientFile writes what a client needs: its handlers and itself.
func (g *gen) clientFile() *file {
	f := g.newFile(clientFileName, g.schema.Files[0])
	var handled, sent []command
	for _, c := range g.commands() {
		if c.clientHandles() {
			handled = append(handled, c)
		}
		if c.clientSends() {
			sent = append(sent, c)
		}
	}
	emitHandlers(f, clientSide, handled)
	emitConstructor(f, clientSide, []string{
		"Client is one client of a domain that speaks this protocol. Beside the typed methods it has those of *ipcio.Client, among them On, Emit, Broadcast and Call for any command. Its methods may be called concurrently.",
	})
	for _, c := range handled {
		emitOn(f, clientSide, c)
	}
	toServer := sender{
		receiver: jen.Id("c").Op("*").Id("Client"), endpoint: jen.Id("c").Dot("Client"),
		payload: "p", whom: "the server",
	}
	toOther := toServer
	toOther.to, toOther.whom = "to", "another client"
	for _, c := range sent {
		if c.amongClients() {
			c.emitSend(f, toOther)
			c.emitBroadcast(f, toOther, "all other clients of the domain")
		} else {
			c.emitSend(f, toServer)
		}
	}
	return f
}
