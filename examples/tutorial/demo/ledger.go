package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What the tutorial's programs print about a message that the client numbers.
var (
	sentLine    = regexp.MustCompile(`^sent \S+: ".* #(\d+)"$`)
	handledLine = regexp.MustCompile(`^\S+ from \S+: ".* #(\d+)"( \(redelivered\))?$`)
)

// A handling is one run of a handler, as the server printed it.
type handling struct {
	number      int
	redelivered bool // the server says it may have been handled before
}

// parseSent returns the numbers of the messages that the client sent, in
// order. Lines about anything else are passed over.
func parseSent(lines []string) []int {
	var sent []int
	for _, line := range lines {
		if m := sentLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			sent = append(sent, n)
		}
	}
	return sent
}

// parseHandled returns what one server process handled, in order.
func parseHandled(lines []string) []handling {
	var life []handling
	for _, line := range lines {
		if m := handledLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			life = append(life, handling{number: n, redelivered: m[2] != ""})
		}
	}
	return life
}

// audit compares what the client sent with what each life of the server
// handled, and returns what breaks the promise, in words:
//
//   - every message sent is handled in some life;
//   - nothing is handled that was not sent;
//   - within one life, messages are handled in the order sent, each once;
//   - what an earlier life has handled says so when it is handled again.
func audit(sent []int, lives [][]handling) []string {
	var broken []string
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }

	before := map[int]bool{} // handled in an earlier life
	for i, life := range lives {
		last := 0
		for _, h := range life {
			if !slices.Contains(sent, h.number) {
				report("life %d of the server handled #%d, which was not sent", i+1, h.number)
			}
			if h.number <= last {
				report("life %d of the server handled #%d after #%d", i+1, h.number, last)
			}
			if before[h.number] && !h.redelivered {
				report("life %d of the server handled #%d again and did not say so", i+1, h.number)
			}
			last = h.number
		}
		for _, h := range life {
			before[h.number] = true
		}
	}
	for _, n := range sent {
		if !before[n] {
			report("#%d was sent and never handled", n)
		}
	}
	return broken
}

// summary returns the line of counts.
func summary(sent []int, away int, lives [][]handling) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sent %d, of these %d while the server was dead;", len(sent), away)
	distinct, again, flagged := map[int]bool{}, 0, 0
	for i, life := range lives {
		fmt.Fprintf(&b, " life %d handled %d,", i+1, len(life))
		for _, h := range life {
			if distinct[h.number] {
				again++
			}
			if h.redelivered {
				flagged++
			}
			distinct[h.number] = true
		}
	}
	fmt.Fprintf(&b, " together %d different; %d handled twice, %d marked as redelivered", len(distinct), again, flagged)
	return b.String()
}
