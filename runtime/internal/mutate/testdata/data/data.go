package data

import (
	"fmt"
	"strings"
	"sync"
)

type kind string

type point struct {
	x, y  int
	name  string
	title string
	kind  kind
	mu    sync.Mutex
	rest  [4]int
}

const limit = 1 << 10

var table = map[string]kind{"a": "b"}

func (p *point) text(bits int) (string, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest[1] = p.x
	q := &p.y
	p.title = strings.ToUpper(fmt.Sprint(p.name, "n", *q))
	list := append([]string{"z"}, p.title)
	var n int64 = 7
	return strings.Join(list, ", "), n + 1<<bits
}
