package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBashCompletion has a bash complete words as it does at the prompt:
// subcommands, flags, their values, and file names.
func TestBashCompletion(t *testing.T) {
	const library = "/usr/share/bash-completion/bash_completion"
	bash, err := exec.LookPath("bash")
	if _, missing := os.Stat(library); err != nil || missing != nil {
		t.Skip("needs bash and bash-completion")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, dir := t.TempDir(), t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "ipcio-gen")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"commands.yaml", "other.yml", "main.go", "sub/x.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bash, "--norc", "--noprofile", "-c", bashCompletes)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C", "LIBRARY="+library)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := `ipcio-gen ch: check
ipcio-gen check --fo: --format
ipcio-gen check --format s: sarif
ipcio-gen check --format=: github json sarif text
ipcio-gen check -f : commands.yaml other.yml sub
ipcio-gen fmt : commands.yaml other.yml sub
ipcio-gen generate -o : sub
ipcio-gen breaking --against : file: git: lock
ipcio-gen export j: jsonschema
ipcio-gen explain E050: E0501 E0502 E0503 E0504 E0505 E0506
`
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// bashCompletes sets what bash sets before it calls the function of a command,
// and prints what that proposes.
var bashCompletes = strings.TrimSpace(`
source "$LIBRARY"
source <(ipcio-gen completion bash)
try() {
	COMP_LINE=$1 COMP_POINT=${#1}
	read -ra COMP_WORDS <<<"$1"
	[[ $1 == *" " ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	__start_ipcio-gen 2>/dev/null # compopt complains outside of a prompt
	printf '%s: %s\n' "$1" "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' ' -)"
}
for line in 'ipcio-gen ch' 'ipcio-gen check --fo' 'ipcio-gen check --format s' 'ipcio-gen check --format=' 'ipcio-gen check -f ' \
	'ipcio-gen fmt ' 'ipcio-gen generate -o ' 'ipcio-gen breaking --against ' 'ipcio-gen export j' 'ipcio-gen explain E050'; do
	try "$line"
done
`)
