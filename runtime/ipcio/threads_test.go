package ipcio_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// threads makes the tests of what others reported longer: -threads.scale=1000
// reaches between 10,000 and some million repetitions.
var threads = flag.Int("threads.scale", 1, "how many times longer the tests of what other projects reported run")

// reports are faults that users of other projects met, and the tests that prove
// that this one does not have them. A test is in this package, or in the one
// that its prefix names. A number that is missing concerns no session, or no
// test but a tool.
var reports = []struct {
	number   string
	where    string
	happened string
	tests    string
}{
	{"T01", "containerd/ttrpc#72", "both ends wait for the other one to read", "TestContractC10FloodInBothDirections TestResumeWithMuchOnBothSides"},
	{"T02", "containerd/ttrpc#168, #174", "a write that blocks holds a lock that the reader needs, and no ctx ends it", "TestContractC2ServerThatNeverReads TestContractC2ClientThatNeverReads"},
	{"T03", "containerd/ttrpc#229", "what one receiver does not take stops all", "TestThreadStuckHandler TestSendersRunInParallel"},
	{"T04", "containerd/ttrpc#231", "the ctx of a handler never ends", "TestHandlerContext TestNothingIsLeft"},
	{"T05", "containerd/ttrpc#142", "an end inside a message leaks a goroutine", "TestThreadCutInsideAFrame wire.TestReaderEnds"},
	{"T06", "containerd/ttrpc#123, #136", "a reset is not taken for an end", "TestThreadResetWithUnreadData sock.TestDisconnectsOfARealSocket"},
	{"T07", "containerd/ttrpc#61, #120", "closed connections stay in a map", "TestNothingIsLeftOfAThousandClients"},
	{"T08", "containerd/ttrpc#4", "a failing accept spins, and cannot be stopped", "TestThreadAcceptWithoutDescriptors"},
	{"T09", "containerd/ttrpc#127, #171", "only the receiver finds a message too large, and ends the connection", "TestTooLargeForTheServerThatCame TestReplyTooLarge"},
	{"T10", "containerd/containerd#6248", "a message that is too large panics its reader", "wire.TestReaderLimit TestReplyTooLarge"},
	{"T11", "containerd/containerd#12669", "the reader has ended and the rest spins", "TestThreadHalfClosedPeer TestNothingIsLeft"},
	{"T12", "containerd/ttrpc#129, #175", "Shutdown races with the start", "TestStartAndCloseAtOnce"},
	{"T13", "containerd/ttrpc#88", "the end of the calls and the news of the close come in any order", "TestThreadCallsFailWhenTheClientIsClosed"},
	{"T14", "containerd/ttrpc-rust#228", "the process ends before the answer has left", "TestThreadReplyOfTheCallThatShutsDown TestShutdownInsideAHandler"},
	{"T15", "containerd/containerd#11505, #12399", "an error does not tell whether to try again", "TestCallOutcomes"},
	{"T16", "containerd/ttrpc#51", "no answer at all crashes the server", "TestThreadNilFromAHandler"},
	{"T17", "storj/drpc#37", "one cancelled call costs all others their connection", "TestCancelledCallsDisturbNobody TestThreadCancelFlood"},
	{"T18", "cockroachdb/cockroach#145907, #158270", "waits that nothing ends", "TestContractC2ServerThatNeverReads"},
	{"T19", "storj/drpc 89d4b63, 885db27", "a buffer is used again too early", "TestDecodedValuesAreTheHandlersOwn"},
	{"T20", "storj/drpc 48c65e6", "a large buffer never shrinks", "wire.TestContractC1ReaderMemory"},
	{"T21", "james-barrow/golang-ipc#25", "messages that follow each other closely crash the server", "TestEverySizeArrives wire.TestReaderChunkings"},
	{"T22", "james-barrow/golang-ipc#23", "public calls race", "TestContractC5EveryMethodAtAnyTime"},
	{"T23", "james-barrow/golang-ipc#24", "Close does not end a read", "TestCloseInEveryState TestCloseDoesNotWaitForHandlers"},
	{"T24", "james-barrow/golang-ipc#8", "Close before the connection panics", "TestContractC5EveryMethodAtAnyTime TestCloseInEveryState"},
	{"T25", "james-barrow/golang-ipc#9, #1", "nothing can be sent before the server is there", "TestNpmDefect09QueuedBeforeConnectIsFlushedInOrder"},
	{"T26", "james-barrow/golang-ipc, source", "a path is removed with all below it", "sock.TestListenRemovesNothingElse"},
	{"T27", "james-barrow/golang-ipc, source", "one bad handshake closes the listener", "TestThreadFailedHandshakes"},
	{"T28", "james-barrow/golang-ipc, source", "a failed write loses its message", "TestResumeExactlyOnceInOrder"},
	{"T29", "achrinza/node-ipc#53", "what is sent right before the end is lost", "TestEmitThenShutdownDelivers TestServerEmitThenShutdownDelivers"},
	{"T30", "achrinza/node-ipc#3, RIAEvangelist/node-ipc#9", "a piece of the stream is taken for a message", "TestThreadCutInsideAFrame wire.TestReaderChunkings"},
	{"T31", "godbus/dbus#94, #105", "a full queue blocks Close", "TestContractC2ServerThatNeverReads TestSlowOnGap"},
	{"T32", "godbus/dbus#117", "a goroutine for each message loses the order", "TestOrderOfOneSender TestOrderAtAClient"},
	{"T33", "godbus/dbus#7", "messages are dropped and nobody is told", "TestQueueDropOldest TestGivenUpIsReported"},
	{"T34", "godbus/dbus#383, #90", "a refused handshake leaks", "TestThreadFailedHandshakes TestNpmDefect10NothingIsLeftOfHalfAHandshake"},
	{"T35", "godbus/dbus#221, #29", "many requests at a time hang", "TestThreadBurstOfCalls"},
	{"T36", "socketio/socket.io#4880", "a timer of the old connection ends the session that was resumed", "TestOldTimerCannotCloseNew"},
	{"T37", "socketio/socket.io#5282", "a session that lived long is not recovered", "TestResumeBeforeAnyMessage"},
	{"T38", "socketio/socket.io#5538", "a session without messages is not recovered", "TestResumeBeforeAnyMessage"},
	{"T39", "socketio/socket.io#5363", "only one direction is recovered", "TestResumeExactlyOnceInOrder model.TestDelivery"},
	{"T40", "nats-io/nats.go#86", "a part of a message is sent on the next connection", "TestThreadCutInsideAFrame TestResumeExactlyOnceInOrder"},
	{"T41", "nats-io/nats.go#18", "the new connection fails at once, and that is the end", "TestThreadNewConnectionDiesAtEveryByte"},
	{"T42", "nats-io/nats.net.v1#271, nats-io/nats.rs#182", "it was accepted, and is lost", "TestRestartAtLeastOnceInOrder storm.TestStormServer"},
	{"T43", "eclipse/paho.golang#278, #290", "the code that sends again was lost, and no test missed it", "model.TestMutants model.TestBroadcastMutants"},
	{"T44", "eclipse/paho.golang#731", "what is new overtakes what is sent again", "TestResumeExactlyOnceInOrder TestQueueFullDuringResume"},
	{"T45", "eclipse/paho.golang#328, #434, #512", "the connection is lost while the session is resumed", "TestThreadNewConnectionDiesAtEveryByte model.TestDelivery"},
	{"T46", "rsocket/rsocket-java#599, #637, #973", "after many resumptions the positions do not fit", "TestResumeExactlyOnceInOrder storm.TestStormCut"},
	{"T47", "rsocket/rsocket-cpp#558", "a resumption that cannot be crashes the server", "TestGivenUpIsNotHandledAgain session.TestPositionsThatCannotBe"},
	{"T48", "hashicorp/yamux#133, #112", "the writer is stuck at a peer that closed half", "TestThreadHalfClosedPeer"},
	{"T49", "libp2p/go-yamux#7, #67", "two locks are taken in either order", "TestThreadNoLockInACallback TestContractC5EveryMethodAtAnyTime"},
	{"T50", "libp2p/go-yamux#67, #129, #130", "a close waits for a loop that is dead, or is called from within one", "TestHandlerMayDoAnything TestCloseDoesNotWaitForHandlers"},
	{"T51", "grpc/grpc-go#5393, #4722, #6805", "the window is not given back in full", "TestThreadMixedSizes session.TestSimulation"},
	{"T52", "grpc/grpc-go#188, modelcontextprotocol/go-sdk#1093", "the handler does not learn of the cancel", "TestThreadCancelReachesTheHandler TestCallOutcomes"},
	{"T53", "golang/go#17131, #11826, #13877", "Close removes the socket of the successor", "sock.TestCloseLeavesTheSuccessor"},
	{"T54", "VictoriaMetrics/VictoriaMetrics#11462", "two servers take one socket", "sock.TestRaceProcesses sock.TestRaceGoroutines"},
	{"T55", "hashicorp/go-plugin#119, #12, #210", "who is killed leaves sockets behind", "TestThreadKilledServersLeaveNoFiles sock.TestRaceAfterCrash"},
	{"T56", "hashicorp/go-plugin#291", "the crash of the other side leaks", "TestThreadNothingIsLeftOfKilledClients storm.TestStormClients"},
	{"T57", "oven-sh/bun#32705", "an accept without descriptors spins", "TestThreadAcceptWithoutDescriptors"},
	{"T58", "creachadair/jrpc2#47", "an answer meets a stop", "TestThreadReplyAgainstClose"},
	{"T59", "mutouyun/cpp-ipc#100", "who survives the crash of the other side is stuck", "TestCallToAProcessThatIsKilled"},
	{"T60", "apache/fluss#2826", "one lost answer, and the same error for ever", "model.TestDelivery"},
	{"T61", "mpvipc#5, go-imap#99", "a channel is closed twice, or sent to when it is closed", "TestThreadChannelsHaveOneOwner TestCloseInEveryState"},
}

