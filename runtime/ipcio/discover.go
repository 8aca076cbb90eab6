package ipcio

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// queries are the questions that wait for an answer on the domain lane. They
// are asked again on the next connection: asking twice does no harm.
type queries struct {
	mu      sync.Mutex // guards the fields below
	last    uint64
	waiting map[uint64]chan []byte // each of capacity 1
}

const (
	queryDirectory = "directory"
	mostQueries    = 1024
)

func (q *queries) begin() (uint64, chan []byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= mostQueries {
		return 0, nil, fmt.Errorf("ipcio: discover: %d questions wait for an answer: %w", mostQueries, ErrQueueFull)
	}
	q.last++
	answer := make(chan []byte, 1)
	q.waiting[q.last] = answer
	return q.last, answer, nil
}

func (q *queries) forget(id uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

// answer takes the server's answer; one that nobody waits for is dropped.
func (q *queries) answer(id uint64, b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ch := q.waiting[id]; ch != nil {
		ch <- slices.Clone(b)
		delete(q.waiting, id)
	}
}

// again asks what is not answered yet on a new connection.
func (q *queries) again(domain *lane) {
	q.mu.Lock()
	var b []byte
	for id := range q.waiting {
		b = appendQuery(b, id)
	}
	q.mu.Unlock()
	if len(b) > 0 {
		domain.send(b)
	}
}

func appendQuery(b []byte, id uint64) []byte {
	return wire.Append(b, &wire.Frame{Kind: wire.KindQuery, Number: id, Command: queryDirectory})
}

// directory is a Directory as it travels.
type directory struct {
	Clients     []directoryClient  `cbor:"clients"`
	Commands    []directoryCommand `cbor:"commands"`
	Protocol    string             `cbor:"protocol,omitempty"`
	Version     int                `cbor:"version,omitempty"`
	Fingerprint string             `cbor:"fingerprint,omitempty"`
}

type directoryClient struct {
	Name      string    `cbor:"name"`
	ID        string    `cbor:"id"`
	UID       uint32    `cbor:"uid"`
	GID       uint32    `cbor:"gid"`
	PID       int32     `cbor:"pid"`
	Connected bool      `cbor:"connected"`
	Since     time.Time `cbor:"since"`
}

type directoryCommand struct {
	Name        string `cbor:"name"`
	Call        bool   `cbor:"call,omitempty"`
	Fingerprint string `cbor:"fingerprint,omitempty"`
}

// Discover asks the server who is in the domain and what it handles. It waits
// for a connection if there is none; if ctx has no deadline,
// ClientConfig.CallTimeout is one.
func (c *Client) Discover(ctx context.Context) (Directory, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.ep.callTimeout)
		defer cancel()
	}
	id, answer, err := c.queries.begin()
	if err != nil {
		return Directory{}, err
	}
	defer c.queries.forget(id)
	c.link.mu.Lock()
	domain := c.lanes.domain
	c.link.mu.Unlock()
	if domain != nil {
		domain.send(appendQuery(nil, id))
	}
	select {
	case b := <-answer:
		return decodeDirectory(b)
	case <-ctx.Done():
		return Directory{}, fmt.Errorf("ipcio: discover: %w", ctx.Err())
	case <-c.quit:
		return Directory{}, fmt.Errorf("ipcio: discover: %w", ErrClosed)
	}
}

func decodeDirectory(b []byte) (Directory, error) {
	if len(b) == 1 && b[0] == cborNull {
		return Directory{}, fmt.Errorf("ipcio: discover: the directory does not fit into the largest frame this client takes: %w", ErrTooLarge)
	}
	var d directory
	if err := dynamicDec.Unmarshal(b, &d); err != nil {
		return Directory{}, fmt.Errorf("ipcio: discover: %w", err)
	}
	out := Directory{Protocol: d.Protocol, Version: d.Version, Fingerprint: d.Fingerprint}
	for _, c := range d.Clients {
		out.Clients = append(out.Clients, ClientInfo{
			Name: c.Name, ID: c.ID, Connected: c.Connected, Since: c.Since,
			Credentials: Credentials{UID: c.UID, GID: c.GID, PID: c.PID},
		})
	}
	for _, c := range d.Commands {
		out.Commands = append(out.Commands, CommandInfo(c))
	}
	return out, nil
}

// directory answers the question of one client.
func (s *Server) directory() ([]byte, error) {
	d := directory{Clients: []directoryClient{}, Commands: []directoryCommand{}}
	for _, c := range s.Clients() {
		d.Clients = append(d.Clients, directoryClient{
			Name: c.Name, ID: c.ID, Connected: c.Connected, Since: c.Since,
			UID: c.Credentials.UID, GID: c.Credentials.GID, PID: c.Credentials.PID,
		})
	}
	for _, name := range s.ep.registry.patterns() {
		info := directoryCommand{Name: name}
		if spec := s.ep.specs[name]; spec != nil {
			info.Call, info.Fingerprint = spec.IsCall(), spec.Fingerprint
		}
		d.Commands = append(d.Commands, info)
	}
	if p := s.ep.protocol; p != nil {
		d.Protocol, d.Version, d.Fingerprint = p.Name, p.Version, p.Fingerprint
	}
	return dynamicEnc.Marshal(d)
}
