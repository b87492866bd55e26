// Package hostiletest makes stores that do harm, for the tests of everything that reads one: with
// hostile text in every column of text, with values of the wrong kind or size in every column, and
// with flipped bytes.
//
//	store := hostiletest.Texts(t)
//	... show the store in store.Dir ...
//	for _, what := range hostiletest.Raw(hostiletest.HTML, output) {
//		t.Error(what)
//	}
package hostiletest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// Store is a store in a folder of its own. No process has it open.
type Store struct {
	Dir      string
	Runs     []string // the ids of runs that can be asked for
	Sweeps   []string // names of sweeps that can be asked for
	Pictures []string // hashes of pictures that were whole
}

// Database is the path of the store's database.
func (s *Store) Database() string { return filepath.Join(s.Dir, "gouache.db") }

// sound is the store that the others are copied from, as it is in memory: made once, since each
// transaction syncs the disk.
var sound = sync.OnceValues(func() (*soundStore, error) {
	dir, err := os.MkdirTemp("", "gouache-hostile-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	made, err := makeSound(context.Background(), dir)
	if err != nil {
		return nil, err
	}
	made.files = map[string][]byte{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			made.files[path], err = os.ReadFile(filepath.Join(dir, path))
		}
		return err
	})
	return made, err
})

type soundStore struct {
	Store
	files map[string][]byte
}

// Sound makes a store in which nothing is wrong: a sweep of three trials that were rated, of which
// one is finished, one failed and one was interrupted and has a checkpoint; a run that another
// machine works on, and its worker; and the memory of a run that was deleted.
func Sound(t testing.TB) *Store {
	t.Helper()
	from, err := sound()
	if err != nil {
		t.Fatal(err)
	}
	return from.write(t)
}

