package generator

import (
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// TestSuffix ends the name of every generated test file.
const TestSuffix = "_ipcio_test.go"

// testFiles makes one file of tests for each schema file with structs.
func (g *gen) testFiles(add func(*file)) {
	var m sampler
	for _, src := range g.schema.Files {
		f := g.newFile(strings.TrimSuffix(goFileName(src), Suffix)+TestSuffix, src)
		structs := g.structsOf(src)
		for _, t := range structs {
			if samples := m.samplesOf(t.Fields); len(samples) > 0 {
				g.emitTests(f, t, samples)
			} else {
				g.emitSkip(f, t)
			}
		}
		if len(structs) > 0 {
			add(f)
		}
	}
}

// structsOf returns everything in a schema file that becomes a Go struct with
// a codec.
func (g *gen) structsOf(src string) []*schema.Type {
	var list []*schema.Type
	for _, t := range g.schema.Types {
		if t.File != src {
			continue
		}
		if t.Kind == schema.Struct {
			list = append(list, t)
		}
		for _, v := range t.Variants {
			if inside := variantStruct(v); inside != nil && inside.Variant == v {
				list = append(list, inside)
			}
		}
	}
	for _, e := range g.schema.Errors {
		if e.File == src {
			list = append(list, g.names.errors[e])
		}
	}
	for _, c := range g.schema.Commands {
		for _, t := range []*schema.Type{c.Payload, c.Reply} {
			if c.File == src && inline(c, t) {
				list = append(list, t)
			}
		}
	}
	return list
}

// emitTests declares the cases, the test and the fuzz test of a struct.
//
//	var casesJob = []codectest.Case{
//		{Name: "least", Hex: "a1…"},
//		{Name: "slots range 1", Hex: "a1…", Path: "slots", Rule: "range"},
//	}
//
//	func TestJobCBOR(t *testing.T) {
//		codectest.Test(t, func() codectest.Payload { return new(Job) }, casesJob)
//	}
//
//	func FuzzJob(f *testing.F) {
//		codectest.Fuzz(f, func() codectest.Payload { return new(Job) }, casesJob)
//	}
func (g *gen) emitTests(f *file, t *schema.Type, samples []sample) {
	name := g.names.types[t]
	rows := make([]jen.Code, len(samples))
	for i, s := range samples {
		row := []jen.Code{entry("Name", jen.Lit(s.name)), entry("Hex", jen.Lit(s.hex()))}
		if s.rule != "" {
			row = append(row, entry("Path", jen.Lit(s.path)), entry("Rule", jen.Lit(s.rule)))
		}
		rows[i] = jen.Values(row...)
	}
	cases := "cases" + name
	f.decl(nil, jen.Var().Id(cases).Op("=").Index().Qual(pkgCodecTest, "Case").Add(lines(rows)))
	run := func(test, param, typ, function string) {
		f.decl(nil, jen.Func().Id(test).Params(jen.Id(param).Op("*").Qual("testing", typ)).Block(
			jen.Qual(pkgCodecTest, function).Call(jen.Id(param),
				jen.Func().Params().Qual(pkgCodecTest, "Payload").Add(oneLiner(jen.Return(jen.New(jen.Id(name))))),
				jen.Id(cases))))
	}
	run("Test"+name+"CBOR", "t", "T", "Test")
	run("Fuzz"+name, "f", "F", "Fuzz")
}

// emitSkip declares a test that says of which struct nothing is shown.
//
//	func TestJobCBOR(t *testing.T) {
//		t.Skip("ipcio-gen found no Job that meets its constraints: test it with a value of your own")
//	}
func (g *gen) emitSkip(f *file, t *schema.Type) {
	name := g.names.types[t]
	f.decl(nil, jen.Func().Id("Test"+name+"CBOR").Params(jen.Id("t").Op("*").Qual("testing", "T")).Block(
		jen.Id("t").Dot("Skip").Call(jen.Lit("ipcio-gen found no "+name+" that meets its constraints: test it with a value of your own"))))
}
