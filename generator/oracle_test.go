package generator_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/generator"
	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/longtest"
	"github.com/ipcio/ipcio-go/schema/schematest"
	"github.com/ipcio/ipcio-go/schema/schemavalue"
)

var (
	oracleSchemas = flag.Int("oracle.schemas", 12, "random schemas whose compiled decoders are compared with the interpreter")
	oracleInputs  = flag.Int("oracle.inputs", 150, "messages for each type of them")
	oracleSeed    = flag.Uint64("oracle.seed", 1, "the first seed")
)

// TestInterpreterAgainstCompiled compares two readers of the same messages: the
// interpreter of schemas, which the rules of compatibility are checked with,
// and what the generator writes, compiled. Both must take or refuse each
// message, and must write what they took in the same bytes.
func TestInterpreterAgainstCompiled(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	const batch = 25
	run := longtest.Begin(t, 0)
	run.Note("seed", fmt.Sprint("from ", *oracleSeed))
	sum := map[string]int{}
	for first := 0; first < *oracleSchemas && !t.Failed(); first += batch {
		part := map[string]int{}
		compareBatch(t, run, *oracleSeed+uint64(first), min(batch, *oracleSchemas-first), part)
		for _, key := range []string{"schemas", "types", "messages", "taken", "refused", "malformed", "outside"} {
			run.Add(key, part[key])
			sum[key] += part[key]
		}
	}
	if sum["types"] < 3*sum["schemas"] || sum["taken"] < sum["messages"]/8 || sum["refused"] < sum["messages"]/8 {
		t.Errorf("the messages are not what they should be: %v", sum)
	}
	if sum["outside"]*1000 > sum["messages"] {
		t.Errorf("%d of %d messages are outside of what the interpreter knows", sum["outside"], sum["messages"])
	}
}

// An exam is one message for one type.
type exam struct {
	seed    uint64
	what    string
	typ     *schema.Type
	index   int // of the type in the driver
	message []byte
	strict  bool // the message has the form of a writer
}

func compareBatch(t *testing.T, run *longtest.Run, seed uint64, n int, sum map[string]int) {
	t.Helper()
	dir := newModule(t)
	var imports, table bytes.Buffer
	var exams []exam
	index := 0
	for seed := seed; n > 0; seed, n = seed+1, n-1 {
		s, types := probes(load(t, map[string]string{"commands.yaml": string(schematest.Random(seed, schematest.Options{Without: schematest.Docs}))}))
		if len(types) == 0 {
			continue
		}
		files, err := generator.Generate(s, generator.Options{Only: []generator.Side{generator.ServerSide}})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		pkg := fmt.Sprint("s", seed)
		for _, f := range files {
			write(t, filepath.Join(dir, pkg, f.Name), f.Content)
		}
		sum["schemas"]++
		fmt.Fprintf(&imports, "\t%s \"example.com/goldens/%s\"\n", pkg, pkg)
		rng := rand.New(rand.NewPCG(seed, 0xacce97))
		gen := schemavalue.NewGenerator(rng)
		gen.Learn(s)
		for i, typ := range types {
			fmt.Fprintf(&table, "\tfunc() payload { return new(%s.ProbeX%dPayload) },\n", pkg, i)
			list := messages(rng, gen, typ)
			if len(list) > 0 {
				sum["types"]++
			}
			for _, e := range list {
				e.seed, e.typ, e.index, e.what = seed, typ, index, s.Commands[i].Doc
				exams = append(exams, e)
			}
			index++
		}
	}
	write(t, filepath.Join(dir, "main.go"), []byte(strings.NewReplacer("IMPORTS", imports.String(), "TABLE", table.String()).Replace(driver)))
	goCommand(t, dir, "build", "-o", "driver", ".")

	var in, out, errs bytes.Buffer
	for _, e := range exams {
		in.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(e.index)), uint32(len(e.message))))
		in.Write(e.message)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "driver"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("the driver: %v\n%s", err, errs.String())
	}
	wrong := 0
	for _, e := range exams {
		answer := out.Next(5)
		if len(answer) < 5 {
			t.Fatalf("an answer is missing")
		}
		status, rest := answer[0], bytes.Clone(out.Next(int(binary.BigEndian.Uint32(answer[1:]))))
		if err := e.mark(status, rest, sum); err != nil {
			run.Fail(fmt.Sprintf("-oracle.seed=%d -oracle.schemas=1: %s: %x", e.seed, e.what, e.message), err)
			if wrong++; wrong == 10 {
				t.Fatal("and perhaps more")
			}
		}
	}
}

