package small

func pick(a, b int, c bool) (n int, ok bool) {
	if c && a < b {
		n = a + 1
		return n, a <= b
	}
	for n < 3 {
		n++
	}
	switch {
	case a == 0 ||
		b == 0:
		note(n - 1)
	}
	return n, false
}

func note(int) {}
