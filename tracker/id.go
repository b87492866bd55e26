package tracker

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// idLetters are Crockford's base 32 in lower case, without the letters that are mistaken for others. They are in
// ASCII's order, so that ids sort as the numbers they stand for.
const idLetters = "0123456789abcdefghjkmnpqrstvwxyz"

// An id is 7 letters of the second when the run began, which last until the year 3058, and 5 random ones: a store
// in which a hundred runs begin in one second meets the same id twice with odds of 1 to 6,800, and then draws again.
const (
	idTimeLetters   = 7
	idRandomLetters = 5
	idLength        = idTimeLetters + idRandomLetters
)

// NewID makes an id for a run that begins at a time. Ids sort by that time, and their beginnings may be used for
// them where they are unique; see [Reader.Find].
func NewID(at time.Time) string {
	var random [8]byte
	rand.Read(random[:]) // never fails, says crypto/rand
	n := uint64(at.Unix())<<(5*idRandomLetters) | binary.LittleEndian.Uint64(random[:])&(1<<(5*idRandomLetters)-1)
	var id [idLength]byte
	for i := range id {
		id[idLength-1-i] = idLetters[n&31]
		n >>= 5
	}
	return string(id[:])
}

// CanonicalID brings the beginning of an id, as a person types it, into the form that ids have: lower case, and the
// digits that o, i and l are mistaken for. It returns an error of CodeInvalid if no id begins like that.
func CanonicalID(text string) (string, error) {
	id := strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(text))
	if id == "" || len(id) > idLength || strings.Trim(id, idLetters) != "" {
		return "", Errorf(CodeInvalid, "%q is no run: its id is %d letters and digits, of which the first few are enough", text, idLength)
	}
	return id, nil
}
