//go:build linux

package storm

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	PlayRole()
	goleak.VerifyTestMain(m)
}

// weather runs a storm and fails the test if it breaks a promise.
func weather(t *testing.T, run func(context.Context) (*Ledger, error)) *Ledger {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	ledger, err := run(ctx)
	if ledger != nil {
		t.Log(ledger)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}

func TestStormServer(t *testing.T) {
	weather(t, ServerStorm{Kills: 20 / shorter, Messages: 10_000, Processes: 2, Clients: 4, Life: 100 * time.Millisecond, Seed: 1}.Run)
}

func TestStormCut(t *testing.T) {
	weather(t, CutStorm{Losses: 500 / shorter, Processes: 2, Clients: 8, Seed: 1}.Run)
}

func TestStormClients(t *testing.T) {
	weather(t, ClientsStorm{Kills: 20 / shorter, Processes: 2, Clients: 4, Life: 50 * time.Millisecond, Seed: 1}.Run)
}

func TestStormBoth(t *testing.T) {
	weather(t, ClientsStorm{Kills: 10 / shorter, Both: 10 / shorter, Processes: 2, Clients: 4, Life: 50 * time.Millisecond, Seed: 1}.Run)
}

func TestStormStop(t *testing.T) {
	weather(t, StopStorm{Stops: 8 / shorter, Longest: 500 * time.Millisecond, Processes: 2, Clients: 4, Seed: 1}.Run)
}

func TestStormBroadcast(t *testing.T) {
	weather(t, BroadcastStorm{Clients: 40, Stopped: 10, Messages: 320 / shorter, Bytes: 8 << 10, Ring: 512 << 10, Seed: 1}.Run)
}

func TestStormLeak(t *testing.T) {
	weather(t, LeakStorm{Connects: 1000 / shorter, Cancels: 1000 / shorter, Workers: 4, Seed: 1}.Run)
}

func TestStormDescriptors(t *testing.T) {
	weather(t, DescriptorStorm{Clients: 10, Watch: 1500 * time.Millisecond, Seed: 1}.Run)
}

func TestStormReturn(t *testing.T) {
	weather(t, ReturnStorm{Clients: 200, Restarts: 2, Seed: 1}.Run)
}
