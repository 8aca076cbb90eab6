package codec

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestDates compares with package time every day of 1,600 years, in which all
// rules of the calendar occur, and every 97th of those up to 9999.
func TestDates(t *testing.T) {
	for i := 0; ; i++ {
		if i > 4*days400Years {
			i += 96
		}
		day := time.Unix(firstSecond+int64(i)*24*60*60, 0).UTC()
		if day.Unix() >= endSecond {
			return
		}
		year, month, date := day.Date()
		if y, m, d := dateOf(i); y != year || m != int(month) || d != date {
			t.Fatalf("day %d is %d-%d-%d, want %d-%d-%d", i, y, m, d, year, month, date)
		}
		if got := daysBefore(year, int(month), date); got != i {
			t.Fatalf("%v is day %d, want %d", day, got, i)
		}
		if next := day.AddDate(0, 0, 1); next.Month() != month && daysIn(year, int(month)) != date {
			t.Fatalf("%v is not the last day of its month", day)
		}
	}
}

// TestTimeText compares with package time what is written and what is read, also
// after one byte was changed.
func TestTimeText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 50_000 {
		at := time.Unix(firstSecond+random.Int64N(endSecond-firstSecond), 0)
		if i%3 > 0 {
			digits := []time.Duration{1, 1000, time.Millisecond, 100 * time.Millisecond}[i%4]
			at = at.Add(time.Duration(random.IntN(1_000_000_000)) / digits * digits)
		}
		text := appendTimeText(nil, at)
		if want := at.UTC().Format(time.RFC3339Nano); string(text) != want {
			t.Fatalf("%v is written %s, want %s", at.UTC(), text, want)
		}
		got, ok := parseUTC(text)
		if !ok || !got.Equal(at) || got.Location() != time.UTC {
			t.Fatalf("%s is read as %v, %v", text, got, ok)
		}
		text[random.IntN(len(text))] = "0123456789-:.,TZz+ "[random.IntN(19)]
		var want time.Time
		valid := looksLikeTime(text) && want.UnmarshalText(text) == nil
		if got, ok := parseUTC(text); ok && !(valid && got == want.UTC()) {
			t.Fatalf("%s is read as %v, want %v, %v", text, got, want, valid)
		} else if !ok && valid && text[len(text)-1] == 'Z' {
			t.Fatalf("%s is not read, it is %v", text, want)
		}
	}
	for _, edge := range []string{
		"0000-01-01T00:00:00Z", "0000-02-29T23:59:59Z", "9999-12-31T23:59:59.999999999Z", "1900-02-29T00:00:00Z", "2000-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2024-04-31T00:00:00Z", "2024-00-01T00:00:00Z", "2024-13-01T00:00:00Z",
		"2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.000000001Z", "2024-01-01T00:00:00", "", "Z",
	} {
		var want time.Time
		valid := looksLikeTime([]byte(edge)) && want.UnmarshalText([]byte(edge)) == nil
		if got, ok := parseUTC([]byte(edge)); ok != valid || ok && got != want.UTC() {
			t.Errorf("%q is read as %v, %v; want %v, %v", edge, got, ok, want, valid)
		}
	}
}
