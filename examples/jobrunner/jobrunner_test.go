package jobrunner_test

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/examples/internal/lesson"
	"github.com/ipcio/ipcio-go/examples/internal/proc"
)

// TestJobRunner is the lesson as a user runs it: a daemon, workers that come
// and go, and a shell to type in.
func TestJobRunner(t *testing.T) {
	l := lesson.Build(t, "jobrunner/daemon", "jobrunner/worker", "jobrunner/cli")
	t.Setenv("IPCIO_DIR", l.Dir)
	t.Setenv("REGISTRY_TOKEN", "hunter2")
	j := &jobs{Lesson: l, t: t, bin: t.TempDir()}
	if err := proc.Build(t.Context(), j.bin, "jobrunner/cli"); err != nil {
		t.Fatal(err)
	}
	j.daemon = j.Start("daemon", "jobrunner/daemon", "-queue", "2", "-keep", "300ms")
	j.daemon.Expect("serving")

	refusals(j)
	queueFull(j)
	tasks(j)
	cancel(j)
	workerDies(j)

	w := j.worker("last")
	j.daemon.Interrupt()
	w.Expect("the daemon is stopping")
	w.Interrupt()
	if log := strings.Join(j.daemon.Lines(), "\n"); !strings.Contains(log, "alpine:3") || strings.Contains(log, "hunter2") {
		t.Error("the daemon's log lacks a task or has its secret")
	}
}

// A jobs is what the parts of the lesson share.
type jobs struct {
	*lesson.Lesson
	t      *testing.T
	bin    string // has the CLI, for those of its runs that are to fail
	daemon *lesson.Program
}

// worker starts a worker that the daemon knows when it returns.
func (j *jobs) worker(name string, flags ...string) *lesson.Program {
	j.t.Helper()
	w := j.Start(name, "jobrunner/worker", append([]string{"-name", name}, flags...)...)
	w.Expect("ready as " + name)
	return w
}

// cli runs the CLI to its end, which must have the exit status and print text.
func (j *jobs) cli(status int, text string, args ...string) string {
	j.t.Helper()
	out, err := exec.CommandContext(j.t.Context(), proc.Path(j.bin, "cli"), args...).CombinedOutput()
	j.t.Logf("%-8s| %s", "cli", strings.TrimSpace(strings.Join(args, " ")+": "+string(out)))
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		j.t.Fatal(err)
	}
	if got != status || !strings.Contains(string(out), text) {
		j.t.Fatalf("cli %q: exit status %d and %q, want %d and %q", args, got, out, status, text)
	}
	return string(out)
}

var jobID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// submit queues a job and returns its ID.
func (j *jobs) submit(text string, args ...string) string {
	j.t.Helper()
	return jobID.FindString(j.cli(0, text, append([]string{"submit"}, args...)...))
}

// ended waits until a job has ended in a state.
func (j *jobs) ended(id, state string) {
	j.t.Helper()
	j.cli(0, "job "+id+" is "+state, "watch", id)
}

// What is refused, by the CLI itself or by the daemon, and how it is told.
func refusals(j *jobs) {
	j.t.Helper()
	const nobody = "00112233-4455-6677-8899-aabbccddeeff"
	for _, c := range []struct {
		want string
		args []string
	}{
		{"cli: not valid: timeout: range: want 1s..24h", []string{"submit", "-timeout", "10ms", "sleep", "1s"}},
		{"cli: not valid: tags: unique: want no element twice", []string{"submit", "-tag", "a", "-tag", "a", "sleep", "1s"}},
		{"cli: not valid: task.shell.argv: len: want 1..64", []string{"submit", "shell"}},
		{"cli: not valid: task.container.image: pattern: want", []string{"submit", "container", "Not An Image"}},
		{"cli: there is no job " + nobody, []string{"get", nobody}},
		{"cli: there is no job " + nobody, []string{"cancel", nobody}},
	} {
		j.cli(1, c.want, c.args...)
	}
	j.cli(2, `want one of "high", "low", "normal"`, "submit", "-priority", "urgent", "sleep", "1s")
}

