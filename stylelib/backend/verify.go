package backend

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/fetch"
)

// verify returns an error unless the plugin is the user's choice, or the one that Install installs. Its 200 MB take
// 0.1 s and more, so that what was verified is noted in the user's cache folder, for this file, unchanged, in this version.
// (NVIDIA's libraries beside CUDA's plugin are verified by pip when they are installed.)
func (p Plugin) verify() error {
	if p.Chosen {
		return nil
	}
	b := findBuild(p.Device)
	if b == nil || b.sums.SHA256 == "" {
		return p.unknown(errors.New("no checksum is known for this platform"))
	}
	note, content := p.note(b.sums)
	if noted, err := os.ReadFile(note); err == nil && content != "" && string(noted) == content {
		return nil
	}
	if err := fetch.Verify(p.Path, b.sums); err != nil {
		return p.unknown(err)
	}
	if content != "" { // without a note, it is verified the next time, too
		_ = os.MkdirAll(filepath.Dir(note), 0o777)
		_ = atomicfile.Write(note, func(w io.Writer) error { _, err := io.WriteString(w, content); return err })
	}
	return nil
}

func (p Plugin) unknown(why error) error {
	mend := "run `gouache doctor --fix`"
	if p.Device == CUDA {
		mend = "give --device cuda once, which installs that one (some gigabytes), or --device cpu"
	}
	return fmt.Errorf("XLA's plugin %s is not loaded, because it is not the one that Gouache knows: %w; %s, "+
		"or, to use it at your own risk, set %s=%s", p.Path, why, mend, pathVariable, filepath.Dir(p.Path))
}

// note returns where it is noted that the plugin was verified, and what. The content is empty if it cannot be noted.
func (p Plugin) note(sums fetch.Checksums) (path, content string) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", ""
	}
	var is unix.Stat_t
	if err := unix.Stat(p.Path, &is); err != nil {
		return "", ""
	}
	version := "unknown"
	if build, ok := debug.ReadBuildInfo(); ok {
		version = build.Main.Version
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" {
				version += " " + s.Value
			}
		}
	}
	name := sha256.Sum256([]byte(p.Path))
	// Who alters a file cannot set back the time of its last change, ctime.
	return filepath.Join(cache, "gouache", "plugins", hex.EncodeToString(name[:16])),
		fmt.Sprintf("%s\nSHA-256 %s\nfile %d of device %d, %d bytes, changed at %d.%09d\nverified by Gouache %s\n",
			p.Path, sums.SHA256, is.Ino, is.Dev, is.Size, is.Ctim.Sec, is.Ctim.Nsec, version)
}
