package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
	"github.com/ipcio/ipcio-go/runtime/bench/yard"
)

// lab answers questions that the workloads do not ask. The server is a process
// of its own.
//
//	bench lab push ipcio     latency of unsolicited events, hot and quiet
//	bench lab idle ipcio     CPU of an idle client and server
//	bench lab mixed grpc-go  small calls beside 1 MiB calls on one connection; any contestant
func lab(args []string) error {
	fs := flag.NewFlagSet("lab", flag.ExitOnError)
	ms := fs.Int("ms", 1500, "how long")
	fs.Parse(args[2:])
	what, name := args[0], args[1]
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	addr := filepath.Join(dir, "s")
	srv, err := start(job{Role: "server", Name: name, Addr: addr, Work: "w1"}, false)
	if err != nil {
		return err
	}
	defer srv.close()
	con := contestants[name]
	if con == nil || what != "mixed" && name != (ipcioC{}).Name() {
		return fmt.Errorf("%s: lab %s does not know it", name, what)
	}
	switch what {
	case "push":
		for _, hot := range []bool{true, false} {
			for _, after := range []time.Duration{0, 50 * time.Microsecond, time.Millisecond} {
				if err := push(con, addr, time.Duration(*ms)*time.Millisecond, hot, after); err != nil {
					return err
				}
			}
		}
	case "idle":
		cl, err := con.Dial(addr)
		if err != nil {
			return err
		}
		call, err := cl.Caller(payload.Sample(0))
		if err != nil {
			return err
		}
		for i := range uint64(2000) {
			if _, err := call(i); err != nil {
				return err
			}
		}
		time.Sleep(300 * time.Millisecond)
		s0, _ := srv.ask(request{Cmd: "stat"})
		u0, y0 := cpuNS()
		time.Sleep(time.Duration(*ms) * time.Millisecond)
		u1, y1 := cpuNS()
		s1, _ := srv.ask(request{Cmd: "stat"})
		fmt.Printf("| %s | client %.3f ms/s | server %.3f ms/s (with one stat request) |\n", name,
			float64(u1+y1-u0-y0)/float64(*ms)/1e3, float64(s1.User+s1.Sys-s0.User-s0.Sys)/float64(*ms)/1e3)
	case "mixed":
		cl, err := con.Dial(addr)
		if err != nil {
			return err
		}
		small, err := cl.Caller(payload.Sample(0))
		if err != nil {
			return err
		}
		run := func(label string, bigs, size int) error {
			var stop atomic.Bool
			var bytes atomic.Int64
			var wg sync.WaitGroup
			for range bigs {
				big, err := cl.Caller(payload.Sample(size))
				if err != nil {
					return err
				}
				wg.Go(func() {
					for i := uint64(0); !stop.Load(); i++ {
						if _, err := big(i); err != nil {
							fmt.Println(err)
							return
						}
						bytes.Add(int64(size))
					}
				})
			}
			var lat []int64
			t0 := time.Now()
			for time.Since(t0) < time.Duration(*ms)*time.Millisecond {
				t := time.Now()
				if _, err := small(1); err != nil {
					return err
				}
				lat = append(lat, int64(time.Since(t)))
				time.Sleep(200 * time.Microsecond)
			}
			stop.Store(true)
			wg.Wait()
			slices.Sort(lat)
			fmt.Printf("| %s | %s | small p50 %.0f | p99 %.0f | %.0f MB/s |\n", name, label,
				float64(lat[len(lat)/2])/1e3, float64(lat[len(lat)*99/100])/1e3, float64(bytes.Load())/1e6/time.Since(t0).Seconds())
			return nil
		}
		if err := run("quiet", 0, 0); err != nil {
			return err
		}
		for _, n := range []int{1, 8, 64} {
			runtime.GC()
			if err := run(fmt.Sprintf("%d x 1 MiB", n), n, 1<<20); err != nil {
				return err
			}
		}
	}
	return nil
}

// push measures how long a notice takes that the server sends so long after a
// reply: while calls go on (hot), or to a client that has been quiet.
func push(con Contestant, addr string, d time.Duration, hot bool, after time.Duration) error {
	dialed, err := con.Dial(addr)
	if err != nil {
		return err
	}
	defer dialed.Close()
	cl := dialed.(*ipcioClient)
	var mu sync.Mutex
	var lat []int64
	notice := func(created int64) {
		t := nowNS() - created
		mu.Lock()
		lat = append(lat, t)
		mu.Unlock()
	}
	cl.notice.Store(&notice)
	call, err := cl.Caller(payload.Sample(0))
	if err != nil {
		return err
	}
	n := 0
	for end := time.Now().Add(d); time.Now().Before(end); {
		if hot { // calls go on while the event comes, sometimes a gap
			for i := range uint64(20) {
				if _, err := call(i); err != nil {
					return err
				}
			}
		} else {
			time.Sleep(5 * time.Millisecond)
		}
		if _, err := cl.c.CallArouse(context.Background(), yard.ArousePayload{After: after}); err != nil {
			return err
		}
		n++
		if !hot {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		time.Sleep(time.Duration(n%4) * 500 * time.Microsecond)
	}
	time.Sleep(50 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(lat)
	if len(lat) == 0 {
		return fmt.Errorf("no notices arrived of %d", n)
	}
	fmt.Printf("| ipcio | hot=%v | %v after the reply | %d of %d | p50 %.0f | p99 %.0f | max %.0f |\n", hot, after, len(lat), n,
		float64(lat[len(lat)/2])/1e3, float64(lat[len(lat)*99/100])/1e3, float64(lat[len(lat)-1])/1e3)
	return nil
}
