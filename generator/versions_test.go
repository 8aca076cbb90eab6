package generator_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
)

// TestVersionsMatrix builds programs from two versions of one schema and runs
// them against each other, in separate processes over a real socket: what both
// declare alike works, and what does not fit is refused by name.
func TestVersionsMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	party, err := os.ReadFile("testdata/versions/party.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := newModule(t)
	models := map[string]*schema.Schema{}
	for _, version := range []string{"old", "new"} {
		source, err := os.ReadFile(filepath.Join("testdata", "versions", version+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		models[version] = load(t, map[string]string{"commands.yaml": string(source)})
		files, err := generator.Generate(models[version], generator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			write(t, filepath.Join(dir, version, "sdk", f.Name), f.Content)
		}
		write(t, filepath.Join(dir, version, "main.go"), []byte(strings.ReplaceAll(string(party), "VERSION", version)))
	}
	goCommand(t, dir, "build", "-o", dir+"/bin/", "./old", "./new")

	print := func(version, command string) string {
		for _, c := range models[version].Commands {
			if c.Name == command {
				return c.Fingerprint()
			}
		}
		t.Fatalf("%s has no command %s", version, command)
		return ""
	}
	for _, tt := range []struct{ server, client, peer string }{
		{"old", "new", "old"}, {"new", "old", "new"}, {"old", "old", "new"}, {"new", "new", "new"},
	} {
		t.Run(fmt.Sprintf("server %s, client %s, peer %s", tt.server, tt.client, tt.peer), func(t *testing.T) {
			t.Parallel()
			want := map[string]string{}
			// cell sets what is expected of a command if the versions of its sender
			// and its receiver differ. PRINTS are both fingerprints, the sender's first.
			cell := func(what, command, from, to, differ string) {
				if want[what] = "ok"; from != to {
					want[what] = strings.ReplaceAll(differ, "PRINTS", command+" "+print(from, command)+" "+print(to, command))
				}
			}
			client, server, peer := tt.client, tt.server, tt.peer
			const refused = "violates size range; mismatch PRINTS; invalid; not handled"
			const unread = "violates size range; mismatch PRINTS; handled"
			cell("same", "same", client, server, "ok")
			cell("widened", "widened", client, server, "ok")
			cell("up.call", "up.call", client, server, refused)
			cell("up.event", "up.event", client, server, refused)
			cell("up.reply", "up.reply", client, server, unread)
			cell("across.call", "across.call", client, peer, refused)
			cell("across.event", "across.event", client, peer, refused)
			// What another client declares comes with its refusals, not with its replies.
			cell("across.reply", "across.reply", client, peer, "violates size range; mismatch across.reply "+print(client, "across.reply")+" ; handled")
			cell("server: same", "same", server, client, "ok")
			cell("server: down.call", "down.call", server, client, refused)
			cell("server: down.event", "down.event", server, client, refused)
			cell("server: down.reply", "down.reply", server, client, unread)
			// A broadcast is refused where it comes: the receiver's fingerprint first.
			cell("server: down.news", "down.news", client, server, "violates size range; mismatch PRINTS; unknown")
			if client == server {
				want["server: down.news"] = "ok, " + map[string]string{"old": "5", "new": "50"}[server]
			}
			want["up.fails"] = "busy " + map[string]string{"old": "5", "new": "50"}[server] + "; Busy; handled"
			if client != server {
				cell("up.fails", "up.fails", client, server, "mismatch PRINTS; Busy; handled")
			}
			// Only the newer one needs the field.
			cell("needs", "needs", client, server, "ok")
			if client == "old" && server == "new" {
				cell("needs", "needs", client, server, "violates more decode; mismatch PRINTS; invalid; not handled")
			}
			only := "only." + client
			cell(only, only, client, client, "")
			want[only] = "unknown_command; not handled" // nobody handles it
			if client != server {
				want[only] = "unknown command; unknown_command; not handled"
			}

			sockets, err := os.MkdirTemp("", "ipcio")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(sockets) })
			begin(t, filepath.Join(dir, "bin", server), "server", sockets)
			begin(t, filepath.Join(dir, "bin", peer), "client", sockets, "peer")
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", client), "try", sockets, "peer")
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got := map[string]string{}
			for line := range strings.Lines(string(out)) {
				what, outcome, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				got[what] = outcome
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// begin starts a process, waits until it is ready, and has it end with the
// test.
func begin(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s %v: %v", program, args, err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil && err != io.EOF || line != "ready\n" {
		t.Fatalf("%s %v is not ready: %q, %v", program, args, line, err)
	}
}
