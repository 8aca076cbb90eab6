package main

import (
	"context"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/generated/chat"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// sweepEvery is how often the room looks who came and who went.
const sweepEvery = 200 * time.Millisecond

// A room is the server of a chat: it repeats to all what one says, tells who
// comes and goes, and keeps the topic and the moods.
type room struct {
	srv   *chat.Server
	ended chan struct{} // closed when the server has ended, for whatever reason
	swept sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	topic chat.Topic
	here  map[string]chat.Mood // by name
}

// openRoom serves the domain of cfg until close is called. It begins with the
// topic of the host before it, if there was one. The error is
// ipcio.ErrDomainInUse when somebody else hosts the domain.
func openRoom(ctx context.Context, cfg ipcio.ServerConfig, topic chat.Topic) (*room, error) {
	r := &room{ended: make(chan struct{}), topic: topic, here: map[string]chat.Mood{}}
	var err error
	r.srv, err = chat.NewServer(cfg, chat.ServerHandlers{
		ChatSay:      r.say,
		ChatMood:     r.setMood,
		ChatTopic:    r.currentTopic,
		ChatSetTopic: r.setTopic,
	})
	if err != nil {
		return nil, err
	}
	if err := r.srv.Start(ctx); err != nil {
		r.srv.Close()
		return nil, err
	}
	go func() {
		defer close(r.ended)
		r.srv.Wait() // whoever needs the reason asks again
	}()
	r.swept.Go(func() {
		for tick := time.Tick(sweepEvery); ; {
			select {
			case <-tick:
				r.sweep("")
			case <-r.ended:
				return
			}
		}
	})
	return r, nil
}

// close tells that the host left, if it took part, lets what was said arrive,
// and ends the room.
func (r *room) close(host string) {
	r.sweep(host)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := r.srv.Shutdown(ctx); err != nil {
		r.srv.Close()
	}
	r.swept.Wait()
}

// say repeats what one person says to all, the speaker among them.
func (r *room) say(ctx context.Context, from *chat.Peer, p chat.ChatSayPayload) error {
	return r.srv.BroadcastChatSaid(ctx, chat.ChatSaidPayload{From: from.Name(), Text: p.Text, At: time.Now()})
}

func (r *room) setMood(ctx context.Context, from *chat.Peer, p chat.ChatMoodPayload) error {
	r.mu.Lock()
	if _, ok := r.here[from.Name()]; ok {
		r.here[from.Name()] = p.Mood
	}
	r.mu.Unlock()
	return r.srv.BroadcastChatMoodChanged(ctx, chat.ChatMoodChangedPayload{Name: from.Name(), Mood: p.Mood})
}

func (r *room) currentTopic(context.Context, *chat.Peer) (chat.Topic, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.topic, nil
}

func (r *room) setTopic(ctx context.Context, from *chat.Peer, p chat.ChatSetTopicPayload) (chat.ChatSetTopicReply, error) {
	after := chat.Topic{Text: p.Text, SetBy: new(from.Name()), SetAt: time.Now()}
	r.mu.Lock()
	before := r.topic
	r.topic = after
	r.mu.Unlock()
	err := r.srv.BroadcastChatTopicChanged(ctx, chat.ChatTopicChangedPayload{Topic: after})
	return chat.ChatSetTopicReply{Before: before}, err
}

// sweep compares who is connected with who was, and tells all. Who is new is
// told the moods of those who are here. leaving counts as gone.
func (r *room) sweep(leaving string) {
	connected := map[string]bool{}
	for _, c := range r.srv.Clients() {
		connected[c.Name] = c.Connected && c.Name != leaving
	}
	var came, went []string
	moods := map[string]chat.Mood{}
	r.mu.Lock()
	for name, mood := range r.here {
		switch {
		case !connected[name]:
			delete(r.here, name)
			went = append(went, name)
		case mood != chat.MoodFine:
			moods[name] = mood
		}
	}
	for name, ok := range connected {
		if _, known := r.here[name]; ok && !known {
			r.here[name] = chat.MoodFine
			came = append(came, name)
		}
	}
	r.mu.Unlock()

	// An error of these means that somebody left again, or that the room is
	// closing: there is nobody to tell.
	ctx := context.Background()
	for _, name := range came {
		r.srv.BroadcastChatJoined(ctx, chat.ChatJoinedPayload{Name: name})
		for other, mood := range moods {
			r.srv.EmitChatMoodChanged(ctx, name, chat.ChatMoodChangedPayload{Name: other, Mood: mood})
		}
	}
	for _, name := range went {
		r.srv.BroadcastChatLeft(ctx, chat.ChatLeftPayload{Name: name})
	}
}
