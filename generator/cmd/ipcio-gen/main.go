// Command ipcio-gen writes the Go package of a protocol from commands.yaml.
//
//	go get -tool github.com/ipcio/ipcio-go/generator/cmd/ipcio-gen
//	go tool ipcio-gen init
//	go tool ipcio-gen generate
//
// The exit status is 0 if all is well, 1 for findings (errors of the schema,
// files that are not up to date), 2 for wrong usage, 3 for trouble with files,
// and 70 for a bug in the generator.
package main

import (
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
