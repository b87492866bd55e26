package export

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

func page(t testing.TB, reader tracker.Reader, ids []string, o GalleryOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Gallery(context.Background(), &b, reader, ids, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// embeddedPicture is a picture in a page.
type embeddedPicture struct {
	id, mime string
	data     []byte
}

var pictureInPage = regexp.MustCompile(`<img id="([^"]+)"[^>]* src="data:([^;]+);base64,([^"]+)">`)

func picturesIn(t testing.TB, html string) []embeddedPicture {
	t.Helper()
	var list []embeddedPicture
	for _, m := range pictureInPage.FindAllStringSubmatch(html, -1) {
		data, err := base64.StdEncoding.DecodeString(m[3])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, embeddedPicture{m[1], m[2], data})
	}
	return list
}

// TestGallery checks the pictures of a page: each is embedded once, and results are the original
// files.
func TestGallery(t *testing.T) {
	db, _ := openStore(t)
	html := page(t, db, fill(t, db), GalleryOptions{Version: "v9"})
	pictures := picturesIn(t, html)
	if len(pictures) != 4 || strings.Count(html, ";base64,") != 4 {
		t.Fatalf("%d pictures, want the result, the snapshot of the run that has none, content and style", len(pictures))
	}
	for i, n := range []int{3, 4} {
		if !bytes.Equal(pictures[i].data, trackertest.Picture(t, n)) || pictures[i].mime != "image/png" || !strings.HasPrefix(pictures[i].id, "p-") {
			t.Errorf("picture %d is a %s of %d bytes, and not the run's file", i, pictures[i].mime, len(pictures[i].data))
		}
	}
	for _, text := range []string{
		`Content-Security-Policy" content="default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-`, `>The same picture as tübingen</a>`, `>No picture</p>`, `<title>night</title>`, `Made by Gouache v9.`, `4 runs · 3 November 2026`,
		`<code>gouache stylize --content &#39;my cat&#39;&#34;&#39;&#34;&#39;s.jpg&#39;</code>`, `aria-label="4 of 5 stars"`, `<span class="status running">`,
	} {
		if !strings.Contains(html, text) {
			t.Errorf("the page does not have %s", text)
		}
	}
	if n := strings.Count(html, `href="#`+pictures[2].id+`"`); n != 2 {
		t.Errorf("%d cards refer to the content picture, want 2", n)
	}
}

// A gallery names the command that paints a run again, as pages do, and otherwise the one that made it.
func TestGalleryAgain(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	html := page(t, db, ids, GalleryOptions{Again: func(run *tracker.Run) string {
		if run.ID != ids[0] {
			return ""
		}
		return "gouache runs again " + run.ID
	}})
	if again, made := strings.Count(html, "<code>gouache runs again "+ids[0]+"</code>"), strings.Count(html, "<code>gouache stylize "); again != 1 || made != 0 {
		t.Errorf("%d commands paint a run again, and %d are those that made it", again, made)
	}
}

// TestGalleryHostile checks that no text becomes markup, and that the page refers to no other
// address.
func TestGalleryHostile(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	name := hostileName
	if _, err := db.UpdateRun(t.Context(), ids[0], tracker.Update{Name: &name}); err != nil {
		t.Fatal(err) // now the same name is also that of a picture that is shared
	}
	html := page(t, db, ids, GalleryOptions{Title: "</title>" + hostileName, Version: "<b>"})
	for _, bad := range []string{"<script>alert", "</script><b>", "alert(\"1\")", "<!--"} {
		if strings.Contains(html, bad) {
			t.Errorf("%s got into the page", bad)
		}
	}
	if n := strings.Count(html, "</script>"); n != 2 {
		t.Errorf("%d scripts end, want the data and the page's own", n)
	}
	if found := regexp.MustCompile(`(?i)(?:src|href|action|url\()\s*=?\s*["']?(https?:|//)`).FindString(html); found != "" {
		t.Errorf("the page names another place: %s", found)
	}
	var data []searchable
	_, rest, _ := strings.Cut(html, `id="data">`)
	text, _, _ := strings.Cut(rest, "</script>")
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatal(err)
	}
	if len(data) != 4 || data[1].Name != hostileName || !strings.Contains(data[1].Text, hostileNote) || data[2].Values["final.total"] != nil {
		t.Errorf("the data for the script are %+v", data)
	}
}

