package schema

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of a schema. They are far beyond what a protocol that people can
// read needs, and keep the time and memory of a Load small.
const (
	MaxFileSize = 256 << 10 // bytes of one file
	MaxIncludes = 64        // files under include:
	MaxTypes    = 4000      // named types of all files together
	MaxErrors   = 1000      // errors of all files together
	MaxCommands = 10000     // commands of all files together
	MaxReserved = 10000     // paths under reserved:
)

// languageVersion is the number after ipcio: that this package knows.
const languageVersion = 1

// Load reads the schema file root, a slash-separated path in fsys, and the
// files it includes. It does no other input or output and is safe for
// concurrent use if fsys is.
//
// If the files are readable and the schema is wrong, the error is a
// [Diagnostics]. Any other error is trouble with a file: it names the file and
// wraps what fsys returned, such as [fs.ErrNotExist] for the root.
func Load(fsys fs.FS, root string) (*Schema, error) {
	l := &loader{
		fsys:     fsys,
		dir:      path.Dir(root),
		schema:   &Schema{Version: 1},
		types:    make(map[string]*Type),
		errors:   make(map[string]*Error),
		commands: make(map[string]*Command),
	}
	if err := l.load(path.Base(root)); err != nil {
		return nil, err
	}
	l.check()
	if len(l.found) > 0 {
		return nil, sortDiagnostics(l.found, l.schema.Files)
	}
	return l.schema, nil
}

// A loader builds a Schema and collects what is wrong with it.
type loader struct {
	fsys   fs.FS
	dir    string
	schema *Schema
	found  Diagnostics

	src  *source // the file being read
	root bool    // it is the root file

	includes   []include
	types      map[string]*Type    // by name, also those with mistakes
	errors     map[string]*Error   // likewise
	commands   map[string]*Command // likewise
	refs       []typeRef
	uses       []structUse
	narrowings []narrowing // constraints
	defaults   []narrowing
	borrows    []narrowing
	errorRefs  []errorRef
	beside     siblings
	numbered   bool // a value of the enum being read had a number, which was reported
	incomplete bool // a file is missing or unreadable: unknown names mean nothing

	tooManyTypes, tooManyErrors, tooManyCommands bool // reported
}

type include struct {
	file string
	node *node
}

// A structUse is a payload or reply given by the name of a type.
type structUse struct {
	expr *Expr
	key  string // payload or reply
	set  **Type // where the struct belongs
	src  *source
	node *node
}

// load reads all files. The error is trouble with a file.
func (l *loader) load(root string) error {
	data, err := l.read(root)
	if err != nil {
		return err
	}
	l.root = true
	l.file(root, data)
	l.root = false
	rootSource := l.src
	for _, inc := range l.includes {
		if l.full() {
			return nil
		}
		data, err := l.read(inc.file)
		if errors.Is(err, fs.ErrNotExist) {
			l.src = rootSource
			l.incomplete = true
			d := l.finding(E0107, inc.node, "included file "+quote(inc.file)+" does not exist")
			d.Hint = orElse(didYouMean(path.Base(inc.file), l.neighbours(inc.file)), "paths are relative to "+root+": create the file, or correct the path")
			l.report(d)
			continue
		}
		if errors.Is(err, errFolder) {
			l.src = rootSource
			l.incomplete = true
			d := l.finding(E0113, inc.node, "include path "+quote(inc.file)+" is a folder")
			d.Hint = "include its files one by one, for example " + path.Join(inc.file, "common.yaml")
			l.report(d)
			continue
		}
		if err != nil {
			return err
		}
		l.file(inc.file, data)
	}
	return nil
}

// errFolder is the error of a file that is a folder.
var errFolder = errors.New("it is a folder")

// read returns a file, or its beginning if it is larger than MaxFileSize.
func (l *loader) read(file string) (data []byte, err error) {
	f, err := l.fsys.Open(path.Join(l.dir, file))
	if err != nil {
		return nil, fmt.Errorf("schema: open %s: %w", file, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("schema: read %s: %w", file, errFolder)
	}
	data, err = io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("schema: read %s: %w", file, err)
	}
	return data, nil
}

