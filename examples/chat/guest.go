package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/generated/chat"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// keepEvery is how often a guest that is not connected tries to host the room
// itself.
const keepEvery = 100 * time.Millisecond

// A guest is one person in the room, and perhaps its host.
type guest struct {
	*chat.Client
	cfg    ipcio.ClientConfig
	screen *screen

	mu    sync.Mutex           // guards the fields below
	here  map[string]chat.Mood // who came and has not left, as the room told
	topic chat.Topic           // as the room told, for the next host
	room  *room                // not nil if this process hosts it
}

const help = `what you type is said to all in the room, but for
  /who               who is here
  /msg NAME TEXT     say something to one person alone
  /topic [TEXT]      show the topic, or change it
  /mood MOOD         fine, busy, away, or a word of your own
  /quit              leave (or end the input, or Ctrl-C)
  /help              this`

// join takes part in a room until the input or ctx ends, or /quit is typed.
func join(ctx context.Context, cfg ipcio.ClientConfig, in io.Reader, s *screen) error {
	g := &guest{screen: s, here: map[string]chat.Mood{}}
	cfg.OnGap = g.gap
	g.cfg = cfg
	var err error
	g.Client, err = chat.NewClient(cfg, chat.ClientHandlers{
		ChatSaid:         g.said,
		ChatJoined:       g.joined,
		ChatLeft:         g.left,
		ChatWhisper:      g.whispered,
		ChatMoodChanged:  g.moodChanged,
		ChatTopicChanged: g.topicChanged,
	})
	if err != nil {
		return err
	}
	defer g.Close()

	// Somebody must host the room, now and after the host has left.
	if err := g.hostIfNobodyDoes(ctx); err != nil {
		return err
	}
	keep, stop := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() { g.keep(keep) })
	defer func() {
		stop()
		keeping.Wait()
		g.leave()
	}()
	if err := g.Connect(ctx); err != nil {
		return err
	}
	s.note("you are %s in the room %s; /help shows what you can do", g.Name(), cfg.Domain)
	if topic, err := g.CallChatTopic(ctx); err == nil && topic.Text != "" {
		g.topicChanged(ctx, chat.ChatTopicChangedPayload{Topic: topic})
	}

	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			s.typed()
			quit, err := g.do(ctx, strings.TrimSpace(line))
			if err != nil {
				s.fail("%v", err)
			}
			if quit {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// hostIfNobodyDoes hosts the room if it has no host. The lock of the domain
// decides between those who try at once.
func (g *guest) hostIfNobodyDoes(ctx context.Context) error {
	g.mu.Lock()
	topic := g.topic
	g.mu.Unlock()
	r, err := openRoom(ctx, ipcio.ServerConfig{Domain: g.cfg.Domain, Dir: g.cfg.Dir}, topic)
	if errors.Is(err, ipcio.ErrDomainInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.room = r
	g.mu.Unlock()
	g.screen.note("you are the host")
	return nil
}

// keep hosts the room whenever nobody else does, until ctx ends.
func (g *guest) keep(ctx context.Context) {
	for tick := time.Tick(keepEvery); ; {
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
		g.mu.Lock()
		hosting := g.room != nil
		g.mu.Unlock()
		if hosting || g.Connected() {
			continue
		}
		if err := g.hostIfNobodyDoes(ctx); err != nil && ctx.Err() == nil {
			g.screen.fail("nobody hosts the room: %v", err)
			return
		}
	}
}

// leave waits until what was said is heard, then ends the room if it is ours.
func (g *guest) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := g.Shutdown(ctx); err != nil {
		g.screen.fail("not all that you said was heard: %v", err)
	}
	g.mu.Lock()
	r := g.room
	g.mu.Unlock()
	if r != nil {
		r.close(g.Name())
	}
	g.screen.close()
}

// do runs one line of input.
func (g *guest) do(ctx context.Context, line string) (quit bool, err error) {
	command, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case line == "":
		return false, nil
	case command == "/quit":
		return true, nil
	case command == "/help":
		for l := range strings.SplitSeq(help, "\n") {
			g.screen.note("%s", l)
		}
		return false, nil
	case command == "/who":
		return false, g.who(ctx)
	case command == "/msg":
		return false, g.whisper(ctx, rest)
	case command == "/topic":
		return false, g.talkAbout(ctx, rest)
	case command == "/mood":
		return false, g.feel(ctx, rest)
	case strings.HasPrefix(command, "/"):
		return false, fmt.Errorf("there is no %s: see /help", command)
	}
	return false, g.EmitChatSay(ctx, chat.ChatSayPayload{Text: line})
}

