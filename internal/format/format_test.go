package format

import (
	"math"
	"testing"
	"time"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		v              any
		exact, rounded string
	}{
		{nil, "–", "–"},
		{int64(1234567), "1234567", "1234567"},
		{"max", "max", "max"},
		{true, "true", "true"},
		{0., "0", "0"},
		{1., "1", "1"},
		{1. / 3, "0.3333333333333333", "0.3333"},
		{-12345.6, "-12345.6", "-12346"},
		{12344.5, "12344.5", "12344"}, // to even
		{999999.7, "999999.7", "1000000"},
		{1234567., "1.234567e+06", "1.235e6"},
		{1e300, "1e+300", "1e300"},
		{1e-7, "1e-07", "1e-7"},
		{-2.5e-12, "-2.5e-12", "-2.5e-12"},
		{math.Inf(1), "+Inf", "+Inf"},
		{math.NaN(), "NaN", "NaN"},
	} {
		if got := Value(c.v); got != c.exact {
			t.Errorf("%v is %q, want %q", c.v, got, c.exact)
		}
		if got := Rounded(c.v, 4); got != c.rounded {
			t.Errorf("%v rounded is %q, want %q", c.v, got, c.rounded)
		}
	}
	if got := Rounded(1234.56, 5); got != "1234.6" {
		t.Errorf("with five digits: %q", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "–", 0: "0.0 s", 850 * time.Millisecond: "0.8 s", 42 * time.Second: "42 s", 200 * time.Second: "3 min 20 s",
		180 * time.Second: "3 min", 125 * time.Minute: "2 h 5 min", 75 * time.Hour: "3 days 3 h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%d ns is %q, want %q", d, got, want)
		}
	}
}

func TestCountsAndSizes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0, "run", "runs"), "0 runs"},
		{Count(1, "run", "runs"), "1 run"},
		{Count(int64(12345), "point", "points"), "12,345 points"},
		{Bytes(int64(-1)), "0 B"},
		{Bytes(uint64(83_000_000)), "83 MB"},
		{Progress(12_000_000, 83_000_000), "12 MB of 83 MB"},
		{Stars(0), ""},
		{Stars(3), "★★★☆☆"},
		{Stars(7), "★★★★★"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