// neighbours returns the names of the schema files beside a missing one.
func (l *loader) neighbours(file string) []string {
	entries, err := fs.ReadDir(l.fsys, path.Join(l.dir, path.Dir(file)))
	if err != nil {
		return nil // only a hint is lost
	}
	var names []string
	for _, e := range entries[:min(len(entries), 1000)] {
		if ext := path.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			names = append(names, e.Name())
		}
	}
	return names
}

// file reads the declarations of one file.
func (l *loader) file(name string, data []byte) {
	l.schema.Files = append(l.schema.Files, name)
	tooLarge := len(data) > MaxFileSize
	if tooLarge {
		data = nil
	}
	l.src = newSource(name, data)
	l.schema.sources = append(l.schema.sources, l.src)
	if tooLarge {
		l.incomplete = true
		d := l.src.finding(E0112, 1, 1, 1, "the file is larger than "+strconv.Itoa(MaxFileSize>>10)+" KiB")
		d.Hint = "split it with `include:`"
		l.report(d)
		return
	}
	n, d := parse(l.src)
	if d != nil {
		l.incomplete = true
		l.report(*d)
		return
	}
	l.header(n)
}

// header reads the top level of a file.
func (l *loader) header(n *node) {
	pairs, ok := l.mapping(n, "the schema")
	if !ok {
		l.incomplete = true
		return
	}
	if !l.language(n, pairs) {
		l.incomplete = true
		return
	}
	// A key that seems meant to be it is reported as unknown.
	protocol := slices.ContainsFunc(pairs, func(kv pair) bool {
		return kv.key.text == "protocol" || kv.key.text == "info" || foreignKeys["schema"][strings.ToLower(kv.key.text)] == "protocol" ||
			nearest(kv.key.text, []string{"protocol"}) != ""
	})
	readKeys(l, l.inRoot(l.indented(pairs, []string{"types", "errors", "commands"}, func(_ string, kv pair) bool {
		return !slices.Contains(names(schemaKeys), kv.key.text)
	})), schemaKeys, "", l.schema, func(kv pair) {
		l.unknownKey(kv, "schema", "the schema", names(schemaKeys))
	})
	if l.root && !protocol {
		d := l.finding(E0101, n, "`protocol:` is missing")
		d.Hint = "name the protocol below the first line, for example protocol: jobrunner"
		l.report(d)
	}
}

// inRoot returns pairs without those that belong in the root file only, which
// it reports in any other.
func (l *loader) inRoot(pairs []pair) []pair {
	if l.root {
		return pairs
	}
	var rest []pair
	for _, kv := range pairs {
		if slices.Contains(rootKeys, kv.key.text) {
			d := l.finding(E0109, kv.key, quote(kv.key.text)+" belongs in the root file only")
			d.Hint = "delete it here"
			l.report(d)
			continue
		}
		rest = append(rest, kv)
	}
	return rest
}

// language checks the first key, which says how to read all others.
func (l *loader) language(n *node, pairs []pair) bool {
	for i, kv := range pairs {
		if kv.key.text != "ipcio" {
			continue
		}
		if i > 0 {
			d := l.finding(E0101, kv.key, "`ipcio:` must be the first key")
			d.Hint = "move it to the first line"
			l.report(d)
			return false
		}
		version, ok := l.integer(kv.value, "ipcio", 1)
		if ok && version > languageVersion {
			d := l.finding(E0102, kv.value, fmt.Sprintf("schema language %d is newer than this program (%d)", version, languageVersion))
			d.Hint = "update it: go get -u -tool github.com/ipcio/ipcio-go/generator/cmd/ipcio-gen"
			l.report(d)
		}
		return ok && version == languageVersion
	}
	d := l.finding(E0101, n, "`ipcio:` is missing")
	d.Hint = "begin with: ipcio: 1"
	if len(pairs) > 0 && nearest(pairs[0].key.text, []string{"ipcio"}) != "" {
		d.Hint = "write ipcio: 1 instead of " + printable(pairs[0].key.text)
	}
	l.report(d)
	return false
}

