package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAudit(t *testing.T) {
	// handled makes a life; a negative number is marked as redelivered.
	handled := func(numbers ...int) []handling {
		var life []handling
		for _, n := range numbers {
			life = append(life, handling{number: max(n, -n), redelivered: n < 0})
		}
		return life
	}
	for _, tc := range []struct {
		name  string
		sent  []int
		lives [][]handling
		want  []string
	}{
		{"all well", []int{1, 2, 3, 4}, [][]handling{handled(1, 2), handled(3, 4)}, nil},
		{"again and said so", []int{1, 2, 3}, [][]handling{handled(1, 2), handled(-2, 3)}, nil},
		{"marked and not handled before", []int{1, 2, 3}, [][]handling{handled(1), handled(-2, 3)}, nil},
		{"a number was not sent, an Emit failed", []int{1, 3}, [][]handling{handled(1), handled(3)}, nil},
		{"missing", []int{1, 2, 3}, [][]handling{handled(1), handled(3)}, []string{"#2 was sent and never handled"}},
		{"out of order", []int{1, 2, 3}, [][]handling{handled(1, 3, 2)}, []string{"life 1 of the server handled #2 after #3"}},
		{"twice in one life", []int{1, 2}, [][]handling{handled(1, 2, -2)}, []string{"life 1 of the server handled #2 after #2"}},
		{"again and silent", []int{1, 2, 3}, [][]handling{handled(1, 2), handled(2, 3)},
			[]string{"life 2 of the server handled #2 again and did not say so"}},
		{"never sent", []int{1}, [][]handling{handled(1, 7)}, []string{"life 1 of the server handled #7, which was not sent"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, audit(tc.sent, tc.lives)); diff != "" {
				t.Errorf("audit (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	sent := parseSent([]string{
		"connected as example_client",
		`sent other_request_command: "other request data #1"`,
		`not sent other_request_command: "other request data #2"`,
		`other_response_command: "other response data"`,
		`sent example_request_command: "example request data #13"`,
	})
	if diff := cmp.Diff([]int{1, 13}, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	handled := parseHandled([]string{
		"serving s",
		`other_request_command from example_client: "other request data #1"`,
		`example_request_command from example_client: "example request data #13" (redelivered)`,
	})
	want := []handling{{number: 1}, {number: 13, redelivered: true}}
	if diff := cmp.Diff(want, handled, cmp.AllowUnexported(handling{})); diff != "" {
		t.Errorf("handled (-want +got):\n%s", diff)
	}
}
