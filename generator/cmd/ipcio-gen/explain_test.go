package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/schema"
)

// TestExplain proves that whatever code a report shows can be explained.
func TestExplain(t *testing.T) {
	codes := schema.Codes()
	for _, r := range schema.Rules() {
		codes = append(codes, r.ID)
	}
	for _, code := range codes {
		var out, text bytes.Buffer
		if status := run([]string{"explain", string(code)}, nil, &out, &text); status != exitFine || text.Len() > 0 {
			t.Errorf("explain %s: status %d: %s", code, status, text.String())
		}
		if lines := strings.Count(out.String(), "\n"); !strings.HasPrefix(out.String(), string(code)) || lines < 4 {
			t.Errorf("explain %s says in %d lines:\n%s", code, lines, out.String())
		}
	}
}