func (s *soundStore) write(t testing.TB) *Store {
	t.Helper()
	made := s.Store
	made.Dir = filepath.Join(t.TempDir(), "store")
	for path, data := range s.files {
		path = filepath.Join(made.Dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, data, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	return &made
}

// Bytes returns the store's database.
func (s *Store) Bytes(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(s.Database())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Write replaces the store's database, removes what was beside it, and brings back pictures and
// checkpoints that are missing. So one folder serves for hundreds of databases.
func (s *Store) Write(t testing.TB, database []byte) {
	t.Helper()
	from, err := sound()
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range from.files {
		path = filepath.Join(s.Dir, path)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, end := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(s.Database() + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.Database(), database, 0o666); err != nil {
		t.Fatal(err)
	}
}

// SweepFile is the file of the sweep in every store.
const SweepFile = "name: weights\nexperiment: night\ncontent: sample:chelsea\nstyle: sample:swirl\nsampler: grid\n" +
	"search:\n  style_weight: [1, 10, 100]\n"

func makeSound(ctx context.Context, dir string) (*soundStore, error) {
	db, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	s := &soundStore{Store: Store{Sweeps: []string{"weights"}}}
	_, err = db.CreateSweep(ctx, tracker.Sweep{Name: "weights", Experiment: "night", Text: SweepFile, Dir: "/pictures", Trials: 3, Rated: true})
	if err != nil {
		return nil, err
	}
	for trial, status := range []tracker.Status{tracker.StatusFinished, tracker.StatusFailed, tracker.StatusInterrupted, tracker.StatusRunning} {
		id, pictures, err := makeRun(ctx, db, trial, status)
		if err != nil {
			return nil, err
		}
		s.Runs, s.Pictures = append(s.Runs, id), append(s.Pictures, pictures...)
	}
	for _, right := range s.Runs[1:3] {
		if _, err := db.AddJudgement(ctx, tracker.Judgement{Left: s.Runs[0], Right: right, Verdict: tracker.LeftBetter, Rater: "me"}); err != nil {
			return nil, err
		}
	}
	if _, err := db.SeeWorker(ctx, tracker.Worker{Process: elsewhere, Device: "cpu", Run: s.Runs[3]}); err != nil {
		return nil, err
	}
	gone, err := db.CreateRun(ctx, tracker.NewRun{})
	if err == nil {
		err = db.FinishRun(ctx, gone.Claim(), tracker.Outcome{Status: tracker.StatusFailed})
	}
	if err == nil {
		_, err = db.DeleteRuns(ctx, []string{gone.ID}, tracker.DeleteOptions{})
	}
	return s, errors.Join(err, db.Close(), os.Remove(filepath.Join(dir, "reserve")))
}

// elsewhere is a process on a machine that cannot be asked.
var elsewhere = tracker.Process{Host: "elsewhere", PID: 7, Boot: "boot", StartedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}

// makeRun adds a run with everything that a run may have.
func makeRun(ctx context.Context, db *sqlite.DB, number int, status tracker.Status) (id string, pictures []string, err error) {
	seed := int64(number)
	n := tracker.NewRun{
		Name: fmt.Sprint("run ", number), Experiment: "night", Tags: []string{"bold", "good"}, Note: "The sky is too green.\nAgain.",
		Params: tracker.Params{
			"preset": "gouache", "pooling": "avg", "size": 64, "style_weight": float64(10 * number), "content_weight": 0.5, "texture_only": false, "seed": number,
		},
		Provenance: tracker.Provenance{
			Version: "v1.0.0", Commit: "0123456789ab", Command: []string{"gouache", "stylize", "--content", "a.png"}, Dir: "/home/me", Go: "go1.26",
			Platform: "linux/amd64", XLA: "pjrt", Device: "cpu", Network: "vgg19", Weights: "vgg19", WeightsSHA256: "00ff", Seed: &seed, PeakMemory: 1 << 30,
		},
	}
	if status == tracker.StatusRunning {
		n.Process = elsewhere
	} else {
		n.Sweep, n.Trial = "weights", number+1
	}
	run, err := db.CreateRun(ctx, n)
	if err != nil {
		return "", nil, err
	}
	var series []tracker.Series
	for k, name := range []string{"content", "style", "total", tracker.Unweighted("content"), tracker.Unweighted("style")} {
		s := tracker.Series{Name: name}
		for step := range int64(600) { // more than one chunk
			s.Points = append(s.Points, tracker.Point{Step: step, Value: float64(k+1) / float64(step+1)})
		}
		series = append(series, s)
	}
	if err := db.AppendPoints(ctx, run.Claim(), series); err != nil {
		return "", nil, err
	}
	for k, role := range []string{tracker.RoleContent, tracker.RoleStyle, tracker.RoleSnapshot, tracker.RoleSnapshot, tracker.RoleResult} {
		p, err := db.AddPicture(ctx, run.Claim(), tracker.NewPicture{Role: role, Step: int64(k), Name: role + ".png", Source: role + ".png", Data: Picture(10*number + k)})
		if err != nil {
			return "", nil, err
		}
		pictures = append(pictures, p.Hash)
	}
	if _, err := db.AddFile(ctx, run.Claim(), tracker.NewFile{Name: "logs/out.txt", Data: fmt.Appendln(nil, "run", number)}); err != nil {
		return "", nil, err
	}
	rating := 1 + number
	if _, err := db.UpdateRun(ctx, run.ID, tracker.Update{Rating: &rating}); err != nil {
		return "", nil, err
	}
	if status == tracker.StatusInterrupted {
		err = db.SaveCheckpoint(ctx, run.Claim(), func(w io.Writer) error { _, err := io.WriteString(w, "a checkpoint"); return err })
	}
	if err == nil && status != tracker.StatusRunning {
		err = db.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: status, Reason: "so it ended"})
	}
	return run.ID, pictures, err
}

// Picture returns a small PNG. Each number gives another.
func Picture(n int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for i := range m.Pix {
		m.Pix[i] = uint8(i*(n+1)) | 0x0f
	}
	m.Set(0, 0, color.RGBA{uint8(n), uint8(n >> 8), 0, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

// Exec runs statements on the store's database as an attacker would: without checks, keys and
// rules, and with a schema that can be written to. A statement's arguments follow it.
func (s *Store) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	s.change(t, func(tx *sql.Conn) error {
		_, err := tx.ExecContext(t.Context(), statement, args...)
		return err
	})
}

// change calls f with a connection without checks. Afterwards there is no WAL.
func (s *Store) change(t testing.TB, f func(*sql.Conn) error) {
	t.Helper()
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(s.Database()), RawQuery: "_foreign_keys=0&_ignore_check_constraints=1&_synchronous=0&_writable_schema=1"}
	pool, err := sql.Open("sqlite3", source.String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(t.Context())
	if err == nil {
		err = errors.Join(f(conn), conn.Close())
	}
	if err := errors.Join(err, pool.Close()); err != nil {
		t.Fatal(err)
	}
}

// Flip changes one to eight bytes of a database. They are near each other, as those of a damaged
// block are, and half of all are in a page's head or among the places of its cells.
func Flip(data []byte, random *rand.Rand) {
	const page = 4096
	at := random.IntN(len(data))
	if random.IntN(2) == 0 { // a page's head, and the places of its cells; the first begins with the database's
		at = at/page*page + random.IntN(64)
	}
	for data[at] == 0 && random.IntN(20) > 0 { // much of a database is zero, and what is there is never read
		at = (at + 1) % len(data)
	}
	for range 1 + random.IntN(8) {
		switch random.IntN(3) {
		case 0:
			data[at] ^= 1 << random.IntN(8)
		case 1:
			data[at] = uint8(random.IntN(256))
		default:
			data[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[random.IntN(5)]
		}
		at = (at + random.IntN(4)) % len(data)
	}
}
