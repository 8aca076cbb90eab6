package main

import (
	"fmt"
	"io"
	"strings"
)

// context is how many equal lines a diff shows around what differs.
const context = 3

// An edit is a line of a diff: ' ' in both, '-' in the old, '+' in the new.
type edit struct {
	op   byte
	line string
}

// unifiedDiff writes the difference of two texts as diff -u does.
func unifiedDiff(w io.Writer, from, to, old, new string) {
	fmt.Fprintf(w, "--- %s\n+++ %s\n", from, to)
	edits := lineEdits(splitLines(old), splitLines(new))
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			i++
			continue
		}
		start, end := max(i-context, 0), hunkEnd(edits, i)
		printHunk(w, edits, start, end)
		i = end
	}
}

// hunkEnd returns where the hunk ends that has its first difference at i: after
// the difference that has no other within two contexts, and its context.
func hunkEnd(edits []edit, i int) int {
	last := i
	for j := i; j < len(edits) && j-last <= 2*context; j++ {
		if edits[j].op != ' ' {
			last = j
		}
	}
	return min(last+1+context, len(edits))
}

func printHunk(w io.Writer, edits []edit, start, end int) {
	oldLine, newLine := 1, 1
	for _, e := range edits[:start] {
		if e.op != '+' {
			oldLine++
		}
		if e.op != '-' {
			newLine++
		}
	}
	var oldCount, newCount int
	for _, e := range edits[start:end] {
		if e.op != '+' {
			oldCount++
		}
		if e.op != '-' {
			newCount++
		}
	}
	// Where one side has no line, diff -u names the line before.
	if oldCount == 0 {
		oldLine--
	}
	if newCount == 0 {
		newLine--
	}
	fmt.Fprintf(w, "@@ -%d,%d +%d,%d @@\n", oldLine, oldCount, newLine, newCount)
	for _, e := range edits[start:end] {
		fmt.Fprintf(w, "%c%s\n", e.op, strings.TrimSuffix(e.line, "\n"))
		if !strings.HasSuffix(e.line, "\n") {
			fmt.Fprintln(w, `\ No newline at end of file`)
		}
	}
}

func splitLines(s string) []string {
	lines := strings.SplitAfter(s, "\n")
	return lines[:len(lines)-1+min(len(lines[len(lines)-1]), 1)]
}

// maxCells bounds the table of lineEdits: 16 MiB.
const maxCells = 4 << 20

// lineEdits turns a into b. Between the equal lines at both ends it takes a
// longest common subsequence; if the table for it would be too large, it
// replaces everything between.
func lineEdits(a, b []string) []edit {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var edits []edit
	for _, l := range a[:head] {
		edits = append(edits, edit{' ', l})
	}
	edits = append(edits, middleEdits(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, l := range a[len(a)-tail:] {
		edits = append(edits, edit{' ', l})
	}
	return edits
}

func middleEdits(a, b []string) []edit {
	width := len(b) + 1
	var common []int32 // [i*width+j]: the length for a[i:] and b[j:]
	if (len(a)+1)*width <= maxCells {
		common = make([]int32, (len(a)+1)*width)
		for i := len(a) - 1; i >= 0; i-- {
			for j := len(b) - 1; j >= 0; j-- {
				if a[i] == b[j] {
					common[i*width+j] = common[(i+1)*width+j+1] + 1
				} else {
					common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
				}
			}
		}
	}
	var edits []edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case common != nil && i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common == nil || common[(i+1)*width+j] >= common[i*width+j+1]):
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[j]})
			j++
		}
	}
	return edits
}
