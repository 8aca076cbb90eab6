package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFixLineEnds adds to files that are laid out in ways of their own.
func TestFixLineEnds(t *testing.T) {
	const old = "ipcio: 1\nprotocol: jobs\ncommands:\n  job.start: {payload: {id: uuid, nice: opt<int8>}}\n"
	const added = "JobStartPayload.nice"
	start := strings.Replace(old, ", nice: opt<int8>", "", 1)
	crlf := strings.NewReplacer("\n", "\r\n").Replace
	for name, c := range map[string]struct {
		file, want string
		status     int
	}{
		"CR LF":            {crlf(start), crlf(start + "\nreserved: [" + added + "]\n"), 0},
		"CR LF, a list":    {crlf(start + "reserved:\n- job.stop\n"), crlf(start + "reserved:\n- job.stop\n- " + added + "\n"), 0},
		"CR LF, brackets":  {crlf(start + "reserved: [job.stop]\n"), crlf(start + "reserved: [job.stop, " + added + "]\n"), 0},
		"byte order mark":  {"\ufeff" + start, "\ufeff" + start + "\nreserved: [" + added + "]\n", 0},
		"no line break":    {strings.TrimSuffix(start, "\n"), start + "\nreserved: [" + added + "]\n", 0},
		"list, likewise":   {start + "reserved:\n  - job.stop", start + "reserved:\n  - job.stop\n  - " + added + "\n", 0},
		"wide characters":  {start + "reserved: [State.名, 'State.näh']\n", start + "reserved: [State.名, 'State.näh', " + added + "]\n", 0},
		"a quote in it":    {start + `reserved: ['State.it''s']` + "\n", "", exitFiles},
		"two lines":        {start + "reserved:\n  - State.a\n    b\n", "", exitFiles},
		"one line, braces": {"{ipcio: 1, protocol: jobs, commands: {job.start: {payload: {id: uuid}}}}", "", exitFiles},
		"CR":               {strings.ReplaceAll(start+"reserved: [job.stop]\n", "\n", "\r"), "", exitFiles},
	} {
		t.Run(name, func(t *testing.T) {
			inDir(t, map[string]string{"old.yaml": old, "commands.yaml": c.file})
			want, says := c.want, ""
			if c.status != 0 {
				want, says = c.file, "add to it yourself: "+added
			}
			var out, errOut strings.Builder
			status := run([]string{"breaking", "--fix", "--against", "file:old.yaml"}, nil, &out, &errOut)
			if status != c.status || !strings.Contains(errOut.String(), says) {
				t.Errorf("status %d, want %d, %s%s", status, c.status, out.String(), errOut.String())
			}
			if diff := cmp.Diff(want, read(t, "commands.yaml")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := list(t, "."); got != "commands.yaml old.yaml" {
				t.Errorf("there is %s", got)
			}
		})
	}
}
