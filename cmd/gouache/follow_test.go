package main

import "testing"

// TestFollowAddresses: none means the same in a flag and in its variable, and an empty variable is none that is set.
func TestFollowAddresses(t *testing.T) {
	for _, c := range []struct{ flag, variable, want string }{
		{"", "", ""},
		{"", "https://a.example", "https://a.example"},
		{"https://b.example", "https://a.example", "https://b.example"},
		{"https://b.example", "none", "https://b.example"},
		{"none", "https://a.example", ""},
		{"", "none", ""},
	} {
		t.Setenv(notifyVariable, c.variable)
		t.Setenv(forwardVariable, c.variable)
		f := followFlags{notify: c.flag, forward: c.flag}
		if notify, forward := f.addresses(); notify != c.want || forward != c.want {
			t.Errorf("%+v: %q and %q", c, notify, forward)
		}
	}
	t.Setenv(notifyVariable, "none")
	t.Setenv(forwardVariable, "none")
	if err := (&followFlags{}).check(); err != nil {
		t.Error(err)
	}
}