// mark says how the answer of the compiled decoder is wrong.
func (e *exam) mark(status byte, answer []byte, sum map[string]int) error {
	sum["messages"]++
	if status == 'P' {
		return fmt.Errorf("it fails: %s", answer)
	}
	v, err := schemavalue.Decode(e.message)
	if err != nil {
		sum["malformed"]++
		if status == 'T' && e.strict {
			return fmt.Errorf("the interpreter cannot read it: %w", err)
		}
		return nil // damaged: what has to hold of it is shown elsewhere
	}
	if status == 'R' && (strings.Contains(string(answer), "nested deeper than") || strings.Contains(string(answer), "more memory than")) {
		sum["outside"]++ // limits that the interpreter does not have
		return nil
	}
	err = schemavalue.Accepts(e.typ, v)
	switch {
	case status == 'T' && err != nil:
		return fmt.Errorf("the compiled decoder takes it, and the interpreter says: %w", err)
	case status == 'R' && err == nil:
		return fmt.Errorf("the interpreter takes it, and the compiled decoder says: %s", answer)
	case status == 'R':
		sum["refused"]++
		return nil
	}
	sum["taken"]++
	want := schemavalue.Encode(schemavalue.Rewrite(e.typ, v))
	if !e.strict {
		// What an any holds is passed on as it came, so the values are compared.
		again, err := schemavalue.Decode(answer)
		if err != nil {
			return fmt.Errorf("it is written again as %x: %w", answer, err)
		}
		answer = schemavalue.Encode(again)
	}
	if !bytes.Equal(answer, want) {
		return fmt.Errorf("it is written again as\n%x, want\n%x", answer, want)
	}
	return nil
}

// messages returns values of a type and what resembles them.
func messages(rng *rand.Rand, gen *schemavalue.Generator, typ *schema.Type) []exam {
	var list []exam
	for len(list) < *oracleInputs {
		v, ok := gen.Value(typ)
		if !ok {
			break // constraints that leave few values or none
		}
		list = append(list, exam{message: schemavalue.Encode(v), strict: true})
		for range 4 {
			w := v
			for range 1 + rng.IntN(2) {
				w = schemavalue.Mutate(rng, w)
			}
			list = append(list, exam{message: schemavalue.Encode(w), strict: true}, exam{message: schemavalue.Scramble(rng, w)})
		}
		damaged := schemavalue.Scramble(rng, v)
		damaged[rng.IntN(len(damaged))] ^= 1 << rng.IntN(8)
		list = append(list, exam{message: damaged})
	}
	return list
}

// probes returns a schema with the types of s whose commands carry every one of
// them, and everything that is declared in place: the payload of probe.x0 and
// so on.
func probes(s *schema.Schema) (*schema.Schema, []*schema.Type) {
	out := *s
	out.Commands, out.Errors = nil, nil
	var types []*schema.Type
	add := func(what string, fields []*schema.Field) {
		c := &schema.Command{Name: fmt.Sprint("probe.x", len(types)), File: s.Files[0], Direction: schema.ClientToClient}
		c.Doc = what
		c.Payload = &schema.Type{Kind: schema.Struct, File: c.File, Command: c}
		for _, f := range fields {
			f := *f
			c.Payload.Fields = append(c.Payload.Fields, &f)
		}
		out.Commands = append(out.Commands, c)
		types = append(types, c.Payload)
	}
	for _, t := range s.Types {
		named := &schema.Expr{Kind: schema.NamedExpr, Named: t}
		add("type "+t.Name, []*schema.Field{{Name: "one", Type: named}, {Name: "maybe", Type: named, Optional: true}})
	}
	for _, e := range s.Errors {
		add("error "+e.Name, e.Fields)
	}
	for _, c := range s.Commands {
		if c.Payload != nil && c.Payload.Command == c {
			add("payload of "+c.Name, c.Payload.Fields)
		}
		if c.Reply != nil && c.Reply.Command == c {
			add("reply of "+c.Name, c.Reply.Fields)
		}
	}
	return &out, types
}

// driver reads messages and writes what the compiled decoders make of them.
const driver = `package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"

IMPORTS)

type payload interface {
	AppendCBOR([]byte) ([]byte, error)
	UnmarshalCBOR([]byte) error
}

var types = []func() payload{
TABLE}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		head := make([]byte, 8)
		if _, err := io.ReadFull(in, head); err == io.EOF {
			break
		} else if err != nil {
			panic(err)
		}
		message := make([]byte, binary.BigEndian.Uint32(head[4:]))
		if _, err := io.ReadFull(in, message); err != nil {
			panic(err)
		}
		status, answer := read(types[binary.BigEndian.Uint32(head)](), message)
		out.WriteByte(status)
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(answer))))
		out.Write(answer)
	}
	if err := out.Flush(); err != nil {
		panic(err)
	}
}

// read returns T and the encoding of what was taken, R and why it was refused,
// or P and what must never be.
func read(v payload, message []byte) (status byte, answer []byte) {
	defer func() {
		if r := recover(); r != nil {
			status, answer = 'P', fmt.Append(nil, "panic: ", r)
		}
	}()
	if err := v.UnmarshalCBOR(message); err != nil {
		return 'R', []byte(err.Error())
	}
	b, err := v.AppendCBOR(nil)
	if err != nil {
		return 'P', fmt.Append(nil, "what was decoded cannot be encoded: ", err)
	}
	return 'T', b
}
`
