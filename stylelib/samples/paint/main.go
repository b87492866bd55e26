// Command paint paints the style pictures of the package samples and writes them to its folder pictures; go generate
// runs it there.
//
// Each picture is one file of this package, after which it is named, on top of a few tools: noise, geometry, colour, and
// a medium each for oil (brush.go), prints (impression.go) and watercolour (wash.go). Lengths are pixels of the finished
// picture throughout; the canvas is finer and averaged in the end.
//
// The same program paints the same pixels, from seeds of its own. That is exact where float64 arithmetic is: compilers
// for arm64 and others, and for amd64 with GOAMD64=v3, may multiply and add in one rounding, and may so change a pixel
// by a level. Beside the pictures, painted.sha256 holds the sums of their pixels as painted on amd64, before they were
// compressed; the test compares with those, so that program and files do not drift apart.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"os"
	"path/filepath"
	"sync"
)

const (
	pageWidth  = 640
	pageHeight = 512
	quality    = 92 // of the JPEG files: strokes stay crisp, and each is below 300 kB
)

// A painting is a picture by its name. Paint paints it.
type painting struct {
	name  string
	paint func() *image.RGBA
}

var paintings = []painting{{"swirl", swirl}, {"woodcut", woodcut}, {"glass", glass}, {"watercolour", watercolour}}

func main() {
	log.SetFlags(0)
	if err := paintAll("pictures"); err != nil {
		log.Fatal(err)
	}
}

// paintAll writes all paintings into a folder that exists, and the sums of their pixels.
func paintAll(folder string) error {
	painted := make([]*image.RGBA, len(paintings))
	var wait sync.WaitGroup
	for i, p := range paintings {
		wait.Go(func() { painted[i] = p.paint() })
	}
	wait.Wait()
	var sums bytes.Buffer
	for i, p := range paintings {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, painted[i], &jpeg.Options{Quality: quality}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, p.name+".jpg"), file.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n", sum(painted[i]), p.name)
	}
	return os.WriteFile(filepath.Join(folder, "painted.sha256"), sums.Bytes(), 0o644)
}

// sum returns the SHA-256 of the pixels, in hexadecimal.
func sum(m *image.RGBA) string { return fmt.Sprintf("%x", sha256.Sum256(m.Pix)) }