// pitfalls are the places where protocols like this one break.
var pitfalls = []struct{ what, tests string }{
	{"the server dies after it accepted a message and before it handled it", "model.TestMutants TestRestartAtLeastOnceInOrder"},
	{"it dies after it handled a message and before the acknowledgement left", "TestRestartAtLeastOnceInOrder session.TestIdempotentCallAcrossRestart"},
	{"a message kills whoever handles it", "session.TestPoison session.TestPoisonIsNotAnOrderlyEnd"},
	{"a new server meets old numbers", "session.TestCallAcrossRestart model.TestMutants"},
	{"late bytes of a half-open connection", "TestFenceLateBytes"},
	{"a late hello", "session.TestStaleHelloIgnored model.TestMutants"},
	{"the timer of an old connection", "TestOldTimerCannotCloseNew"},
	{"a session that is resumed before anything was sent in it", "TestResumeBeforeAnyMessage"},
	{"broadcasts while a client is away, kept or not", "TestResumeBroadcasts session.TestBroadcastResume model.TestBroadcasts"},
	{"replies and nested calls beside a full window", "session.TestReplyNotBehindWindow TestReplyNotBehindTheWindow TestNestedCalls"},
	{"a call that waits for its sender's 2,000th event", "TestLongCallDoesNotHoldAcks"},
	{"a client's own broadcast", "session.TestBroadcastReachesAllButItsOrigin model.TestBroadcastMutants"},
	{"both directions across a restart", "TestServerToClientRestart TestRestartInOrderDuplicatesNothing"},
	{"two handlers that fill each other's queues", "TestContractC10HandlersFillEachOthersQueues"},
	{"a call that is not sent, sent, executed or replied to, and the connection or the server is lost", "TestRestartOutcomeOfCalls session.TestCallAcrossRestart model.TestDelivery"},
	{"a cancel that meets the reply", "TestCancelledCallsDisturbNobody session.TestCancel"},
	{"a deadline that passes while nobody is there", "TestRestartOutcomeOfCalls TestClientThatIsAwayCountsAsThere"},
	{"both sides come back with more than a socket holds", "TestResumeWithMuchOnBothSides"},
	{"a queue that is full during the resumption", "TestQueueFullDuringResume"},
	{"a skip at the edge of the window", "session.TestDropOldestSparesWhatIsOnItsWay model.TestDelivery"},
	{"the session expires between two sends", "TestGivenUpIsReported TestGivenUpIsNotHandledAgain"},
	{"another process takes the name over", "TestNameOfAClientThatIsGone ipciotest.TestNameOfAHangingClient"},
	{"another user asks for the name", "ipciotest.TestNameOfAnotherUser session.TestClaimOfWhatIsAnothers"},
	{"the server is restarted while it drains", "model.TestDelivery TestContractC3ShutdownTwice"},
}

