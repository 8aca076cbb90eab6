//go:build !unix

package main

import (
	"os"
	"os/exec"
)

func inGroup(*exec.Cmd) {}

func interrupt(p *os.Process) error { return p.Kill() }

func killGroup(*os.Process) {}
