package generator

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/longtest"
	"github.com/ipcio/ipcio-go/schema/schematest"
)

var (
	textCount = flag.Int64("texts", 5_000, "damaged schema texts that are read")
	textSeed  = flag.Uint64("texts.seed", 1, "where they begin")
	textTime  = flag.Duration("texts.time", 0, "begin nothing new after this time; 0 means no limit")
	textEvery = flag.Int64("texts.every", 20, "of so many texts that are schemas, one becomes a package")
)

// hangs is how long a text may take on a machine that does much else.
const hangs = time.Minute

// TestDamagedTexts reads texts that resemble schemas. None makes the program
// fail or hang; every finding has a place inside of the text; and what is a
// schema becomes a package that declares what the model says and nothing else.
func TestDamagedTexts(t *testing.T) {
	corpus := textCorpus(t)
	const block = 1000
	run := longtest.Begin(t, *textTime)
	run.Note("seed", fmt.Sprintf("from %d, %d texts each", *textSeed, block))
	var (
		wg                                    sync.WaitGroup
		next, done, valid, packages, failures atomic.Int64
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i*block < *textCount && failures.Load() < 10 && !run.Over(); i = next.Add(1) - 1 {
				seed := *textSeed + uint64(i)
				rng := rand.New(rand.NewPCG(seed, 0x7e47))
				for range min(block, *textCount-i*block) {
					text := damagedText(rng, corpus)
					watchdog := time.AfterFunc(hangs, func() { panic(fmt.Sprintf("-texts.seed=%d: %v and no end: %q", seed, hangs, text)) })
					s, err := checkText(text)
					isSchema := err == nil && s != nil
					written := isSchema && valid.Add(1)%*textEvery == 0
					if written {
						packages.Add(1)
						err = checkPackage(s)
					}
					watchdog.Stop()
					if err != nil {
						run.Fail(fmt.Sprintf("-texts.seed=%d", seed), fmt.Errorf("%w\n%q", err, text))
						failures.Add(1)
					}
					done.Add(1)
					run.Add("texts", 1)
					run.Add("schemas", b2i(isSchema))
					run.Add("packages", b2i(written))
				}
			}
		})
	}
	wg.Wait()
	if valid.Load() < done.Load()/50 || valid.Load() > done.Load()*9/10 || packages.Load() == 0 {
		t.Errorf("%d of %d texts are schemas: the test shows little", valid.Load(), done.Load())
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// textCorpus returns the schemas of this repository: of the SDKs, the examples
// and the goldens, also those that are wrong, and some random ones.
func textCorpus(t *testing.T) [][]byte {
	t.Helper()
	var corpus [][]byte
	section := regexp.MustCompile(`(?m)^-- \S+\.yaml --\n`)
	for _, root := range []string{"../schema/testdata", "../generator", "../generated", "../examples"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			ext := filepath.Ext(path)
			if ext != ".yaml" && ext != ".txtar" {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if ext == ".yaml" {
				corpus = append(corpus, content)
				return nil
			}
			for _, part := range section.Split(string(content), -1)[1:] {
				part, _, _ = strings.Cut(part, "\n-- ")
				corpus = append(corpus, []byte(part+"\n"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for seed := range uint64(60) {
		corpus = append(corpus, schematest.Random(seed, schematest.Options{Types: 5, Commands: 4, Without: schematest.LargeStructs}))
	}
	corpus = slices.DeleteFunc(corpus, func(text []byte) bool { return len(text) > 8000 })
	if len(corpus) < 300 {
		t.Fatalf("the corpus has %d texts", len(corpus))
	}
	return corpus
}

// pieces are put into texts.
var pieces = strings.Split("opt<string>|list<|>|map<int8>|{|}|[|]|:|: |, | #|# x\n|- |\t|\n|\r\n|\n\n|'|\"|\\|&a |*a|<<: |!!str |!x |---\n|...\n|%YAML 1.2\n|?|? |||>|~|null|"+
	"yes|0x1f|017|1e400|-0|1..2|..|..5|9223372036854775808|18446744073709551616|1h|24h|1.5ns|ipcio: 1\n|ipcio: 2\n|protocol: p\n|fields: |enum: |union: |closed: true|"+
	"type: |len: 1..3|range: ..7|pattern: '[a-z'|pattern: '(a|b)*'|format: ip|in: [1, a]|unique: true|default: 3|secret: true|doc: |deprecated: x|go: Func|go: X1|"+
	"dir: server->client|dir: →|payload: |reply: {}|errors: [A]|idempotent: true|include: [a.yaml]|include: [commands.yaml]|reserved: [a.b]|topic: a/{b}|stream: X|fd|borrow: true|"+
	"//go:build ignore|*/|`|\x00|\x7f|\ufeff|\u2028|\u202e|\xff|名|é|func init() {}|Job|JobPayload|Server|validate|string|String|_|A|a|0", "|")

// damagedText returns a text that resembles one of the corpus, or two.
func damagedText(rng *rand.Rand, corpus [][]byte) []byte {
	text := slices.Clone(corpus[rng.IntN(len(corpus))])
	for range 1 + rng.IntN(4)*rng.IntN(2) {
		if len(text) == 0 {
			text = append(text, "ipcio: 1\n"...)
		}
		at := rng.IntN(len(text))
		from, to := lineAt(text, at)
		switch rng.IntN(12) {
		case 0:
			text[at] ^= 1 << rng.IntN(8)
		case 1:
			text = slices.Delete(text, at, min(len(text), at+1+rng.IntN(6)))
		case 2, 3:
			text = slices.Insert(text, at, []byte(pieces[rng.IntN(len(pieces))])...)
		case 4: // a line less
			text = slices.Delete(text, from, to)
		case 5: // a line twice
			text = slices.Insert(text, from, slices.Clone(text[from:to])...)
		case 6: // a line of another text
			other := corpus[rng.IntN(len(corpus))]
			if len(other) > 0 {
				a, b := lineAt(other, rng.IntN(len(other)))
				text = slices.Insert(text, from, other[a:b]...)
			}
		case 7: // deeper or less deep
			if rng.IntN(2) == 0 {
				text = slices.Insert(text, from, ' ', ' ')
			} else if bytes.HasPrefix(text[from:], []byte("  ")) {
				text = slices.Delete(text, from, from+2)
			}
		case 8: // the rest is missing
			text = text[:at]
		case 9, 10: // another word
			a, b := wordAt(text, at)
			other := corpus[rng.IntN(len(corpus))]
			if len(other) > 0 {
				c, d := wordAt(other, rng.IntN(len(other)))
				text = slices.Replace(text, a, b, other[c:d]...)
			}
		default: // the beginning of one and the end of another
			other := corpus[rng.IntN(len(corpus))]
			if len(other) > 0 {
				c, _ := lineAt(other, rng.IntN(len(other)))
				text = append(text[:from:from], other[c:]...)
			}
		}
		if len(text) > 16_000 {
			text = text[:16_000]
		}
	}
	return text
}

// lineAt returns where the line around at begins and ends.
func lineAt(text []byte, at int) (from, to int) {
	from = bytes.LastIndexByte(text[:at], '\n') + 1
	if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
		return from, at + n + 1
	}
	return from, len(text)
}

// wordAt returns where the word around at begins and ends; it may be empty.
func wordAt(text []byte, at int) (from, to int) {
	inWord := func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }
	for from = at; from > 0 && inWord(text[from-1]); from-- {
	}
	for to = at; to < len(text) && inWord(text[to]); to++ {
	}
	return from, to
}

// checkText loads a text. It returns the schema, if it is one for a package,
// and how a finding about it is wrong.
func checkText(text []byte) (*schema.Schema, error) {
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: text}}, "commands.yaml")
	found, ok := errors.AsType[schema.Diagnostics](err)
	if err != nil && !ok {
		return nil, fmt.Errorf("an error that is no finding: %w", err)
	}
	if err == nil {
		found = Check(s)
	}
	if len(found) == 0 {
		return s, nil
	}
	lines := strings.Split(lineBreaks.Replace(strings.TrimPrefix(string(text), "\ufeff")), "\n")
	for _, d := range found {
		places := []schema.Position{d.Pos}
		for _, n := range d.Notes {
			places = append(places, n.Pos)
		}
		for _, p := range places {
			if p.File != "commands.yaml" || p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 {
				return nil, fmt.Errorf("the place %s:%d:%d of %s is outside of the text", p.File, p.Line, p.Column, d.Code)
			}
		}
	}
	return nil, nil
}

// lineBreaks replaces what ends a line in a schema file.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// mayImport are the packages that generated code imports.
var mayImport = []string{pkgContext, pkgErrors, pkgTime, pkgRuntime, pkgCodec}

// checkPackage returns how the package of a schema is not what its model says.
func checkPackage(s *schema.Schema) error {
	files, err := Generate(s, Options{})
	if err != nil {
		return err
	}
	n, _ := newNames(s)
	c := &checker{s: s, n: n, scope: map[string]ident{}}
	c.commands()
	for _, t := range s.Types {
		c.typeNames(t)
	}
	for _, e := range s.Errors {
		c.errorNames(e)
	}
	want := slices.Clone(packageNames)
	for name := range c.scope {
		want = append(want, name)
	}
	var got []string
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f.Name, f.Content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if file.Name.Name != Package(s) {
			return fmt.Errorf("%s is of package %s", f.Name, file.Name.Name)
		}
		for _, d := range file.Decls {
			fn, isFunc := d.(*ast.FuncDecl)
			for _, name := range declNames(d) {
				kind, name, _ := strings.Cut(name, " ")
				switch {
				case isFunc && fn.Recv != nil:
				case isFunc && (name == "init" || name == "main" || fn.Body == nil):
					return fmt.Errorf("%s has a func %s", f.Name, name)
				case ast.IsExported(name):
					got = append(got, name)
				case kind == "value" && name == "_": // the pin of the runtime
				}
			}
		}
		for _, i := range file.Imports {
			if !slices.Contains(mayImport, strings.Trim(i.Path.Value, `"`)) {
				return fmt.Errorf("%s imports %s", f.Name, i.Path.Value)
			}
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				if (!strings.HasPrefix(c.Text, "//") || directive.MatchString(c.Text)) && c.Text != "//sumtype:decl" {
					return fmt.Errorf("%s has the directive %q", f.Name, c.Text)
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("the package declares other names than the model says (-model +package):\n%s", diff)
	}
	return nil
}
