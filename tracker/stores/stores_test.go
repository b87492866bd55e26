package stores

import (
	"errors"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// TestPlace: a name means the same whether it is typed or in the variable.
func TestPlace(t *testing.T) {
	t.Setenv("HOME", "/home")
	for _, c := range []struct{ named, variable, data, want string }{
		{"", "/store", "/data", "/store"},
		{"/named", "/store", "/data", "/named"},
		{"/named", "none", "/data", "/named"},
		{"~/named", "", "", "/home/named"},
		{"", "~/named", "", "/home/named"},
		{"", "~", "", "/home"},
		{"", "~other/x", "", "~other/x"},
		{"./file:///srv", "", "", "./file:///srv"},
		{"", "", "/data", "/data/gouache"},
		{"", "", "relative", "/home/.local/share/gouache"},
		{"", "", "", "/home/.local/share/gouache"},
	} {
		t.Setenv(Variable, c.variable)
		t.Setenv("XDG_DATA_HOME", c.data)
		if got, err := Place(c.named); err != nil || got != c.want {
			t.Errorf("%+v: %s (%v)", c, got, err)
		}
	}
	for _, c := range []struct{ named, variable string }{{"none", ""}, {"", "none"}, {"none", "/store"}} {
		t.Setenv(Variable, c.variable)
		if got, err := Place(c.named); !errors.Is(err, ErrNone) {
			t.Errorf("%+v: %s (%v)", c, got, err)
		}
	}
	for _, c := range []struct{ named, variable string }{{"-", ""}, {"", "-"}, {"postgresq://me:secret@host/x", ""}, {"", "file:///srv"}} {
		t.Setenv(Variable, c.variable)
		if got, err := Place(c.named); tracker.ErrorCode(err) != tracker.CodeInvalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %s (%v)", c, got, err)
		}
	}
}

// TestNoDatabases: a program without package databases says which import opens the store.
func TestNoDatabases(t *testing.T) {
	for _, place := range []string{"postgres://me:hunter2@db/art", "postgresql://db/art"} {
		store, err := Open(t.Context(), place, Options{})
		if store != nil || tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), `import _ "github.com/gouache-art/gouache/tracker/stores/databases"`) {
			t.Errorf("%s: %v, %v", place, store, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error has the password: %v", err)
		}
	}
}
