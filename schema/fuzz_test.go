package schema

import (
	"path/filepath"
	"testing"
	"testing/fstest"
)

// FuzzLoad proves that whatever the files hold, Load comes to an end with a
// model as promised or with findings that stand inside the files.
func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no goldens: %v", err)
	}
	for _, path := range paths {
		data := readArchive(f, path)
		root := []byte(data.file("commands.yaml"))
		if quoted := data.file("commands.yaml.quoted"); quoted != "" {
			root = unquote(quoted)
		}
		f.Add(root, []byte(data.file("a.yaml")))
	}
	f.Fuzz(func(t *testing.T, root, included []byte) {
		fsys := fstest.MapFS{"commands.yaml": {Data: root}, "a.yaml": {Data: included}}
		s, err := Load(fsys, "commands.yaml")
		checkOutcome(t, fsys, s, err)
		if err != nil {
			again, err2 := Load(fsys, "commands.yaml")
			if again != nil || err2 == nil || err.Error() != err2.Error() {
				t.Errorf("the second Load differs:\n%v\n%v", err, err2)
			}
			return
		}
		if len(s.Fingerprint()) != len("sha256:")+64 {
			t.Errorf("fingerprint %q", s.Fingerprint())
		}
		s.JSON()
	})
}
