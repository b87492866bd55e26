package sqlite

import "testing"

func TestUserStore(t *testing.T) {
	for _, c := range []struct{ store, data, want string }{
		{"/store", "/data", "/store"},
		{"", "/data", "/data/gouache"},
		{"", "relative", "/home/.local/share/gouache"},
		{"", "", "/home/.local/share/gouache"},
	} {
		t.Setenv(StoreVariable, c.store)
		t.Setenv("XDG_DATA_HOME", c.data)
		t.Setenv("HOME", "/home")
		if got, err := UserStore(); err != nil || got != c.want {
			t.Errorf("%+v: %s (%v)", c, got, err)
		}
	}
}
