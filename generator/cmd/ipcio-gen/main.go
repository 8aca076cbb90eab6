// Command ipcio-gen writes the Go package of a protocol from commands.yaml and
// looks after that file.
//
//	go get -tool github.com/ipcio/ipcio-go/generator/cmd/ipcio-gen
//	go tool ipcio-gen init
//	go tool ipcio-gen generate
//
// The subcommands:
//
//	init        begin a protocol: commands.yaml, doc.go, the editor's schema
//	generate    write the Go files
//	verify      check that the Go files are up to date
//	check       report the errors of the schema
//	lint        report what works and will be regretted
//	fmt         write schema files in the canonical layout
//	breaking    say what changed since a release, and who upgrades first
//	lock        write commands.lock, which breaking compares with
//	schema      print or install the JSON Schema for editors
//	docs        describe the protocol for people
//	export      write the protocol in another language
//	explain     explain the code of a finding
//	man         write the manual pages
//	completion  write the completion script of a shell
//
// The exit status is 0 if all is well, 1 for findings (errors and warnings of
// the schema, files that are not up to date, changes that break), 2 for wrong
// usage, 3 for trouble with files, and 70 for a bug in the generator.
//
// Findings for people go to standard error; what was asked for, such as JSON, a
// diff or a report, goes to standard output. Colours are for terminals only,
// and NO_COLOR turns them off.
//
// A file is replaced in one step, so that nobody sees half of one.
package main

import (
	"os"
	"runtime/debug"
)

func main() {
	// A run is short and makes much garbage: collecting less often saves a sixth
	// of its time.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
