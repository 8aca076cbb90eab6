//go:build linux || darwin || freebsd

package sock

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestResolveDir(t *testing.T) {
	base := tempDir(t)
	uid := itoa(os.Geteuid())
	mine, runUser, file := filepath.Join(base, "mine"), filepath.Join(base, "run"), filepath.Join(base, "file")
	for _, dir := range []string{mine, filepath.Join(runUser, uid)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	none, tmp := filepath.Join(base, "none"), filepath.Join(base, "tmp")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		explicit string
		env      map[string]string
		runUser  string
		tmp      string
		want     string
		err      string
	}{
		"explicit":                 {explicit: "/a/../b/", env: map[string]string{"IPCIO_DIR": "/c"}, want: "/b"},
		"explicit relative":        {explicit: "x", want: filepath.Join(wd, "x")},
		"variable":                 {env: map[string]string{"IPCIO_DIR": "/c//d/", "XDG_RUNTIME_DIR": mine}, want: "/c/d"},
		"variable relative":        {env: map[string]string{"IPCIO_DIR": "c"}, err: `IPCIO_DIR="c" is not an absolute path`},
		"runtime directory":        {env: map[string]string{"XDG_RUNTIME_DIR": mine}, runUser: runUser, want: mine + "/ipcio"},
		"runtime directory later":  {env: map[string]string{"XDG_RUNTIME_DIR": none}, runUser: runUser, want: none + "/ipcio"},
		"runtime directory strays": {env: map[string]string{"XDG_RUNTIME_DIR": "run"}, runUser: runUser, want: runUser + "/" + uid + "/ipcio"},
		"run user":                 {runUser: runUser, want: runUser + "/" + uid + "/ipcio"},
		"no run user":              {runUser: none, tmp: tmp, want: tmp + "/ipcio-" + uid},
		"run user is a file":       {runUser: file, tmp: tmp, want: tmp + "/ipcio-" + uid},
		"relative tmp":             {runUser: none, tmp: "t", want: "/tmp/ipcio-" + uid},
	} {
		t.Run(name, func(t *testing.T) {
			r := resolver{
				getenv:  func(key string) string { return test.env[key] },
				runUser: test.runUser, tmp: test.tmp, euid: os.Geteuid(),
			}
			got, err := r.dir(test.explicit)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %q, %v; want an error that says %q", got, err, test.err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

// TestResolveDirSkipsForeignDirectories is a root shell that kept the variables of the user who opened it.
func TestResolveDirSkipsForeignDirectories(t *testing.T) {
	needRoot(t)
	base := tempDir(t)
	foreign := filepath.Join(base, "0")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(foreign, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	r := resolver{getenv: func(key string) string {
		return map[string]string{"XDG_RUNTIME_DIR": foreign}[key]
	}, runUser: base, tmp: "/t"}
	if got, err := r.dir(""); err != nil || got != "/t/ipcio-0" {
		t.Errorf("got %q, %v; want %q", got, err, "/t/ipcio-0")
	}
}

func TestResolveDirReadsTheEnvironment(t *testing.T) {
	t.Setenv("IPCIO_DIR", "/from/the/environment")
	if got, err := ResolveDir(""); err != nil || got != "/from/the/environment" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := ResolveDir("/explicit"); err != nil || got != "/explicit" {
		t.Errorf("got %q, %v", got, err)
	}
}
