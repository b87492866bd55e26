package tracker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/imagefile"
)

// The roles of pictures in a style transfer. Any other name may be a role too.
const (
	RoleContent  = "content"
	RoleStyle    = "style"
	RoleRegion   = "region" // a mask of where the style with the same step is painted
	RolePart     = "part"   // a mask of what counts of the style with the same step
	RoleProtect  = "protect"
	RoleStrokes  = "strokes"
	RoleInit     = "init"
	RoleSnapshot = "snapshot"
	RoleResult   = "result"
)

// RoleKept is the role of pictures that a trial keeps for the other trials of its sweep. When the trial is deleted, the first
// one that stays has them.
const RoleKept = "sweep"

// InputRoles are the roles of the pictures that a painting is made from.
var InputRoles = []string{RoleContent, RoleStyle, RoleRegion, RolePart, RoleProtect, RoleStrokes, RoleInit}

// Picture is a picture of a run. Role, step and name together identify it among the run's pictures.
type Picture struct {
	Role   string `json:"role"`
	Step   int64  `json:"step"`
	Name   string `json:"name,omitempty"`
	Source string `json:"source,omitempty"` // where it was read from
	// Hash is the SHA-256 of the file, in 64 hexadecimal digits. It names the picture in the store.
	Hash   string    `json:"hash"`
	Bytes  int64     `json:"bytes"`
	Format string    `json:"format"` // png, jpeg, gif, webp, tiff, heic or avif
	Width  int       `json:"width"`  // pixels
	Height int       `json:"height"`
	At     time.Time `json:"at"`
}

// NewPicture is a picture to add: a whole file.
type NewPicture struct {
	Role   string `json:"role"`
	Step   int64  `json:"step,omitempty"`
	Name   string `json:"name,omitempty"` // any text, for example a file's name
	Source string `json:"source,omitempty"`
	Data   []byte `json:"-"` // PNG, JPEG, GIF, WebP, TIFF, HEIC or AVIF; at most MaxPicture bytes
}

// MaxPicture is the size of the largest file that is kept, in bytes.
const MaxPicture = 1 << 30

// Describe returns the picture that the file becomes, added at a time, or an error of CodeInvalid
// for a file that cannot be kept. Its name is NameFrom the given one. A source that cannot be kept as it is, is left out.
func (n NewPicture) Describe(at time.Time) (Picture, error) {
	p := Picture{Role: n.Role, Step: n.Step, Name: NameFrom(n.Name), Source: n.Source, Bytes: int64(len(n.Data)), At: at}
	if checkText("source", n.Source, maxText) != nil {
		p.Source = ""
	}
	if err := n.check(); err != nil {
		return p, err
	}
	header, err := imagefile.Inspect(n.Data)
	if err != nil {
		return p, Errorf(CodeInvalid, "picture %s %w", n.Role, err)
	}
	sum := sha256.Sum256(n.Data)
	p.Hash, p.Format, p.Width, p.Height = hex.EncodeToString(sum[:]), header.Format, header.Width, header.Height
	return p, nil
}

// check refuses roles and steps that cannot be kept, and files that are too large.
func (n NewPicture) check() error {
	return cmp.Or(
		checkName("role", n.Role),
		invalidIf(n.Step < 0, "picture %s at step %d: steps are 0 or more", n.Role, n.Step),
		invalidIf(len(n.Data) > MaxPicture, "picture %s has %d bytes: at most %d are kept", n.Role, len(n.Data), MaxPicture),
	)
}

// CheckHash returns an error of CodeInvalid for a string that is not a picture's hash.
func CheckHash(hash string) error {
	bad := len(hash) != 2*sha256.Size || strings.Trim(hash, "0123456789abcdef") != ""
	return invalidIf(bad, "%.80q is no picture: a hash is 64 hexadecimal digits", hash)
}
