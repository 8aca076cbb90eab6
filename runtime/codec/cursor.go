package codec

// A Field describes a field of a struct to [Decoder.Struct].
type Field struct {
	Name   string // the key
	Rule   Rule
	Secret bool // errors say nothing of the value
}

// A Rule says whether a field may be absent.
type Rule uint8

// The rules.
const (
	Required Rule = iota // absent and null are errors
	Optional             // may be absent; null means absent
	AnyValue             // absent is an error; null is a value
)

// A Struct walks over the known fields of a struct, in the order in which they
// come. It skips keys that are not known, and optional fields that are null.
// It refuses keys that are not text, and known keys that come twice.
type Struct struct {
	d      *Decoder
	at     int // offset of the map
	left   int // entries not read yet
	fields []Field
	cur    int      // the field Next returned, or -1
	guess  int      // the field that comes next if the sender keeps the order
	known  int      // how many different known fields came
	seen   uint64   // which of the first 64 fields came
	more   []uint64 // which of the others came; nil if there are none
}

// Struct begins a struct. fields are in the order in which they are written:
// see [CompareKeys].
func (d *Decoder) Struct(fields []Field) Struct {
	s := Struct{d: d, fields: fields, cur: -1, at: d.off}
	s.left = d.open(Pairs)
	if len(fields) > 64 {
		words := (len(fields) - 1) / 64
		if d.charge(s.at, words, 8) {
			s.more = make([]uint64, words)
		}
	}
	return s
}

// Next goes to the next field and reports whether there is one. The caller
// reads its value before it calls Next again.
func (s *Struct) Next() bool {
	d := s.d
	if s.cur >= 0 && d.err != nil {
		s.locate(&s.fields[s.cur])
	}
	s.cur = -1
	for d.err == nil && s.left > 0 {
		s.left--
		at := d.off
		key := d.span(Text)
		i := s.find(key)
		if i < 0 {
			if !validText(key) {
				d.fail(at, "the key is not valid UTF-8")
			}
			s.skipValue(string(key))
			continue
		}
		if !s.mark(i) {
			d.failIn(s.fields[i].Name, at, "the key occurs twice")
			return false
		}
		if rule := s.fields[i].Rule; rule != AnyValue && d.isNull() {
			if rule == Required {
				d.failIn(s.fields[i].Name, at, "missing required field: its value is null")
				return false
			}
			continue
		}
		s.cur = i
		return d.err == nil
	}
	if d.err == nil {
		d.depth--
		s.checkMissing()
	}
	return false
}

// locate completes the error in the value of a field.
func (s *Struct) locate(f *Field) {
	err := s.d.err
	if f.Secret {
		err.Path, err.Reason = "", "the value is refused; it is secret"
	}
	err.Path = under(f.Name, err.Path)
}

// Index returns the index of the field that Next went to.
func (s *Struct) Index() int { return s.cur }

// skipValue passes over the value of an unknown key.
func (s *Struct) skipValue(key string) {
	d := s.d
	if d.err != nil {
		return
	}
	if d.skip(); d.err != nil {
		d.err.Path = keyStep(key)
	}
}

// find returns the index of the field called key, or -1.
func (s *Struct) find(key []byte) int {
	if g := s.guess; g < len(s.fields) && s.fields[g].Name == string(key) {
		s.guess++
		return g
	}
	lo, hi := 0, len(s.fields)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if name := s.fields[mid].Name; len(name) < len(key) || len(name) == len(key) && name < string(key) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(s.fields) || s.fields[lo].Name != string(key) {
		return -1
	}
	i := lo
	s.guess = i + 1
	return i
}

