// Package rules holds what is true of the repository as a whole, as tests:
// which package may import which, what a program that uses ipcio links, who
// may read YAML, what lies at the top level. It has no other code.
//
// A rule gives its reason in the failure. A rule that no longer forbids or
// allows anything fails as well: it must go, or it would be believed.
package rules
