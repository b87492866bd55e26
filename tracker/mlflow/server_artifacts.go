package mlflow

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// artifactSource begins the source of a picture that a client sent; the picture's path among the artifacts follows.
const artifactSource = artifactScheme + ":/"

// file is a picture of a run with its path among the artifacts.
type file struct {
	path string
	tracker.Picture
}

// files returns the pictures of a run by their paths, sorted. Of several with one path it has the last.
func files(pictures []tracker.Picture) []file {
	var list []file
	for _, p := range pictures {
		name, sent := strings.CutPrefix(p.Source, artifactSource)
		if !sent || checkPath(name) != nil {
			name = imageName(&p) + "." + p.Format
		}
		list = append(list, file{name, p})
	}
	slices.SortStableFunc(list, func(a, b file) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(b.Step, a.Step)) })
	return slices.CompactFunc(list, func(a, b file) bool { return a.path == b.path })
}

// checkPath refuses paths that no artifact has.
func checkPath(name string) error {
	if name == "" || len(name) > 500 || !terminal.IsLine(name) || path.Clean("/"+name) != "/"+name {
		return invalid("the path %.80q of an artifact: it is a file below the run, of at most 500 printable bytes", name)
	}
	return nil
}

// inFolder lists the files and the folders of a folder, "" for the outermost.
func inFolder(list []file, folder string) []artifact {
	entries := []artifact{}
	for _, f := range list {
		rest := f.path
		if folder != "" {
			var below bool
			if rest, below = strings.CutPrefix(f.path, folder+"/"); !below {
				continue
			}
		}
		name, _, isDir := strings.Cut(rest, "/")
		entry := artifact{Path: path.Join(folder, name), IsDir: isDir}
		if !isDir {
			entry.Size = integer(f.Bytes)
		}
		if n := len(entries); n == 0 || entries[n-1] != entry || !isDir {
			entries = append(entries, entry)
		}
	}
	return entries
}

// artifactsOf returns the artifacts of a run.
func (s *Handler) artifactsOf(ctx context.Context, id string) ([]file, error) {
	if _, err := s.run(ctx, id); err != nil {
		return nil, err
	}
	pictures, err := s.store.Pictures(ctx, id, tracker.PictureQuery{})
	return files(pictures), err
}

// listArtifacts lists a folder of a run, with paths below the run.
func (s *Handler) listArtifacts(ctx context.Context, query url.Values) (any, error) {
	id := cmp.Or(query.Get("run_id"), query.Get("run_uuid"))
	list, err := s.artifactsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	part, next, err := page(inFolder(list, strings.Trim(query.Get("path"), "/")), query.Get("page_token"), usualRuns)
	return struct {
		Root  string     `json:"root_uri"`
		Files []artifact `json:"files"`
		Next  string     `json:"next_page_token,omitempty"`
	}{artifactSource + id, part, next}, err
}

// listFolder lists a folder whose path begins with the id of a run, with the names in it.
func (s *Handler) listFolder(ctx context.Context, query url.Values) (any, error) {
	id, folder, _ := strings.Cut(strings.Trim(query.Get("path"), "/"), "/")
	list, err := s.artifactsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	entries := inFolder(list, folder)
	for i := range entries {
		entries[i].Path = path.Base(entries[i].Path)
	}
	return struct {
		Files []artifact `json:"files"`
	}{entries}, nil
}

// artifactEndpoint returns what answers a request for artifacts.
func artifactEndpoint(r *http.Request) endpoint {
	switch {
	case r.URL.Path == artifactsPath && r.Method == http.MethodGet:
		return get((*Handler).listFolder)
	case r.Method == http.MethodGet:
		return endpoint{false, (*Handler).sendArtifact}
	case r.Method == http.MethodPut:
		return endpoint{true, (*Handler).putArtifact}
	}
	return endpoint{true, (*Handler).unsupported}
}

// runAndPath returns the run and the path below it that a request names.
func (s *Handler) runAndPath(r *http.Request) (id, name string, err error) {
	id, name, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, artifactsPath+"/"), "/")
	return id, name, checkPath(name)
}

