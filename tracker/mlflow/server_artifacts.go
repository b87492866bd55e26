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

	"github.com/gouache-art/gouache/internal/imagefile"
	"github.com/gouache-art/gouache/internal/serving"
	"github.com/gouache-art/gouache/tracker"
)

// artifactSource begins the source of a picture that a client sent; the picture's path among the artifacts follows.
const artifactSource = artifactScheme + ":/"

// file is a picture of a run, or another file, with its path among the artifacts.
type file struct {
	path, hash string
	bytes      int64
	kind       string // its media type
	step       int64  // of a picture
	at         time.Time
}

// files returns the pictures and the other files of a run by their paths, sorted. Of several with one path it has the last.
func files(pictures []tracker.Picture, others []tracker.File) []file {
	var list []file
	for _, p := range pictures {
		name, sent := strings.CutPrefix(p.Source, artifactSource)
		if !sent || tracker.CheckFileName(name) != nil {
			name = imageName(&p) + "." + p.Format
		}
		list = append(list, file{name, p.Hash, p.Bytes, "image/" + p.Format, p.Step, p.At})
	}
	for _, f := range others {
		list = append(list, file{f.Name, f.Hash, f.Bytes, otherKind, 0, f.At})
	}
	slices.SortStableFunc(list, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.path, b.path), b.at.Compare(a.at), cmp.Compare(b.step, a.step))
	})
	return slices.CompactFunc(list, func(a, b file) bool { return a.path == b.path })
}

// otherKind is the media type by which files are sent that are no pictures. They may be anybody's pages, which no browser
// shall show.
const otherKind = "application/octet-stream"

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
			entry.Size = integer(f.bytes)
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
	if err != nil {
		return nil, err
	}
	others, err := s.store.Files(ctx, id)
	return files(pictures, others), err
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

// runAndPath returns the run and the path below it that a request names. MLflow's client puts names into addresses as they
// are, so that of a name with a ? only what precedes it would arrive in the path. It cuts off what follows a # itself.
func (s *Handler) runAndPath(r *http.Request) (id, name string, err error) {
	id, name, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, artifactsPath+"/"), "/")
	if r.URL.RawQuery != "" {
		return id, name, invalid("the path %.80q of an artifact: MLflow's client sends no ? in a path; choose another name", name+"?"+r.URL.RawQuery)
	}
	return id, name, tracker.CheckFileName(name)
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
	data, err := s.store.OpenPicture(r.Context(), list[i].hash)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(serving.Grace + serving.Pace(list[i].bytes)))
	w.Header().Set("Content-Type", list[i].kind)
	w.Header().Set("Content-Length", strconv.FormatInt(list[i].bytes, 10))
	if list[i].kind == otherKind {
		w.Header().Set("Content-Disposition", "attachment")
	}
	if _, err := io.Copy(w, data); err != nil {
		panic(http.ErrAbortHandler) // the answer has begun
	}
	return nil, nil
}

// putArtifact keeps a picture, or another file. The small copies that log_image makes for MLflow's pages are not kept: the pages of a store
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
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(serving.Grace + serving.Pace(size)))
	body := http.MaxBytesReader(w, r.Body, maxArtifact)
	if logged.MatchString(name) && strings.HasSuffix(name, smallSuffix) {
		if _, err := io.Copy(io.Discard, body); err != nil { // a client that is cut off does not read why
			return nil, broken(err)
		}
		arrived(w)
		return nothing{}, nil
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
	kind := r.Header.Get("Content-Type")
	if tracker.CheckMediaType(kind) != nil {
		kind = "" // the store says which it is
	}
	return nothing{}, s.addArtifact(r.Context(), id, name, kind, data)
}

// addArtifact adds a picture to a run if the name and the content are those of one, and else another file.
func (s *Handler) addArtifact(ctx context.Context, id, name, kind string, data []byte) error {
	defer s.lock(id)()
	r, err := s.run(ctx, id)
	if err != nil {
		return err
	}
	claim := r.Claim() // artifacts may be added after the end
	if r.Status == tracker.StatusRunning {
		if claim, err = s.claim(ctx, r); err != nil {
			return err
		}
	}
	if _, err := imagefile.Inspect(data); err == nil && isPicture(name) {
		return s.addPicture(ctx, claim, name, data)
	}
	_, err = s.store.AddFile(ctx, claim, tracker.NewFile{Name: name, Type: kind, Data: data})
	return err
}

// addPicture adds a picture to a run. One that is sent again under its path is a later step, as is one that has the key and
// the step of another under a name of its own. The run is locked.
func (s *Handler) addPicture(ctx context.Context, claim tracker.Claim, name string, data []byte) error {
	id := claim.Run
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
