// Package ipciotest gives a program's tests a domain in memory: servers and
// clients that find each other without a socket, a directory or another
// process, and lose each other when a test wants them to.
//
//	func TestGreeting(t *testing.T) {
//		d := ipciotest.New(t)
//		server := d.Server(ipcio.ServerConfig{})
//		client := d.Client(ipcio.ClientConfig{Name: "alice"})
//		…
//	}
//
// A constructor of generated code, or of the program under test, takes the
// domain with its configuration:
//
//	server, err := tutorial.NewServer(d.ServerConfig(cfg), handlers)
//	client, err := tutorial.NewClient(d.ClientConfig(cfg), handlers)
//
// # Virtual time
//
// Everything works inside a bubble of [testing/synctest], where the 30 s of a
// call's time-out pass in no time. Make the [Domain] inside the bubble, and
// close what you made yourself before the test function returns; what
// [Domain.Server] and [Domain.Client] made is closed for you.
//
// # Faults
//
// [Domain.Cut] and [Domain.Hang] do to a client's connections what a crash and
// a stopped process do. [Domain.SetFaults] cuts connections again and again, at
// bytes that a seed chooses, so that a test that failed can be run again.
//
// # Lent memory
//
// What [ipcio.Message.Raw] returns, and a field of the payload whose schema says
// borrow, is lent to a handler until it returns. Here that memory is overwritten
// with 0xdb when the handler has returned and its reply is encoded, so that a
// handler that keeps a part of it without copying sees what it does; one that
// reads in another goroutine is a data race, which -race reports.
//
// # What is different from a socket
//
// A connection buffers 64 KiB in each direction. Credentials are those of this
// process unless [Domain.ClientConfigAs] says otherwise, and the server's are
// always. Two servers of one domain meet when the second one accepts, so that
// its Start succeeds and its Wait returns [ipcio.ErrDomainInUse].
package ipciotest
