// Command mutate asks whether the tests of a package would notice: it breaks the
// package in many small ways, one at a time, and runs its tests on each.
//
//	mutate -package ./runtime/internal/session [-data] [-known file] [-sample n] [-quick args] [-thorough args]
//
// A mutant is one of these changes: the condition of an if, of a case or of a
// loop is taken for false, an if's or a result's for its opposite; < becomes <=
// and so on; && becomes || and the other way round; + 1 and - 1 go; an
// assignment, a ++, or a call whose result nobody uses goes.
//
// With -data, for programs that write text, these as well, also in variables of
// the package: a text in quotes gets longer, a number becomes the next one, an
// argument of those that there may be any number of goes, and of a struct
// another field of the same type is taken.
//
// All mutants are compiled into one test binary, which an environment variable
// tells which of them to be. Each is run with the arguments of -quick, and if the
// tests pass, with those of -thorough. A mutant that fails is killed; one that
// passes both survives. So is one that loops: it may use four times the processor
// time that the tests use without a mutant, and five seconds, and a gigabyte of
// memory; if it only waits it is ended after -timeout. Processor time does not
// depend on what else the machine does. Where there is no sh, -timeout alone
// bounds a mutant.
//
// The file of -known lists survivors that are to be, each with the reason: one a
// line, as mutate prints them, then a tab and the reason. Any other survivor is
// an error, and so is a line for a mutant that does not survive or exist: it must
// go, or it would be believed. With -sample only so many mutants are tried, chosen
// by -seed, with -only those whose name it matches; lines for others are not looked
// at.
//
// The exit status is 1 if there was such an error, 2 if nothing could be tried.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	err := run(os.Args[1:])
	var bad *wrong
	switch {
	case errors.As(err, &bad):
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
}

// wrong is the error of mutants that survive and should not, or the other way
// round.
type wrong struct{ text string }

func (e *wrong) Error() string { return e.text }

type options struct {
	pkg, known      string
	sample          int
	seed            uint64
	quick, thorough stage
	parallel        int
	timeout         time.Duration
	list, data      bool
	only            *regexp.Regexp
}