// provingPackages are the packages that a test of the tables may be in.
var provingPackages = map[string]string{
	"":          ".",
	"ipciotest": "../ipciotest",
	"model":     "../internal/model",
	"session":   "../internal/session",
	"sock":      "../internal/sock",
	"storm":     "../internal/storm",
	"wire":      "../internal/wire",
}

// Every test that the tables name exists.
func TestReportsAndPitfallsHaveTests(t *testing.T) {
	exists := map[string]bool{}
	for name, dir := range provingPackages {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		ok(t, err)
		if len(files) == 0 {
			t.Errorf("no tests in %s", dir)
		}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			ok(t, err)
			for _, decl := range f.Decls {
				if fn, isFunc := decl.(*ast.FuncDecl); isFunc && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
					exists[strings.TrimPrefix(name+"."+fn.Name.Name, ".")] = true
				}
			}
		}
	}
	check := func(row, tests string) {
		names := strings.Fields(tests)
		if len(names) == 0 {
			t.Errorf("%s: no test", row)
		}
		for _, name := range names {
			if !exists[name] {
				t.Errorf("%s: there is no test %s", row, name)
			}
		}
	}
	last := ""
	for _, r := range reports {
		if r.number <= last || r.where == "" || r.happened == "" {
			t.Errorf("%s follows %q, or a column is empty", r.number, last)
		}
		last = r.number
		check(fmt.Sprintf("%s %s", r.number, r.where), r.tests)
	}
	for _, p := range pitfalls {
		check(p.what, p.tests)
	}
}
