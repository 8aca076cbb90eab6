// Package schematest writes random schemas, for tests of what reads them: the
// formatter, generators and the rules of compatibility.
//
// What [Random] writes always passes schema.Load and gives distinct Go names.
// It is biased to where mistakes live: structs of 0, 1, 23, 24, 255 and 256
// fields, names of 23 and 24 bytes, which are the borders of CBOR heads; types
// that contain themselves; every scalar required, optional, in lists, maps and
// unions; every constraint at the borders of its type; and all layouts YAML
// allows, with comments anywhere.
//
// The same seed and options give the same text in every build of one version.
package schematest