func (g *guest) who(ctx context.Context) error {
	d, err := g.Discover(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range d.Clients {
		switch {
		case c.Name == g.Name():
			names = append(names, c.Name+" (you)")
		case c.Connected:
			names = append(names, c.Name+g.moodOf(c.Name))
		}
	}
	g.screen.note("here: %s", strings.Join(names, ", "))
	return nil
}

func (g *guest) whisper(ctx context.Context, rest string) error {
	to, text, _ := strings.Cut(rest, " ")
	text = strings.TrimSpace(text)
	if text == "" {
		return errors.New("/msg NAME TEXT says something to one person")
	}
	if err := g.EmitChatWhisper(ctx, to, chat.ChatWhisperPayload{Text: text}); err != nil {
		return err
	}
	g.screen.private("you to %s: %s", to, text)
	return nil
}

// talkAbout shows the topic, or changes it if there is a new one: the room
// tells all of that.
func (g *guest) talkAbout(ctx context.Context, text string) error {
	if text != "" {
		_, err := g.CallChatSetTopic(ctx, chat.ChatSetTopicPayload{Text: text})
		return err
	}
	topic, err := g.CallChatTopic(ctx)
	if err != nil {
		return err
	}
	g.showTopic(topic)
	return nil
}

func (g *guest) showTopic(t chat.Topic) {
	switch {
	case t.Text == "":
		g.screen.note("there is no topic")
	case t.SetBy == nil:
		g.screen.note("the topic is: %s", t.Text)
	default:
		g.screen.note("the topic is: %s (since %s, by %s)", t.Text, t.SetAt.Local().Format("15:04"), *t.SetBy)
	}
}

func (g *guest) feel(ctx context.Context, mood string) error {
	if mood == "" {
		return errors.New("/mood MOOD tells the others how you feel")
	}
	return g.EmitChatMood(ctx, chat.ChatMoodPayload{Mood: chat.Mood(mood)})
}

// moodOf returns what /who says of a person's mood.
func (g *guest) moodOf(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if mood := g.here[name]; mood != "" && mood != chat.MoodFine {
		return " (" + string(mood) + ")"
	}
	return ""
}

func (g *guest) said(_ context.Context, p chat.ChatSaidPayload) error {
	g.screen.said(p.At, p.From, p.Text)
	return nil
}

func (g *guest) whispered(_ context.Context, from ipcio.Peer, p chat.ChatWhisperPayload) error {
	g.screen.private("%s to you: %s", from.Name(), p.Text)
	return nil
}

// joined says who came. A new host tells it of all who were here before.
func (g *guest) joined(_ context.Context, p chat.ChatJoinedPayload) error {
	g.mu.Lock()
	_, known := g.here[p.Name]
	if !known {
		g.here[p.Name] = chat.MoodFine
	}
	g.mu.Unlock()
	if !known && p.Name != g.Name() {
		g.screen.note("%s is here", p.Name)
	}
	return nil
}

func (g *guest) left(_ context.Context, p chat.ChatLeftPayload) error {
	g.mu.Lock()
	delete(g.here, p.Name)
	g.mu.Unlock()
	g.screen.note("%s left", p.Name)
	return nil
}

func (g *guest) moodChanged(_ context.Context, p chat.ChatMoodChangedPayload) error {
	g.mu.Lock()
	g.here[p.Name] = p.Mood
	g.mu.Unlock()
	if p.Name != g.Name() {
		g.screen.note("%s is %s", p.Name, p.Mood)
	}
	return nil
}

func (g *guest) topicChanged(_ context.Context, p chat.ChatTopicChangedPayload) error {
	g.mu.Lock()
	g.topic = p.Topic
	g.mu.Unlock()
	g.showTopic(p.Topic)
	return nil
}

// gap says what will not be heard.
func (g *guest) gap(gap ipcio.Gap) {
	switch {
	case errors.Is(gap.Err, ipcio.ErrUnknownClient):
		g.screen.fail("not heard, because nobody here has that name")
	case gap.Reason == ipcio.GapRestarted:
		g.screen.note("the room has another host now")
	default:
		g.screen.fail("something was not heard: %v", gap.Reason)
	}
}
