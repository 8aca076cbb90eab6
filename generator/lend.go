package generator

import "github.com/ipcio/ipcio-go/schema"

// findLending returns the payloads of which a handler is lent a part: those
// that hold, be it deep inside, a field with borrow.
func findLending(s *schema.Schema) map[*schema.Type]bool {
	holders := map[*schema.Type][]*schema.Type{} // by what they hold; nil: a payload
	var lending []*schema.Type
	var visit func(t, holder *schema.Type)
	visit = func(t, holder *schema.Type) {
		have, seen := holders[t]
		holders[t] = append(have, holder)
		if seen {
			return
		}
		for _, f := range t.Fields {
			if f.Borrow {
				lending = append(lending, t)
				break
			}
		}
		for _, e := range partsOf(t) {
			for e.Elem != nil {
				e = e.Elem
			}
			if e.Named != nil {
				visit(e.Named, t)
			}
		}
	}
	for _, c := range s.Commands {
		if c.Payload != nil {
			visit(c.Payload, nil)
		}
	}
	payloads, passed := map[*schema.Type]bool{}, map[*schema.Type]bool{}
	for len(lending) > 0 {
		t := lending[len(lending)-1]
		lending = lending[:len(lending)-1]
		if passed[t] {
			continue
		}
		passed[t] = true
		for _, h := range holders[t] {
			if h == nil {
				payloads[t] = true
			} else {
				lending = append(lending, h)
			}
		}
	}
	return payloads
}