func (l *loader) protocol(n *node) {
	name, ok := l.text(n)
	if !ok {
		return
	}
	if !isSnake(name) {
		d := l.finding(E0111, n, "protocol name "+quote(name)+" must be lower_snake")
		d.Hint = nameHint(toSnake(name), "a-z, 0-9 and _, beginning with a letter")
		l.report(d)
		return
	}
	if l.nameLength(n, "protocol name", maxNameLength) {
		l.schema.Protocol = name
	}
}

func (l *loader) goOptions(n *node) {
	pairs, ok := l.mapping(n, "`go`")
	if !ok {
		return
	}
	l.schema.Go.Pos = l.src.pos(n.line, n.col)
	readKeys(l, pairs, goKeys, "", &l.schema.Go, func(kv pair) {
		l.unknownKey(kv, "go", "`go`", names(goKeys))
	})
}

func (l *loader) goPackage(kv pair, o *GoOptions) {
	name, ok := l.text(kv.value)
	if ok && !isSnake(name) {
		d := l.finding(E0113, kv.value, "package name "+quote(name)+" must be a-z, 0-9 and _, beginning with a letter")
		d.Hint = nameHint(strings.ReplaceAll(toSnake(name), "_", ""), "for example jobrunner")
		l.report(d)
	} else if ok && l.nameLength(kv.value, "package name", maxNameLength) {
		o.Package = name
	}
}

func (l *loader) initialisms(n *node) {
	items, ok := l.list(n)
	if !ok {
		return
	}
	seen := make(map[string]*node)
	for _, item := range items {
		word, ok := l.text(item)
		switch {
		case !ok:
		case !isAlphanumeric(word) || word == "" || strings.ToUpper(word) != word || isDigit(word[0]):
			d := l.finding(E0113, item, "initialism "+quote(word)+" must be a word in capitals")
			d.Hint = "for example GPU"
			l.report(d)
		case seen[word] != nil:
			l.twice(E0004, item, l.src, seen[word], quote(word)+" is listed twice", "delete one of them")
		default:
			seen[word] = item
			if l.nameLength(item, "initialism", maxNameLength) {
				l.schema.Go.Initialisms = append(l.schema.Go.Initialisms, word)
			}
		}
	}
}

func (l *loader) include(n *node) {
	items, ok := l.list(n)
	if !ok {
		l.incomplete = true
		return
	}
	seen := make(map[string]*node)
	for _, item := range items {
		file, ok := l.text(item)
		if !ok {
			l.incomplete = true
			continue
		}
		clean := path.Clean(file)
		switch {
		case file == "" || !fs.ValidPath(clean) || strings.ContainsAny(file, "\\:") || printable(file) != file || !utf8.ValidString(file):
			l.incomplete = true
			d := l.finding(E0113, item, "include path "+quote(file)+" must lead to a file in or below the folder of this one")
			d.Hint = "for example common.yaml or parts/common.yaml"
			l.report(d)
		case clean == l.src.file:
			d := l.finding(E0108, item, "include cycle: "+printable(clean)+" → "+printable(clean))
			d.Hint = "delete it: the root file is always part of the schema"
			l.report(d)
		case seen[clean] != nil:
			l.twice(E0004, item, l.src, seen[clean], quote(clean)+" is included twice", "delete one of them")
		case len(l.includes) == MaxIncludes:
			l.incomplete = true
			d := l.finding(E0112, item, "more than "+strconv.Itoa(MaxIncludes)+" included files")
			d.Hint = "put what belongs together into one file"
			l.report(d)
			return
		default:
			seen[clean] = item
			l.includes = append(l.includes, include{clean, item})
		}
	}
}
