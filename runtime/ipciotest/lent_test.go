package ipciotest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/runtime/ipciotest"
)

// page is written as ipcio-gen writes a payload with borrowed bytes, and
// copied the reply that has the same fields.
type (
	page   struct{ Raw, Own []byte }
	copied page
)

func pageFields() []codec.Field {
	return []codec.Field{{Key: "raw", Of: codec.ByteString, Borrow: true}, {Key: "own", Of: codec.ByteString}}
}

var (
	layoutPage   = codec.Struct{Type: (*page)(nil), Fields: pageFields()}
	layoutCopied = codec.Struct{Type: (*copied)(nil), Fields: pageFields()}
)

func (v *page) AppendCBOR(b []byte) ([]byte, error)   { return layoutPage.Append(b, v) }
func (v *page) UnmarshalCBOR(b []byte) error          { return layoutPage.Unmarshal(b, v) }
func (v *page) UnmarshalLent(b []byte) error          { return layoutPage.UnmarshalLent(b, v) }
func (v *copied) AppendCBOR(b []byte) ([]byte, error) { return layoutCopied.Append(b, v) }
func (v *copied) UnmarshalCBOR(b []byte) error        { return layoutCopied.Unmarshal(b, v) }

// content is one encoded text, too, so that it can be the data of an error.
const content = "what the sender has sent"

// kept is what a handler has kept of a message.
type kept struct {
	raw, own, cloned, whole []byte
	message                 *ipcio.Message
}

// TestLent: a handler that keeps what it was lent, of whatever kind of message
// and however it ends, sees poison; what is its own stays, and the reply or
// error that is made of what was lent is encoded before.
func TestLent(t *testing.T) {
	replies := func(p *page) (ipcio.Payload, error) { return (*copied)(p), nil }
	fails := func(p *page) (ipcio.Payload, error) { return nil, &ipcio.RemoteError{Code: "full", Data: p.Raw} }
	panics := func(p *page) (ipcio.Payload, error) { panic(string(p.Raw)) }
	exits := func(*page) (ipcio.Payload, error) { runtime.Goexit(); return nil, nil }
	ends := func(*page) (ipcio.Payload, error) { return nil, nil }

	ctx, sent := context.Background(), &page{[]byte(content), []byte(content)}
	emit := func(from ipcio.Endpoint, to string) error { return ipcio.EmitTyped(ctx, from, to, "take", sent) }
	call := func(from ipcio.Endpoint, to string) error {
		var got copied
		if err := ipcio.CallTyped(ctx, from, to, "take", sent, &got); err != nil {
			return err
		}
		if string(got.Raw) != content || string(got.Own) != content {
			return fmt.Errorf("the reply is %q and %q", got.Raw, got.Own)
		}
		return nil
	}
	broadcast := func(from ipcio.Endpoint, _ string) error { return ipcio.BroadcastTyped(ctx, from, "take", sent) }
	for _, c := range []struct {
		name string
		up   bool // from the client to the server
		send func(from ipcio.Endpoint, to string) error
		end  func(*page) (ipcio.Payload, error)
		code string // of the error that the sender gets
	}{
		{"event", true, emit, ends, ""},
		{"event that panics", true, emit, panics, ""},
		{"event that exits", true, emit, exits, ""},
		{"event to a client", false, emit, ends, ""},
		{"broadcast", false, broadcast, ends, ""},
		{"broadcast that panics", false, broadcast, panics, ""},
		{"call", true, call, replies, ""},
		{"call of a client", false, call, replies, ""},
		{"call that fails", true, call, fails, "full"},
		{"call that panics", true, call, panics, ipcio.CodeInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := ipciotest.New(t)
				server, client := d.Server(ipcio.ServerConfig{}), d.Client(ipcio.ClientConfig{Name: "c"})
				var from, at ipcio.Endpoint = server, client
				to := "c"
				if c.up {
					from, at, to = client, server, ""
				}
				keep := make(chan kept, 1)
				ok(t, ipcio.HandleTyped(at, "take", (*page)(nil), true, func(_ context.Context, m *ipcio.Message, payload ipcio.Payload) (ipcio.Payload, error) {
					p := payload.(*page)
					keep <- kept{p.Raw, p.Own, bytes.Clone(p.Raw), m.Raw(), m}
					return c.end(p)
				}))
				join(t, server, client)
				err := c.send(from, to)
				if remote, _ := errors.AsType[*ipcio.RemoteError](err); c.code == "" && err != nil || c.code != "" && (remote == nil || remote.Code != c.code) {
					t.Fatalf("the sender gets %v, want code %q", err, c.code)
				} else if c.code == "full" && string(remote.Data) != content {
					t.Errorf("the data of the error is %q", remote.Data)
				}
				k := <-keep
				synctest.Wait() // for the end of the handler
				k.check(t)
			})
		})
	}
}

func (k kept) check(t *testing.T) {
	t.Helper()
	if want := bytes.Repeat([]byte{0xdb}, len(content)); !bytes.Equal(k.raw, want) {
		t.Errorf("the borrowed bytes that were kept are %q, want poison", k.raw)
	}
	if want := bytes.Repeat([]byte{0xdb}, len(k.whole)); !bytes.Equal(k.whole, want) {
		t.Errorf("what Raw returned and was kept is %q, want poison", k.whole)
	}
	if string(k.own) != content || string(k.cloned) != content {
		t.Errorf("bytes that are not borrowed are %q, those that were cloned %q", k.own, k.cloned)
	}
	// Raw is lent, the message is not.
	var again page
	if err := k.message.Decode(&again); err != nil || string(again.Raw) != content {
		t.Errorf("the message that was kept is decoded into %q, %v", again.Raw, err)
	}
	v, err := k.message.Value()
	if m, ok := v.(map[string]any); !ok || err != nil || !reflect.DeepEqual(m["raw"], []byte(content)) {
		t.Errorf("the message that was kept has the value %v, %v", v, err)
	}
}

// TestLentToDynamicHandler: a reply made of Raw is encoded before the loan ends.
func TestLentToDynamicHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s, c := d.Server(ipcio.ServerConfig{}), d.Client(ipcio.ClientConfig{})
		keep := make(chan []byte, 1)
		ok(t, s.On("echo", func(_ context.Context, m *ipcio.Message) (any, error) {
			keep <- m.Raw()
			return ipcio.Any(m.Raw()), nil
		}))
		join(t, s, c)
		m, err := c.Call(t.Context(), "echo", content)
		ok(t, err)
		if v, err := m.Value(); err != nil || v != content {
			t.Errorf("the reply is %v, %v", v, err)
		}
		synctest.Wait()
		if raw := <-keep; !bytes.Equal(raw, bytes.Repeat([]byte{0xdb}, len(raw))) {
			t.Errorf("what Raw returned and was kept is %q, want poison", raw)
		}
		if again, err := m.Value(); err != nil || again != content {
			t.Errorf("the reply, which is nobody's loan, becomes %v, %v", again, err)
		}
	})
}