func run(args []string) error {
	var o options
	var quick, thorough, only string
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.StringVar(&o.pkg, "package", "", "the directory of the package, such as ./runtime/internal/session")
	flags.StringVar(&o.known, "known", "", "the file of survivors that are known")
	flags.IntVar(&o.sample, "sample", 0, "how many mutants to try; 0 means all")
	flags.Uint64Var(&o.seed, "seed", 1, "chooses the sample")
	flags.StringVar(&quick, "quick", "", "arguments of the first run of the tests")
	flags.StringVar(&thorough, "thorough", "", "arguments of the second run; none means that there is no second one")
	flags.IntVar(&o.parallel, "parallel", 2, "how many mutants to try at a time")
	flags.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long a run may take")
	flags.StringVar(&only, "only", "", "a regular expression: try the mutants that it matches, as -list prints them")
	flags.BoolVar(&o.data, "data", false, "also change texts, numbers, arguments and which field is taken")
	flags.BoolVar(&o.list, "list", false, "print the mutants and try none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.quick.args, o.thorough.args = strings.Fields(quick), strings.Fields(thorough)
	if o.pkg == "" {
		return errors.New("say what to mutate: -package ./directory")
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return err
	}
	mutants, files, err := mutate(o.pkg, o.data)
	if err != nil {
		return err
	}
	all := len(mutants)
	mutants = slices.DeleteFunc(mutants, func(m *mutant) bool { return !o.only.MatchString(m.name) })
	if o.list {
		for _, m := range mutants {
			fmt.Printf("%d\t%s\t%s\n", m.id, m.place, m.name)
		}
		return nil
	}
	known, err := readKnown(o.known)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := build(o.pkg, dir, files)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, s := range []*stage{&o.quick, &o.thorough} {
		if s == &o.thorough && len(s.args) == 0 {
			continue
		}
		used, out, err := try(binary, &o, 0, s)
		if err != nil {
			return fmt.Errorf("the tests fail without a mutant: %w\n%s", err, out)
		}
		s.processor = 4*used + 5*time.Second
	}
	chosen := mutants
	if o.sample > 0 && o.sample < len(mutants) {
		chosen = slices.Clone(mutants)
		r := rand.New(rand.NewPCG(o.seed, 0))
		r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		chosen = chosen[:o.sample]
	}
	survivors := tryAll(binary, &o, chosen)
	return report(&o, chosen, survivors, known, len(chosen) == all, time.Since(began))
}

// tryAll returns the mutants that survive.
func tryAll(binary string, o *options, mutants []*mutant) []*mutant {
	var (
		mu        sync.Mutex
		next      int
		survivors []*mutant
		workers   sync.WaitGroup
	)
	for range max(o.parallel, 1) {
		workers.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(mutants) {
					return
				}
				m := mutants[i]
				_, _, err := try(binary, o, m.id, &o.quick)
				if err == nil && len(o.thorough.args) > 0 {
					_, _, err = try(binary, o, m.id, &o.thorough)
				}
				mu.Lock()
				if err == nil {
					survivors = append(survivors, m)
					fmt.Printf("survives\t%s\t%s\n", m.place, m.name)
				}
				if (i+1)%50 == 0 {
					fmt.Printf("tried %d of %d, %d survive\n", i+1, len(mutants), len(survivors))
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	slices.SortFunc(survivors, func(a, b *mutant) int { return a.id - b.id })
	return survivors
}

// report says what was found.
func report(o *options, tried, survivors []*mutant, known map[string]string, all bool, took time.Duration) error {
	var unknown, stale []string
	listed := 0
	survives := map[string]bool{}
	for _, m := range survivors {
		survives[m.name] = true
		if _, ok := known[m.name]; ok {
			listed++
		} else {
			unknown = append(unknown, m.place+"\t"+m.name)
		}
	}
	was := map[string]bool{}
	for _, m := range tried {
		was[m.name] = true
	}
	for name := range known {
		if all && !survives[name] || was[name] && !survives[name] {
			stale = append(stale, name)
		}
	}
	slices.Sort(stale)
	killed := len(tried) - len(survivors)
	fmt.Printf("ledger: package=%s mutants=%d killed=%d survivors_with_reason=%d survivors_without=%d killed_percent=\"%.1f\" seconds=%.0f\n",
		strings.TrimPrefix(o.pkg, "./"), len(tried), killed, listed, len(unknown), 100*float64(killed)/float64(max(len(tried), 1)), took.Seconds())
	switch {
	case len(unknown) > 0:
		return &wrong{fmt.Sprintf("%d mutants survive: test what they break, or list them with the reason in %s\n%s", len(unknown), o.known, strings.Join(unknown, "\n"))}
	case len(stale) > 0:
		return &wrong{fmt.Sprintf("%s lists what does not survive: remove it\n%s", o.known, strings.Join(stale, "\n"))}
	}
	return nil
}

// readKnown reads the survivors that are to be.
func readKnown(file string) (map[string]string, error) {
	known := map[string]string{}
	if file == "" {
		return known, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, "\t")
		if !ok || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s:%d: want a mutant, a tab and the reason why it survives", file, n)
		}
		if _, ok := known[name]; ok {
			return nil, fmt.Errorf("%s:%d: listed twice", file, n)
		}
		known[name] = reason
	}
	return known, lines.Err()
}

// build compiles the package's tests with the mutated files in the place of its
// own, which stay as they are.
func build(pkg, dir string, files map[string][]byte) (string, error) {
	list, err := overlay(dir, files)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mutants.test")
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", list, "-o", binary, pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the mutants do not compile: %w\n%s", err, out)
	}
	return binary, nil
}

// overlay writes files into dir, and returns the file there that tells the go
// command to take them in the place of those of the package.
func overlay(dir string, files map[string][]byte) (string, error) {
	replace := struct{ Replace map[string]string }{map[string]string{}}
	n := 0
	for path, content := range files {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		n++
		replacement := filepath.Join(dir, fmt.Sprintf("%d.go", n))
		if err := os.WriteFile(replacement, content, 0o600); err != nil {
			return "", err
		}
		replace.Replace[abs] = replacement
	}
	b, err := json.Marshal(replace)
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, b, 0o600)
}

// A stage is one way of running the tests.
type stage struct {
	args      []string
	processor time.Duration // what a mutant may use; 0: not known yet
}

// mostMemory is what a mutant may have, in bytes.
const mostMemory = 1 << 30

// try runs the tests on one mutant, or on none if id is 0. It returns the
// processor time they used.
func try(binary string, o *options, id int, s *stage) (time.Duration, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	args := append([]string{binary, "-test.failfast", "-test.timeout=" + o.timeout.String()}, s.args...)
	if sh, err := exec.LookPath("sh"); err == nil && s.processor > 0 {
		limits := fmt.Sprintf(`ulimit -t %d; ulimit -d %d; exec "$@"`, int(s.processor.Seconds()+1), mostMemory>>10)
		args = append([]string{sh, "-c", limits, "sh"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = o.pkg // as go test has it
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, id), "GOMAXPROCS=1", "GOTRACEBACK=none")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return 0, string(out), err
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), string(out), err
}