func (s *Handler) sendArtifact(w http.ResponseWriter, r *http.Request) (any, error) {
	id, name, err := s.runAndPath(r)
	if err != nil {
		return nil, err
	}
	list, err := s.artifactsOf(r.Context(), id)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(f file) bool { return f.path == name })
	if i < 0 {
		return nil, refuse(http.StatusNotFound, codeMissing, "run %s has no artifact %q", id, name)
	}
	data, err := s.store.OpenPicture(r.Context(), list[i].Hash)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(transferTime(list[i].Bytes)))
	w.Header().Set("Content-Type", "image/"+list[i].Format)
	w.Header().Set("Content-Length", strconv.FormatInt(list[i].Bytes, 10))
	if _, err := io.Copy(w, data); err != nil {
		panic(http.ErrAbortHandler) // the answer has begun
	}
	return nil, nil
}

// transferTime returns the time that a transfer may take, by its size in bytes.
func transferTime(size int64) time.Duration {
	return grace + time.Duration(size/minRate)*time.Second
}

// putArtifact keeps a picture. The small copies that log_image makes for MLflow's pages are not kept: the pages of a store
// make their own.
func (s *Handler) putArtifact(w http.ResponseWriter, r *http.Request) (any, error) {
	id, name, err := s.runAndPath(r)
	if err != nil {
		return nil, err
	}
	size := r.ContentLength
	if size < 0 || size > maxArtifact {
		size = maxArtifact
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(transferTime(size)))
	body := http.MaxBytesReader(w, r.Body, maxArtifact)
	small := logged.MatchString(name) && strings.HasSuffix(name, smallSuffix)
	if small || !isPicture(name) {
		if _, err := io.Copy(io.Discard, body); err != nil { // a client that is cut off does not read why
			return nil, broken(err)
		}
		arrived(w)
		if small {
			return nothing{}, nil
		}
		return nil, refuse(http.StatusNotImplemented, codeUnsupported, "%.200s is not kept: Gouache keeps pictures as artifacts, and no other files", name)
	}
	if err := s.memory.Acquire(r.Context(), size); err != nil {
		return nil, err
	}
	defer s.memory.Release(size)
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, broken(err)
	}
	arrived(w)
	return nothing{}, s.addPicture(r.Context(), id, name, data)
}

// addPicture adds a picture to a run. One that is sent again under its path is a later step, as is one that has the key and
// the step of another under a name of its own.
func (s *Handler) addPicture(ctx context.Context, id, name string, data []byte) error {
	defer s.lock(id)()
	r, err := s.run(ctx, id)
	if err != nil {
		return err
	}
	claim := r.Claim() // pictures may be added after the end
	if r.Status == tracker.StatusRunning {
		if claim, err = s.claim(ctx, r); err != nil {
			return err
		}
	}
	before, err := s.store.Pictures(ctx, id, tracker.PictureQuery{})
	if err != nil {
		return err
	}
	if len(before) >= maxFiles {
		return invalid("run %s has %d pictures: no more are taken from MLflow's clients", id, len(before))
	}
	n := picture(name, data, time.Time{}).NewPicture
	n.Role, n.Source = tracker.NearestName(n.Role), artifactSource+name
	described, err := n.Describe(time.Time{})
	if err != nil {
		return err
	}
	var same *tracker.Picture // the last one that was sent under the path
	for i, p := range before {
		if p.Source == n.Source {
			same = &before[i]
		}
		if logged.MatchString(name) && p.Role == n.Role && p.Step == n.Step && p.Name == described.Name && p.Hash != described.Hash {
			n.Name = cmp.Or(n.Name, n.Role) + " " + described.Hash[:8]
		}
	}
	switch {
	case same != nil && same.Hash == described.Hash:
		return nil // it was sent again
	case same != nil && !logged.MatchString(name):
		n.Step = same.Step + 1
	}
	_, err = s.store.AddPicture(ctx, claim, n)
	return err
}