// mark notes that field i came and reports whether it is the first time.
func (s *Struct) mark(i int) bool {
	word := &s.seen
	if i >= 64 {
		if s.more == nil {
			return true // the decoder has failed already
		}
		word = &s.more[i/64-1]
	}
	bit := uint64(1) << (i % 64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	s.known++
	return true
}

func (s *Struct) checkMissing() {
	if s.known == len(s.fields) {
		return
	}
	for i, f := range s.fields {
		if f.Rule != Optional && s.mark(i) {
			s.d.failIn(f.Name, s.at, "missing required field")
			return
		}
	}
}

// open reads the head of an array or map and returns how many elements or
// entries follow, 0 after an error.
func (d *Decoder) open(want Major) int {
	at := d.off
	n, ok := d.expect(want)
	if !ok {
		return 0
	}
	count, err := countOf(at, Head{Major: want, Value: n}, uint64(len(d.b)-d.off))
	if err != nil {
		d.failWith(shift(err, 0))
		return 0
	}
	if d.depth == MaxDepth {
		d.failWith(tooDeep(at))
		return 0
	}
	d.depth++
	return count
}

// A List walks over the elements of a list.
type List struct {
	d    *Decoder
	i, n int // how many elements were begun, and of how many
}

// List begins a list whose elements take size bytes of memory each.
func (d *Decoder) List(size int) List {
	at := d.off
	l := List{d: d, n: d.open(Array)}
	if !d.charge(at, l.n, size) {
		l.n = 0
	}
	return l
}

// Len returns how many elements there are: room for as many may be made.
func (l *List) Len() int { return l.n }

// Next goes to the next element and reports whether there is one. The caller
// reads it before it calls Next again.
func (l *List) Next() bool {
	d := l.d
	if d.err != nil {
		if l.i > 0 {
			d.err.Path = under(indexStep(l.i-1), d.err.Path)
		}
		return false
	}
	if l.i == l.n {
		d.depth--
		return false
	}
	l.i++
	return true
}

// A Map walks over the entries of a map with text keys.
type Map struct {
	d    *Decoder
	i, n int // how many entries were begun, and of how many
	at   int // offset of the current key
	key  string
}

// Map begins a map whose values take size bytes of memory each.
func (d *Decoder) Map(size int) Map {
	at := d.off
	m := Map{d: d, n: d.open(Pairs)}
	if !d.charge(at, 1, mapMemory) || !d.charge(at, m.n, entryMemory(size)) {
		m.n = 0
	}
	return m
}

// entryMemory is what an entry takes in a Go map that is half full.
func entryMemory(size int) int { return 2 * (16 + (size+7)&^7) }

// Len returns how many entries there are: room for as many may be made.
func (m *Map) Len() int { return m.n }

// Next goes to the next entry, reads its key and reports whether there is one.
// The caller stores the value before it calls Next again, and passes how many
// entries the Go map has: if a key came twice, they are too few.
func (m *Map) Next(have int) bool {
	d := m.d
	if d.err != nil {
		if m.i > 0 {
			d.err.Path = under(keyStep(m.key), d.err.Path)
		}
		return false
	}
	if have < m.i {
		d.failIn(keyStep(m.key), m.at, "the key occurs twice")
		return false
	}
	if m.i == m.n {
		d.depth--
		return false
	}
	m.at = d.off
	key := d.Text()
	if d.err != nil {
		return false
	}
	m.i, m.key, d.key = m.i+1, key, key
	return true
}

// Key returns the key of the entry that Next went to. It is called before the
// value is read.
func (m *Map) Key() string { return m.d.key }

// UnknownVariant is the index of a variant that the schema does not declare.
const UnknownVariant = -1

// failedVariant is the index of a union that could not be read.
const failedVariant = -2

// A Union is the one entry of a map: the key says which variant it is, and the
// value follows.
type Union struct {
	d    *Decoder
	kind string
	i    int
}

// Union begins a union with the given variants, which are in the order of
// [CompareKeys]. Others are refused if it is closed.
func (d *Decoder) Union(variants []string, closed bool) Union {
	at := d.off
	u := Union{d: d, i: failedVariant}
	n := d.open(Pairs)
	if d.err == nil && n != 1 {
		d.fail(at, "a union is a map of one entry, not of %d", n)
	}
	keyAt := d.off
	key := d.text()
	if d.err != nil {
		return u
	}
	i, ok := findKey(variants, key)
	switch {
	case ok:
		u.kind, u.i = variants[i], i
	case closed:
		d.fail(keyAt, "%s is none of the declared variants %s", quote(string(key)), oneOf(variants))
	default:
		u.kind, u.i = string(key), UnknownVariant
	}
	return u
}

// Index returns the index of the variant or [UnknownVariant]. It is another
// number if there was an error.
func (u *Union) Index() int { return u.i }

// Kind returns the key.
func (u *Union) Kind() string { return u.kind }

// End ends the union. The value was read before.
func (u *Union) End() {
	d := u.d
	switch {
	case d.err == nil:
		d.depth--
	case u.i == UnknownVariant:
		d.err.Path = under(keyStep(u.kind), d.err.Path)
	case u.i >= 0:
		d.err.Path = under(u.kind, d.err.Path)
	}
}
