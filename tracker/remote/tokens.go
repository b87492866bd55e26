package remote

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gofrs/flock"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/serving"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/tracker"
)

// Tokens are the tokens by which a server knows people. They are in a file of the person who serves, and not in the
// store: a store is data, which may come from anybody, and must not say who may read and change it.
//
// The file has the SHA-256 of each token, and no token: one has 128 random bits, so that nobody finds it by trying.
type Tokens struct {
	Path string // of the file
}

// Token is what the file has of a token.
type Token struct {
	Name     string    `json:"name"`   // of the person
	Writes   bool      `json:"writes"` // else it may only read
	SHA256   string    `json:"sha256"`
	IssuedAt time.Time `json:"issued_at"`
}

// tokenFile is the content of the file.
type tokenFile struct {
	Tokens []Token `json:"tokens"`
}

// maxTokens bounds the file, in bytes.
const maxTokens = 1 << 20

// isPersonName reports whether a person can have a name, which stands on judgements, in logs and in tables. (As a regular
// expression the letters of all alphabets took 4 ms and 2.5 MB at the start of every command.)
func isPersonName(name string) bool {
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
	first, _ := utf8.DecodeRuneInString(name)
	strange := func(r rune) bool { return !inWord(r) && !strings.ContainsRune(" ._@-", r) }
	return inWord(first) && utf8.ValidString(name) && utf8.RuneCountInString(name) <= 64 && !strings.ContainsFunc(name, strange) &&
		!strings.HasSuffix(name, " ")
}

// Add makes a token for a person and returns it. It cannot be had again. The error has CodeInvalid for a name that nobody
// can have, and CodeConflict for one that somebody has.
func (t Tokens) Add(name string, writes bool) (token string, err error) {
	if !isPersonName(name) {
		return "", tracker.Errorf(tracker.CodeInvalid, "the name %q: it has 1 to 64 letters and digits, also blanks . _ @ and - inside", name)
	}
	token = rand.Text()
	err = t.change(func(f *tokenFile) error {
		if f.index(name) >= 0 {
			return tracker.Errorf(tracker.CodeConflict, "%s has a token: revoke it first, or choose another name", name)
		}
		f.Tokens = append(f.Tokens, Token{Name: name, Writes: writes, SHA256: hashOf(token), IssuedAt: tracker.StoredTime(time.Now())})
		return nil
	})
	return token, err
}

// List returns the tokens in the order in which they were added.
func (t Tokens) List() ([]Token, error) {
	f, err := t.read()
	return f.Tokens, err
}

// Revoke removes a person's token. A server refuses it from its next request on. The error has CodeNotFound if the person
// has none.
func (t Tokens) Revoke(name string) error {
	return t.change(func(f *tokenFile) error {
		i := f.index(name)
		if i < 0 {
			var names []string
			for _, token := range f.Tokens {
				names = append(names, token.Name)
			}
			return tracker.Errorf(tracker.CodeNotFound, "%w", suggest.Unknown("person", name, names))
		}
		f.Tokens = slices.Delete(f.Tokens, i, i+1)
		return nil
	})
}

// whose returns the token that has a text, or nil. It compares all of them, each in constant time.
func (t Tokens) whose(text string) (found *Token, err error) {
	f, err := t.read()
	if err != nil {
		return nil, err
	}
	hash := []byte(hashOf(text))
	for i := range f.Tokens {
		if subtle.ConstantTimeCompare([]byte(f.Tokens[i].SHA256), hash) == 1 {
			found = &f.Tokens[i]
		}
	}
	return found, nil
}

// Admit returns what admits the requests that have a token. log receives what their senders are not shown.
func (t Tokens) Admit(log *slog.Logger) Admit {
	return func(r *http.Request, writes bool) (string, int, error) {
		text := serving.Bearer(r)
		if text == "" {
			return "", http.StatusUnauthorized, errors.New("this server asks for a token: who serves makes one with gouache tokens add")
		}
		token, err := t.whose(text)
		switch {
		case err != nil:
			log.Error("looking for a token", "error", err)
			return "", http.StatusServiceUnavailable, errors.New("the server cannot read its tokens: its log says why")
		case token == nil:
			log.Warn("a token that is unknown or revoked", "from", r.RemoteAddr)
			return "", http.StatusUnauthorized, errors.New("the token is unknown to this server, or revoked: who serves makes another one with gouache tokens add")
		case writes && !token.Writes:
			return "", http.StatusForbidden, fmt.Errorf("the token of %s may only read", token.Name)
		}
		return token.Name, 0, nil
	}
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (f *tokenFile) index(name string) int {
	return slices.IndexFunc(f.Tokens, func(t Token) bool { return strings.EqualFold(t.Name, name) })
}

// read reads the file. One that is not there has no tokens. Each request reads it, which takes 20 µs, so that what was
// revoked is refused at once.
func (t Tokens) read() (f tokenFile, err error) {
	file, err := os.Open(t.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, tracker.Errorf(tracker.CodeUnavailable, "the file of tokens: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return f, tracker.Errorf(tracker.CodeUnavailable, "the file of tokens: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return f, tracker.Errorf(tracker.CodeUnavailable, "others may write to the file of tokens %s: chmod 600 it, and look who has one", t.Path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxTokens))
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		return tokenFile{}, tracker.Errorf(tracker.CodeUnavailable, "the file of tokens %s is damaged (%w): remove it, and add the tokens again", t.Path, err)
	}
	return f, nil
}

// change changes the file while no other process does.
func (t Tokens) change(do func(*tokenFile) error) error {
	unusable := func(err error) error {
		return tracker.Errorf(tracker.CodeUnavailable, "the file of tokens %s: %w", t.Path, err)
	}
	if err := os.MkdirAll(filepath.Dir(t.Path), 0o700); err != nil {
		return unusable(err)
	}
	lock := flock.New(t.Path+".lock", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return unusable(err)
	}
	defer lock.Unlock()
	f, err := t.read()
	if err != nil {
		return err
	}
	if err := do(&f); err != nil {
		return err
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	// A file that is replaced keeps its permissions, so a new one begins with those that it is to have.
	if file, err := os.OpenFile(t.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		if _, err := file.WriteString("{}"); err != nil {
			return unusable(err)
		}
		file.Close()
	}
	if err := atomicfile.WriteFile(t.Path, append(data, '\n')); err != nil {
		return unusable(err)
	}
	return nil
}
