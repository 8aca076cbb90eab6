package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A choice is the value of a flag that takes one of a few words.
type choice struct {
	word string
	from []string
}

func (c *choice) String() string { return c.word }

func (c *choice) Type() string { return "word" }

func (c *choice) Set(word string) error {
	if !slices.Contains(c.from, word) {
		return fmt.Errorf("it is one of %s", strings.Join(c.from, ", "))
	}
	c.word = word
	return nil
}

// addTo makes a flag of the choice.
func (c *choice) addTo(cmd *cobra.Command, name, usage string) {
	cmd.Flags().Var(c, name, usage+": "+strings.Join(c.from, ", "))
	complete(cmd, name, cobra.ShellCompDirectiveNoFileComp, c.from...)
}

// complete names the words that a shell proposes for a flag.
func complete(cmd *cobra.Command, flag string, how cobra.ShellCompDirective, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, how)); err != nil {
		panic(err) // there is no such flag
	}
}

// dirname makes a shell propose directories for a flag.
func dirname(cmd *cobra.Command, flag string) {
	if err := cmd.MarkFlagDirname(flag); err != nil {
		panic(err) // there is no such flag
	}
}
