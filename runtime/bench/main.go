// Command bench measures ipcio, other IPC stacks and the limit of this machine
// against each other: in one run, interleaved, each as a ratio to limit-raw.
// README.md says how to read the tables.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	roundsFlag = flag.Int("rounds", 5, "rounds; in each, every contestant runs once")
	workFlag   = flag.String("work", "w1,w2,w3,w4,w5,w6", "workloads")
	onlyFlag   = flag.String("only", "", "contestants (default: all)")
	skipFlag   = flag.String("skip", "", "contestants to leave out")
	sizesFlag  = flag.String("sizes", "0,1024,65536,1048576", "bytes of blob (w1, w2)")
	fanFlag    = flag.String("fan", "10,100,1000", "subscribers (w4)")
	idleFlag   = flag.String("idle", "1000,5000", "idle clients (w5)")
	durFlag    = flag.Int("ms", 600, "milliseconds measured per run")
	warmFlag   = flag.Int("warm", 150, "milliseconds of warm-up per run")
	inprocFlag = flag.Bool("inproc", false, "server and client in this process (CPU is then of both)")
	jsonFlag   = flag.String("json", "", "also write every measurement to this file")
	straceFlag = flag.String("strace", "", "run that role (server or client) under strace -c")
	straceOut  = flag.String("strace-out", "strace.txt", "where strace -c writes")
	profFlag   = flag.String("profile", "", "directory for CPU profiles of servers and clients; the last run of each role stays")
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "worker" {
		var j job
		if err := json.Unmarshal([]byte(os.Args[2]), &j); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if j.Profile != "" {
			defer profile(filepath.Join(j.Profile, j.Role+".pprof"))()
		}
		worker(j, os.Stdin, os.Stdout)
		return
	}
	if len(os.Args) >= 4 && os.Args[1] == "lab" {
		if err := lab(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench lab:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func ints(s string) ([]int, error) {
	var r []int
	for _, f := range list(s) {
		n, err := strconv.Atoi(f)
		if err != nil {
			return nil, err
		}
		r = append(r, n)
	}
	return r, nil
}

// A key names one measured number.
type key struct {
	Work  string
	Param int
	Name  string
	Field string
}

type results struct {
	vals map[key][]float64 // one per round; NaN-free, missing rounds are absent
	errs map[key]string
}

type sample struct {
	key
	Round int
	Value float64
}

func run() error {
	sizes, err := ints(*sizesFlag)
	if err != nil {
		return err
	}
	fans, err := ints(*fanFlag)
	if err != nil {
		return err
	}
	idles, err := ints(*idleFlag)
	if err != nil {
		return err
	}
	names := order
	if *onlyFlag != "" {
		names = list(*onlyFlag)
	}
	skip := list(*skipFlag)
	names = slices.DeleteFunc(slices.Clone(names), func(s string) bool { return slices.Contains(skip, s) })
	res := &results{map[key][]float64{}, map[key]string{}}
	var all []sample
	base, err := os.MkdirTemp("", "ipcio-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	seq, failed := 0, 0
	for _, w := range list(*workFlag) {
		params := []int{0}
		rounds := *roundsFlag
		switch w {
		case "w1", "w2":
			params = sizes
		case "w4":
			params = fans
		case "w5":
			params = idles
			rounds = min(rounds, 2)
		}
		for round := range rounds {
			for _, p := range params {
				// Round-robin, and a different order each round.
				for i := range names {
					name := names[(i+round)%len(names)]
					if c, ok := contestants[name].(skipper); ok {
						if why := c.Skip(w, p); why != "" {
							res.errs[key{w, p, name, ""}] = why
							continue
						}
					}
					seq++
					dir := filepath.Join(base, strconv.Itoa(seq))
					if err := os.Mkdir(dir, 0o700); err != nil {
						return err
					}
					t := time.Now()
					m, err := one(w, p, name, filepath.Join(dir, "s"))
					// A limit is the best of three: where the kernel places the
					// processes must not move everybody's ratio.
					for k := 0; k < 2 && err == nil && strings.HasPrefix(name, "limit-") && w != "w5"; k++ {
						var n map[string]float64
						n, err = one(w, p, name, filepath.Join(dir, "s"+strconv.Itoa(k)))
						if w == "w1" && n["p50"] < m["p50"] || w != "w1" && n["rate"] > m["rate"] {
							m = n
						}
					}
					os.RemoveAll(dir)
					if err != nil {
						if !errors.Is(err, ErrNA) {
							failed++
						}
						res.errs[key{w, p, name, ""}] = err.Error()
						fmt.Fprintf(os.Stderr, "%s %d round %d %-16s %v\n", w, p, round+1, name, err)
						continue
					}
					fmt.Fprintf(os.Stderr, "%s %d round %d %-16s %v (%.1fs)\n", w, p, round+1, name, m, time.Since(t).Seconds())
					for f, v := range m {
						k := key{w, p, name, f}
						res.vals[k] = append(res.vals[k], v)
						all = append(all, sample{k, round, v})
					}
				}
			}
		}
		for _, p := range params {
			table(os.Stdout, res, all, w, p, names)
		}
	}
	if *jsonFlag != "" {
		b, err := json.Marshal(all)
		if err != nil {
			return err
		}
		if err := os.WriteFile(*jsonFlag, b, 0o644); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d measurements failed", failed)
	}
	return nil
}

// one measures one contestant once.
func one(work string, param int, name, addr string) (map[string]float64, error) {
	j := job{Name: name, Addr: addr, Work: work, Profile: *profFlag}
	switch work {
	case "w1", "w2":
		j.Size = param
	case "w4":
		j.N = param
	}
	j.Role = "server"
	s, err := start(j, *inprocFlag)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var s0 reply
	if work == "w5" {
		if s0, err = s.ask(request{Cmd: "mem"}); err != nil {
			return nil, err
		}
	}
	j.Role = "client"
	c, err := start(j, *inprocFlag)
	if err != nil {
		return nil, err
	}
	defer c.close()
	switch work {
	case "w4":
		return fanOut(s, c, param)
	case "w5":
		return idle(s, c, param, s0)
	}
	warm := *warmFlag
	if work == "w6" {
		warm = min(warm, 50)
	}
	if r, err := c.ask(request{Cmd: "run", MS: warm}); err != nil {
		return nil, err
	} else if work == "w3" {
		if _, err := drained(s, r.Ops, 0); err != nil {
			return nil, err
		}
	}
	if s0, err = s.ask(request{Cmd: "stat"}); err != nil {
		return nil, err
	}
	r, err := c.ask(request{Cmd: "run", MS: *durFlag})
	if err != nil {
		return nil, err
	}
	var s1 reply
	if work == "w3" {
		if s1, err = drained(s, s0.Received+r.Ops, s0.LastNS); err != nil {
			return nil, err
		}
		r.WallNS = s1.LastNS - r.T
	} else if s1, err = s.ask(request{Cmd: "stat"}); err != nil {
		return nil, err
	}
	ops := float64(r.Ops)
	user, sys := float64(r.User+s1.User-s0.User), float64(r.Sys+s1.Sys-s0.Sys)
	if *inprocFlag {
		user, sys = float64(s1.User-s0.User), float64(s1.Sys-s0.Sys)
	}
	m := map[string]float64{
		"rate":  ops / float64(r.WallNS) * 1e9,
		"cpu":   (user + sys) / ops,
		"sys":   sys / (user + sys),
		"bench": ops,
	}
	if work == "w1" || work == "w2" && r.P50 > 0 {
		m["p50"], m["p99"], m["mean"] = float64(r.P50), float64(r.P99), float64(r.Mean)
	}
	if work == "w3" {
		m["disorder"] = float64(s1.Disorder - s0.Disorder)
	}
	return m, nil
}

// drained waits until the server has handled want events and the marked last one.
func drained(s *proc, want, lastBefore int64) (reply, error) {
	end := time.Now().Add(20 * time.Second)
	for {
		r, err := s.ask(request{Cmd: "stat"})
		if err != nil {
			return r, err
		}
		if r.Received >= want && r.LastNS > lastBefore {
			return r, nil
		}
		if time.Now().After(end) {
			return r, fmt.Errorf("server handled %d of %d events", r.Received, want)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func fanOut(s, c *proc, n int) (map[string]float64, error) {
	end := time.Now().Add(20 * time.Second)
	for {
		r, err := s.ask(request{Cmd: "stat"})
		if err != nil {
			return nil, err
		}
		if r.Subs >= n {
			break
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%d of %d clients subscribed", r.Subs, n)
		}
		time.Sleep(2 * time.Millisecond)
	}
	shot := func(count int) (float64, reply, error) {
		if _, err := c.ask(request{Cmd: "arm", Count: n * count}); err != nil {
			return 0, reply{}, err
		}
		b, err := s.ask(request{Cmd: "broadcast", Count: count})
		if err != nil {
			return 0, reply{}, err
		}
		e, err := c.ask(request{Cmd: "wait"})
		return float64(e.T - b.T), e, err
	}
	if _, _, err := shot(5); err != nil {
		return nil, err
	}
	var last []float64
	for range 15 {
		d, _, err := shot(1)
		if err != nil {
			return nil, err
		}
		last = append(last, d)
		time.Sleep(3 * time.Millisecond)
	}
	count := max(20, 100_000/n)
	s0, err := s.ask(request{Cmd: "stat"})
	if err != nil {
		return nil, err
	}
	c0, err := c.ask(request{Cmd: "arm", Count: n * count})
	if err != nil {
		return nil, err
	}
	d, c1, err := shot(count)
	if err != nil {
		return nil, err
	}
	s1, err := s.ask(request{Cmd: "stat"})
	if err != nil {
		return nil, err
	}
	total := float64(n * count)
	user := float64(c1.User - c0.User + s1.User - s0.User)
	sys := float64(c1.Sys - c0.Sys + s1.Sys - s0.Sys)
	return map[string]float64{
		"rate": total / d * 1e9, "last": median(last),
		"cpu": (user + sys) / total, "sys": sys / (user + sys),
	}, nil
}

func idle(s, c *proc, n int, s0 reply) (map[string]float64, error) {
	t := time.Now()
	if _, err := c.ask(request{Cmd: "dial", Count: n}); err != nil {
		return nil, err
	}
	took := time.Since(t).Seconds()
	time.Sleep(300 * time.Millisecond)
	s1, err := s.ask(request{Cmd: "mem"})
	if err != nil {
		return nil, err
	}
	return map[string]float64{
		"rss":   float64(s1.RSS-s0.RSS) / float64(n),
		"heap":  float64(s1.Heap-s0.Heap) / float64(n),
		"stack": float64(s1.Stack-s0.Stack) / float64(n),
		"gor":   float64(s1.Goroutines-s0.Goroutines) / float64(n),
		"rate":  float64(n) / took,
	}, nil
}
