package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/spf13/cobra"
)

// A comparison is one run of breaking.
type comparison struct {
	*tool
	against    string
	policy     *choice
	format     *choice
	allowMajor bool
	fix        bool
}

func (t *tool) breakingCommand() *cobra.Command {
	var policies []string
	for _, p := range []schema.Policy{schema.PolicyAnyOrder, schema.PolicyServerFirst, schema.PolicyClientFirst} {
		policies = append(policies, p.String())
	}
	c := &comparison{
		tool:   t,
		policy: &choice{policies[0], policies},
		format: findingsFormat(),
	}
	cmd := &cobra.Command{
		Use:   "breaking",
		Short: "Say what changed since a release, and who upgrades first",
		Long: `Compare the schema with a former one: say what changed, which messages the
change breaks, and in which order server and clients may be upgraded. The exit
status is 1 if the policy does not allow that order.

--against says what to compare with:

  lock         commands.lock beside the schema file, written by ipcio-gen lock
  git:REV      the same file in a revision, such as git:main or git:v1.2.0
  file:PATH    another schema file, or another lock if its name ends in .lock

--policy says which order is fine. By default none is: on one machine a daemon
may restart while a window stays open, and a program may be replaced while the
old daemon keeps running.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.run() },
	}
	cmd.Flags().StringVar(&c.against, "against", againstLock, "what to compare with: lock, git:REV or file:PATH")
	complete(cmd, "against", cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace, againstLock, againstGit, againstFile)
	c.policy.addTo(cmd, "policy", "who is upgraded first")
	c.format.addTo(cmd, "format", "how to write the report")
	cmd.Flags().BoolVar(&c.allowMajor, "allow-major", false, "a raised version may change everything but the protocol")
	cmd.Flags().BoolVar(&c.fix, "fix", false, "add the names that were removed to reserved: in the schema file")
	return cmd
}

func (c *comparison) run() error {
	read, err := c.former()
	if err != nil {
		return err
	}
	s, err := c.load()
	if err != nil {
		return err
	}
	old, err := read()
	if err != nil {
		return err
	}
	policy, _ := schema.ParsePolicy(c.policy.word) // the flag takes no other word
	compare := func() *schema.Report {
		return schema.Compare(old, s, schema.CompareOptions{Policy: policy, AllowMajor: c.allowMajor})
	}
	report := compare()
	if names := unreserved(report); c.fix && len(names) > 0 {
		if s, err = c.reserve(s, names); err != nil {
			return err
		}
		fmt.Fprintf(c.err, "ipcio-gen: %s: added to reserved: %s\n", c.file, strings.Join(names, ", "))
		report = compare()
	}
	strange, err := c.strange(old, s)
	if err != nil {
		return err
	}
	err = c.print(report)
	if err != nil {
		return err
	}
	return failIf(report.Failed() || strange)
}

// print writes the report in the format that was asked for.
func (c *comparison) print(r *schema.Report) error {
	place := func(file string, old bool) string {
		if old {
			return c.oldFile(file)
		}
		return path.Join(filepath.ToSlash(filepath.Dir(c.file)), file)
	}
	r.Rename(place)
	switch c.format.word {
	case formatJSON:
		return c.printJSON(r)
	case formatSARIF, formatGitHub:
		inRepository := repositoryPaths()
		r.Rename(func(file string, old bool) string { return inRepository(place(file, old)) })
		if c.format.word == formatSARIF {
			return r.WriteSARIF(c.out)
		}
		return r.WriteGitHub(c.out)
	}
	return r.WriteText(c.out, wantsColour(c.out))
}

// oldFile returns how a file of the former schema is called in reports.
func (c *comparison) oldFile(file string) string {
	if name, ok := strings.CutPrefix(c.against, againstFile); ok && filepath.Ext(name) != lockSuffix {
		return path.Join(filepath.ToSlash(filepath.Dir(name)), file)
	}
	if rev, ok := strings.CutPrefix(c.against, againstGit); ok {
		return rev + ":" + path.Join(filepath.ToSlash(filepath.Dir(c.file)), file)
	}
	return file
}

// unreserved returns the names that were removed and are not reserved.
func unreserved(r *schema.Report) []string {
	var names []string
	for _, change := range r.Changes {
		if change.Rule.ID == "B504" {
			names = append(names, change.Path)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// strange shows the reserved paths that name nothing which ever existed, and
// reports whether there are any. Only a lock can tell: it was written at the
// last release, so that what came and went since then was never seen.
func (c *comparison) strange(old, new *schema.Schema) (bool, error) {
	if c.against != againstLock {
		return false, nil
	}
	known := old.Paths()
	for _, r := range old.Reserved {
		known = append(known, r.Path)
	}
	found, err := findings(c.located(new.CheckReserved(known)))
	if err != nil {
		return false, err
	}
	return len(found) > 0, c.show(found, formatText)
}
