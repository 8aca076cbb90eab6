//go:build linux

// Command storm runs one of the storms of package storm at any length:
//
//	go run ./runtime/internal/storm/cmd/storm server -kills 1000 -messages 1000000
//
// It prints one line of figures that begins with "ledger:", and ends with exit
// status 1 and a line that says why if a promise was broken. "make storm-server" and its siblings call
// it.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/storm"
)

func main() {
	storm.PlayRole()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(1)
	}
}

type runner interface {
	Run(context.Context) (*storm.Ledger, error)
}

// storms make a storm from its flags.
var storms = map[string]func(*flag.FlagSet) func() runner{
	"server": func(f *flag.FlagSet) func() runner {
		var s storm.ServerStorm
		f.IntVar(&s.Kills, "kills", 100, "how often the server is killed")
		f.Int64Var(&s.Messages, "messages", 100_000, "how many messages must be accepted at least")
		f.IntVar(&s.Processes, "processes", 3, "processes with clients")
		f.IntVar(&s.Clients, "clients", 4, "clients of each")
		f.DurationVar(&s.Life, "life", 200*time.Millisecond, "the longest life of a server")
		f.Uint64Var(&s.Seed, "seed", 1, "chooses when")
		return func() runner { return s }
	},
	"cut": func(f *flag.FlagSet) func() runner {
		var s storm.CutStorm
		f.IntVar(&s.Losses, "losses", 1000, "how many connections are ended")
		f.IntVar(&s.Processes, "processes", 3, "processes with clients")
		f.IntVar(&s.Clients, "clients", 16, "clients of each")
		f.Uint64Var(&s.Seed, "seed", 1, "chooses when and how")
		return func() runner { return s }
	},
	"clients": func(f *flag.FlagSet) func() runner {
		var s storm.ClientsStorm
		f.IntVar(&s.Kills, "kills", 100, "how often a process with clients is killed")
		f.IntVar(&s.Both, "both", 0, "so many of them together with the server")
		f.IntVar(&s.Processes, "processes", 2, "processes with clients that are killed")
		f.IntVar(&s.Clients, "clients", 4, "clients of each, and of the one that stays")
		f.DurationVar(&s.Life, "life", 100*time.Millisecond, "the longest time between two kills")
		f.Uint64Var(&s.Seed, "seed", 1, "chooses when and who")
		return func() runner { return s }
	},
	"stop": func(f *flag.FlagSet) func() runner {
		var s storm.StopStorm
		f.IntVar(&s.Stops, "stops", 20, "how often a process is stopped")
		f.DurationVar(&s.Longest, "longest", 4*time.Second, "the longest stop")
		f.IntVar(&s.Long, "long", 0, "so many stops of 20 s, the first of them")
		f.IntVar(&s.Processes, "processes", 3, "processes with clients")
		f.IntVar(&s.Clients, "clients", 4, "clients of each")
		f.Uint64Var(&s.Seed, "seed", 1, "chooses when and who")
		return func() runner { return s }
	},
	"broadcast": func(f *flag.FlagSet) func() runner {
		var s storm.BroadcastStorm
		f.IntVar(&s.Clients, "clients", 900, "clients that read")
		f.IntVar(&s.Stopped, "stopped", 100, "clients that do not")
		f.IntVar(&s.Messages, "messages", 1000, "broadcasts")
		f.IntVar(&s.Bytes, "bytes", 8<<10, "of each")
		f.IntVar(&s.Ring, "ring", 1<<20, "bytes that the server keeps")
		f.Uint64Var(&s.Seed, "seed", 1, "entered into the ledger")
		return func() runner { return s }
	},
	"leak": func(f *flag.FlagSet) func() runner {
		var s storm.LeakStorm
		f.IntVar(&s.Connects, "connects", 10_000, "clients that come and go")
		f.IntVar(&s.Cancels, "cancels", 10_000, "calls that are cancelled")
		f.IntVar(&s.Workers, "workers", 8, "at a time")
		f.Uint64Var(&s.Seed, "seed", 1, "entered into the ledger")
		return func() runner { return s }
	},
	"descriptors": func(f *flag.FlagSet) func() runner {
		var s storm.DescriptorStorm
		f.IntVar(&s.Clients, "clients", 100, "clients that want to connect")
		f.DurationVar(&s.Watch, "watch", 10*time.Second, "how long there are no descriptors")
		f.Uint64Var(&s.Seed, "seed", 1, "entered into the ledger")
		return func() runner { return s }
	},
	"return": func(f *flag.FlagSet) func() runner {
		var s storm.ReturnStorm
		f.IntVar(&s.Clients, "clients", 2000, "clients, in processes of 1000")
		f.IntVar(&s.Restarts, "restarts", 5, "of the server")
		f.Uint64Var(&s.Seed, "seed", 1, "entered into the ledger")
		return func() runner { return s }
	},
}

func run(args []string) error {
	names := strings.Join(slices.Sorted(maps.Keys(storms)), ", ")
	if len(args) == 0 || storms[args[0]] == nil {
		return fmt.Errorf("say which storm: %s; -h after it lists its flags", names)
	}
	flags := flag.NewFlagSet("storm "+args[0], flag.ExitOnError)
	limit := flags.Duration("limit", time.Hour, "give up after so long")
	made := storms[args[0]](flags)
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	ledger, err := made().Run(ctx)
	if ledger != nil {
		fmt.Println(ledger)
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // all of it goes to standard error
		fmt.Printf("ledger: failure=%q\n", first)
	}
	return err
}
