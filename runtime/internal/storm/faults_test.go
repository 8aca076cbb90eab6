//go:build linux

package storm

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// faultTable is what can go wrong, what is shown of it, and by which tests or
// targets of make. A fault that nothing shows says so in open.
var faultTable = []struct {
	fault  string
	figure string // in what the long run of the last test or target does
	tests  []string
	open   string
}{
	1:  {"a connection is cut at every byte, both directions, both lanes", "every byte of a conversation with heads of 1 to 3 bytes", []string{"internal/storm.TestCutAtEveryByte", "make storm-bytes"}, ""},
	2:  {"a cut at every step of the handshake and of resuming", "every byte of both hellos and both welcomes, first and again", []string{"internal/storm.TestCutAtEveryByte", "ipcio.TestThreadNewConnectionDiesAtEveryByte"}, ""},
	3:  {"kill -9 of the server under load", "1,000 kills, 1,000,000 messages", []string{"internal/storm.TestStormServer", "make storm-server"}, ""},
	4:  {"kill -9 of a client with a durable outbox", "1,000 kills of each of the two outboxes", []string{"outbox.TestStormDurable", "make storm-durable"}, ""},
	5:  {"kill -9 of both", "333", []string{"internal/storm.TestStormBoth", "make storm-clients"}, ""},
	6:  {"SIGSTOP of the server", "noticed after 16 s at most", []string{"internal/storm.TestStormStop", "ipciotest.TestSilentPeerIsNoticed", "make storm-stop"}, ""},
	7:  {"SIGSTOP of a client: a slow consumer", "the server's heap is bounded, the others go on", []string{"internal/storm.TestStormStop", "make storm-stop"}, "how much slower the others are is not measured"},
	8:  {"a reader of one byte a second", "a reader that takes nothing at all", []string{"ipcio.TestContractC2ServerThatNeverReads"}, "the throughput beside 500 of them is not measured"},
	9:  {"hellos that dribble or do not come", "all closed after the handshake's time-out", []string{"ipciotest.TestHandshakeTimeout", "ipcio.TestThreadFailedHandshakes"}, ""},
	10: {"much to catch up with on both sides", "64 MiB each", []string{"ipcio.TestResumeWithMuchOnBothSides", "make faults"}, ""},
	11: {"no descriptors to accept with", "10 s without, all 100 connected after", []string{"internal/storm.TestStormDescriptors", "ipcio.TestThreadAcceptWithoutDescriptors", "make storm-fds"}, ""},
	12: {"no descriptors to connect with", "connected when there are some", []string{"internal/storm.TestStormDescriptors", "make storm-fds"}, ""},
	13: {"a full backlog: all clients come back at once", "5,000", []string{"internal/storm.TestStormReturn", "internal/sock.TestDialFullBacklogIsBusy", "make storm-fds"}, ""},
	14: {"ENOBUFS, ENOMEM, EINTR, EAGAIN, EIO, reads and writes of single bytes", "1,000,000 connections with a schedule each", []string{"ipcio.TestFaultSchedules", "internal/storm.TestFaultySystemCalls", "internal/wire.TestReaderChunkings", "make faults"}, "not yet at its full count: runtime/RELIABILITY.md"},
	15: {"ECONNRESET, EOF and EPIPE", "each at every read and every write of a conversation, at both sides", []string{"ipcio.TestFaultEndAtEveryCall", "internal/storm.TestStormCut", "ipcio.TestThreadResetWithUnreadData", "make faults", "make storm-cut"}, ""},
	16: {"disk full, errors of the disk under an outbox", "", []string{"outbox.TestEmitToAFullDisk", "outbox.TestEmitToABrokenDisk", "outbox.TestFaults", "make storm-power"}, ""},
	17: {"a torn or damaged outbox", "every byte", []string{"outbox.TestEveryByteFlipped", "outbox.TestEveryByteTorn", "make storm-power"}, ""},
	18: {"the power goes off under an outbox", "10,000 times", []string{"outbox.TestPowerLoss", "make storm-power"}, ""},
	19: {"the next server has other limits or another version", "an error that says so, or success", []string{"ipcio.TestTooLargeForTheServerThatCame", "ipcio.TestVersions", "outbox.TestFormatWithoutEpoch"}, ""},
	20: {"handlers panic", "100,000 panics", []string{"ipcio.TestFaultPanics", "ipcio.TestNpmDefect08HandlerErrorsAndPanics", "make faults"}, ""},
	21: {"a handler never returns", "the others go on; make faults prints their p99 beside it and without it", []string{"ipcio.TestFaultStuckHandler", "ipcio.TestThreadStuckHandler", "make faults"}, ""},
	22: {"handlers call back and emit to each other", "100,000 runs", []string{"ipcio.TestFaultReentrance", "ipcio.TestHandlerMayDoAnything", "ipcio.TestNestedCalls", "ipcio.TestContractC10HandlersFillEachOthersQueues", "make faults"}, ""},
	23: {"a message kills the process each time", "given up after 5 servers; a client that is killed does not count", []string{"outbox.TestPoisonStopsAfter5", "outbox.TestNextProcessAtTheSameServer", "internal/session.TestPoison"}, ""},
	24: {"two processes want one name", "1,000,000 schedules, never two holders", []string{"internal/session.TestFaultNames", "internal/storm.TestStormClients", "ipciotest.TestNameOfAHangingClient", "internal/session.TestSimulation", "make faults"}, ""},
	25: {"late bytes and a late hello of a connection that was replaced", "in the schedules of 24", []string{"internal/session.TestFaultNames", "ipcio.TestFenceLateBytes", "internal/session.TestStaleHelloIgnored", "internal/session.TestSimulation", "make faults"}, ""},
	26: {"a timer of a connection that was replaced", "each timer in each state, a millisecond before it, at it and after", []string{"ipcio.TestFaultOldTimers", "ipcio.TestOldTimerCannotCloseNew", "make faults"}, ""},
	27: {"the clock jumps, a day passes", "24 virtual hours without a connection, an hour without a server", []string{"ipcio.TestFaultVirtualDay", "ipcio.TestFaultNobodyAsksTheClockOnTheWall", "ipciotest.TestBackoff", "make faults"}, ""},
	28: {"servers of one domain start at once", "10,000 rounds", []string{"internal/sock.TestRaceGoroutines", "internal/sock.TestRaceProcesses", "internal/sock.TestRaceAfterCrash", "make faults"}, "not yet at its full count: runtime/RELIABILITY.md"},
	29: {"a server closes when its successor is there", "1,000 times", []string{"internal/sock.TestCloseLeavesTheSuccessor", "make faults"}, ""},
	30: {"the socket is deleted, replaced or moved", "the server says so and ends; the next one serves", []string{"internal/storm.TestSocketTakenAway"}, ""},
	31: {"calls that are cancelled at once", "100,000", []string{"internal/storm.TestStormLeak", "ipcio.TestThreadCancelFlood", "make storm-leaks"}, ""},
	32: {"clients that come and go", "100,000", []string{"internal/storm.TestStormLeak", "make storm-leaks"}, ""},
	33: {"acknowledgements of the future, or going back", "100,000,000", []string{"internal/session.TestFaultAcks", "internal/session.TestHostilePeer", "internal/session.TestBroadcastAckOfWhatWasNotSent", "internal/session.TestPositionsThatCannotBe", "make faults"}, ""},
	34: {"broadcasts to some that are stopped", "1,000 clients, 100 of them stopped", []string{"internal/storm.TestStormBroadcast", "internal/session.TestBroadcastWindowBeyondTheLog", "make storm-stop"}, ""},
	35: {"queues are full while the other side is away", "10,000 runs: accepted = handled + reported", []string{"ipcio.TestFaultFullQueues", "ipcio.TestQueueRefuse", "ipcio.TestQueueBlock", "ipcio.TestQueueDropOldest", "ipcio.TestQueueFullDuringResume", "make faults"}, ""},
	36: {"a call ends at each step, across connections", "1,000,000 schedules", []string{"internal/session.TestFaultCalls", "internal/session.TestSimulation", "ipcio.TestRestartOutcomeOfCalls", "internal/storm.TestStormServer", "make faults"}, ""},
	37: {"memory is short", "", nil, "no test bounds the memory of a process"},
	38: {"Start, Close and Shutdown at once, twice, in every state", "100,000 rounds with the race detector", []string{"ipcio.TestFaultStartAndEndAtOnce", "ipcio.TestStartAndCloseAtOnce", "ipcio.TestCloseInEveryState", "ipcio.TestContractC3ShutdownTwice", "ipcio.TestContractC5EveryMethodAtAnyTime", "make faults"}, ""},
	39: {"a child inherits descriptors", "none", []string{"internal/sock.TestDescriptors"}, ""},
	40: {"a day of all of it", "", nil, "not run"},
}

