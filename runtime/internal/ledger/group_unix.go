//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// inGroup gives a command a process group, so that a signal reaches what it
// started as well: go test does not pass one on to the test.
func inGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func interrupt(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGINT) }

func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) } // there may be nobody left
