package main

import (
	"slices"
	"testing"

	"github.com/ipcio/ipcio-go/examples/internal/lesson"
)

// Two people, then three, at their terminals. Who hosts leaves first.
func TestChat(t *testing.T) {
	l := lesson.Build(t, "chat")
	enter := func(name string) *lesson.Program {
		p := l.Start(name, "chat", "-name", name, "-dir", l.Dir)
		p.Expect("you are " + name)
		return p
	}
	ann := enter("ann")
	bob := enter("bob")
	ann.Expect("bob is here")

	bob.Type("hello, is anybody here?")
	ann.Expect("bob: hello, is anybody here?")
	bob.Expect("bob: hello, is anybody here?")

	ann.Type("/msg bob between you and me")
	ann.Expect("you to bob: between you and me")
	bob.Expect("ann to you: between you and me")
	ann.Type("/msg cid are you there?")
	ann.Expect("not heard, because nobody here has that name")

	ann.Type("/topic")
	ann.Expect("there is no topic")
	bob.Type("/topic lunch")
	bob.Expect("the topic is: lunch")
	ann.Expect("the topic is: lunch")
	ann.Type("/mood busy")
	bob.Expect("ann is busy")

	bob.Type("/who")
	bob.Expect("here: ann (busy), bob (you)")
	bob.Type("/dance")
	bob.Expect("there is no /dance: see /help")
	bob.Type("/help")
	bob.Expect("/msg NAME TEXT")

	// No escape sequence of one person reaches the terminal of another.
	ann.Type("\x1b[2J gone")
	bob.Expect("ann: \uFFFD[2J gone")

	// Ann hosts the room. When she leaves, bob takes over, and what he says
	// meanwhile is heard.
	ann.Type("/quit")
	ann.Wait()
	bob.Expect("ann left")
	bob.Type("has she gone?")
	bob.Expect("bob: has she gone?")
	bob.Type("/who")
	bob.Expect("here: bob (you)")
	if !slices.Contains(bob.Lines(), "you are the host") {
		t.Error("bob does not host the room after ann has left")
	}

	cid := enter("cid")
	cid.Expect("the topic is: lunch")
	bob.Expect("cid is here")
	cid.Type("I am new")
	bob.Expect("cid: I am new")

	// The end of the input and Ctrl-C end the program as /quit does.
	if err := cid.CloseInput(); err != nil {
		t.Fatal(err)
	}
	cid.Wait()
	bob.Expect("cid left")
	bob.Interrupt()
}

// A room can be hosted by a process of its own.
func TestServe(t *testing.T) {
	l := lesson.Build(t, "chat")
	host := l.Start("host", "chat", "serve", "-dir", l.Dir)
	host.Expect("hosting")

	ann := l.Start("ann", "chat", "-name", "ann", "-dir", l.Dir)
	ann.Expect("you are ann")
	ann.Type("an echo?")
	ann.Expect("ann: an echo?")

	// A name is one person's.
	second := l.Start("second", "chat", "-name", "ann", "-dir", l.Dir)
	<-second.Done()
	if err := second.Process.Wait(t.Context()); err == nil {
		t.Error("a second ann could enter")
	}
	ann.Interrupt()
	for _, line := range ann.Lines() {
		if line == "you are the host" {
			t.Error("ann hosts a room that has a host")
		}
	}
	host.Interrupt()
}