// counting is a store that counts the pictures that are open at once.
type counting struct {
	tracker.Reader
	open, most, opened int
}

type countedFile struct {
	io.ReadSeekCloser
	of *counting
}

func (c *counting) OpenPicture(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	file, err := c.Reader.OpenPicture(ctx, hash)
	if err == nil {
		c.open++
		c.opened++
		c.most = max(c.most, c.open)
	}
	return countedFile{file, c}, err
}

func (f countedFile) Close() error {
	f.of.open--
	return f.ReadSeekCloser.Close()
}

func TestGalleryOnePictureAtATime(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	for _, longer := range []int{0, 4} {
		c := &counting{Reader: db}
		page(t, c, ids, GalleryOptions{LongerSide: longer})
		if c.open != 0 || c.most != 1 || c.opened != 4 {
			t.Errorf("%d pictures were opened, %d at once, and %d stayed open", c.opened, c.most, c.open)
		}
	}
}

// TestGalleryLost makes a gallery of a store that has lost a result and an input that two runs
// share.
func TestGalleryLost(t *testing.T) {
	db, dir := openStore(t)
	ids := fill(t, db)
	whole := picturesIn(t, page(t, db, ids, GalleryOptions{}))
	for _, p := range []embeddedPicture{whole[0], whole[2]} {
		hash := p.id[2:]
		if err := os.Remove(filepath.Join(dir, "blobs", hash[:2], hash)); err != nil {
			t.Fatal(err)
		}
	}
	var warnings []string
	html := page(t, db, ids, GalleryOptions{Warn: func(err error) { warnings = append(warnings, err.Error()) }})
	if n := len(picturesIn(t, html)); n != len(whole)-2 {
		t.Errorf("%d pictures are left of %d", n, len(whole))
	}
	if n := strings.Count(html, "This picture is not shown: there is no picture "); n != 3 || len(warnings) != 3 {
		t.Errorf("the page says %d times that a picture is missing, and the warnings are %q", n, warnings)
	}
	if !strings.HasPrefix(warnings[0], "tübingen, picture result is not shown: there is no picture ") {
		t.Errorf("the warning is %q", warnings[0])
	}
}

func TestGalleryLongerSide(t *testing.T) {
	db, _ := openStore(t)
	photo := sample(t, "rocket.jpg")
	large := encodePNG(t, decode(t, photo))
	id := add(t, db, made{
		NewRun: tracker.NewRun{Inputs: []tracker.NewPicture{
			{Role: tracker.RoleContent, Name: "rocket.jpg", Data: photo},
			{Role: tracker.RoleInit, Name: "small.png", Data: trackertest.Picture(t, 1)},
		}},
		pictures: []tracker.NewPicture{{Role: tracker.RoleResult, Data: large}},
	})
	for _, c := range []struct {
		longer, result, content int
		mime                    string
	}{{0, 640, 640, "image/png"}, {100, 100, 100, "image/jpeg"}, {5000, 640, 640, "image/jpeg"}} {
		pictures := picturesIn(t, page(t, db, []string{id}, GalleryOptions{LongerSide: c.longer}))
		var got []string
		for _, p := range pictures {
			got = append(got, fmt.Sprint(p.mime, " ", decode(t, p.data).Bounds().Dx()))
		}
		want := []string{fmt.Sprint(c.mime, " ", c.result), fmt.Sprint("image/jpeg ", c.content), "image/png 8"} // as a JPEG that one would be larger
		if !slices.Equal(got, want) {
			t.Errorf("bounded to %d: %q, want %q", c.longer, got, want)
		}
		if c.longer == 5000 && len(pictures[0].data) > len(large)/2 {
			t.Errorf("the JPEG takes %d bytes, the PNG %d", len(pictures[0].data), len(large))
		}
	}
	if err := Gallery(t.Context(), io.Discard, db, []string{id}, GalleryOptions{LongerSide: -1}); tracker.ErrorCode(err) != tracker.CodeInvalid {
		t.Errorf("a negative bound: %v", err)
	}
}