// A test that is named and gone would be believed.
func TestFaultsHaveTests(t *testing.T) {
	runtime := filepath.Join("..", "..")
	makefile, err := os.ReadFile(filepath.Join(runtime, "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]string{} // by package: its tests
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(t `)
	for n, row := range faultTable {
		if n == 0 {
			continue
		}
		if row.fault == "" {
			t.Errorf("row %d is empty", n)
		}
		if len(row.tests) == 0 && row.open == "" {
			t.Errorf("row %d (%s) has no test and does not say why", n, row.fault)
		}
		for _, name := range row.tests {
			if target, ok := strings.CutPrefix(name, "make "); ok {
				if !strings.Contains(string(makefile), "\n"+target+": ") {
					t.Errorf("row %d (%s): there is no target %q", n, row.fault, target)
				}
				continue
			}
			pkg, test, _ := strings.Cut(name, ".")
			if _, read := functions[pkg]; !read {
				files, err := filepath.Glob(filepath.Join(runtime, filepath.FromSlash(pkg), "*_test.go"))
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range files {
					b, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					for _, m := range declaration.FindAllSubmatch(b, -1) {
						functions[pkg] += " " + string(m[1]) + " "
					}
				}
			}
			if !strings.Contains(functions[pkg], " "+test+" ") {
				t.Errorf("row %d (%s): package %s has no test %s", n, row.fault, pkg, test)
			}
		}
	}
}