// Without a worker the queue fills, the urgent first, and with one it empties.
func queueFull(j *jobs) {
	j.t.Helper()
	last := j.submit("place in the queue: 1", "sleep", "1ms")
	first := j.submit("place in the queue: 1", "-priority", "high", "sleep", "1ms")
	j.cli(1, "cli: the queue is full, with 2 jobs: try again in 500ms", "submit", "sleep", "1ms")
	patient := j.Start("patient", "jobrunner/cli", "submit", "-patient", "sleep", "1ms")
	patient.Expect("the queue is full, trying again in 500ms")

	w := j.worker("alpha")
	j.daemon.Expect("job " + first + " is done")
	j.daemon.Expect("job " + last + " is done")
	third := jobID.FindString(patient.Expect("place in the queue: 1"))
	patient.Wait()
	j.daemon.Expect("job " + third + " is done")
	w.Interrupt()
}

// The kinds of a task, and what becomes of them.
func tasks(j *jobs) {
	j.t.Helper()
	w := j.worker("alpha")
	watch := j.Start("watch", "jobrunner/cli", "watch")
	watch.Expect("watching")

	id := j.submit("place in the queue: 1, priority: normal, timeout: 1h0m0s", "shell", "echo", "hello")
	w.Expect("running " + id + ": shell, at most 1h0m0s")
	w.Expect("hello")
	j.ended(id, "done")
	for _, state := range []string{"queued", "running", "done"} {
		watch.Expect("job " + id + " is " + state)
	}

	id = j.submit("priority: high", "-priority", "high", "-tag", "a", "-tag", "b", "shell", "sh", "-c", "exit 3")
	j.ended(id, "failed")
	j.cli(0, "task: shell, priority: high, tags: [a b]\ncode: 3\nwhy: exit status 3", "get", id)

	id = j.submit("", "shell", "no-such-program")
	j.ended(id, "failed")
	j.cli(0, "code: -1\nwhy: ", "get", id)

	// No worker here runs containers, and no program prints the token.
	id = j.submit("", "container", "alpine:3")
	j.ended(id, "failed")
	j.cli(0, "why: this worker runs no task of the kind container", "get", id)

	// The job's timeout reaches the handler as the deadline of the call.
	id = j.submit("timeout: 1s", "-timeout", "1s", "sleep", "1h")
	w.Expect("running " + id + ": sleep, at most 1s")
	w.Expect("stopped " + id)
	j.ended(id, "failed")
	j.cli(0, "why: not done within 1s", "get", id)

	watch.Interrupt()
	w.Interrupt()
}

// A job that is canceled while it waits, and one that runs: that ends the
// process, which takes its time, so that its worker is busy for the next.
func cancel(j *jobs) {
	j.t.Helper()
	w := j.worker("alpha", "-grace", "1s")
	stubborn := j.submit("", "shell", "sh", "-c", `trap "" TERM; echo cannot be asked; exec sleep 60`)
	w.Expect("cannot be asked")
	waits := j.submit("place in the queue: 1", "sleep", "1h")
	next := j.submit("place in the queue: 2", "sleep", "1ms")

	j.cli(0, "", "cancel", waits)
	j.ended(waits, "canceled")
	j.cli(0, "", "cancel", stubborn, "not needed")
	j.cli(0, "is canceled, task: shell, priority: normal, tags: []\ncode: -1\nwhy: not needed", "get", stubborn)
	w.Expect("stopped " + stubborn + ": context canceled")
	j.daemon.Expect("worker alpha is busy")
	j.ended(next, "done")
	w.Interrupt()
}

// A worker dies with a job, and the other gets it; one that leaves in order
// hands its job over, too.
func workerDies(j *jobs) {
	j.t.Helper()
	alpha := j.worker("alpha")
	id := j.submit("", "sleep", "1h")
	alpha.Expect("running " + id)
	beta := j.worker("beta")

	alpha.Kill()
	j.daemon.Expect("worker alpha is gone")
	beta.Expect("running " + id)

	gamma := j.worker("gamma")
	beta.Interrupt()
	j.daemon.Expect("worker beta is gone")
	gamma.Expect("running " + id)

	// Over three workers, it is the same job, and it can be canceled.
	j.cli(0, "", "cancel", id)
	gamma.Expect("stopped " + id + ": context canceled")
	j.ended(id, "canceled")
	gamma.Interrupt()
}
