package picture

import (
	"encoding/base64"
	"fmt"
	"testing"
)

// Files of 32×16 pixels that Pillow 13.0.0 wrote: red, white, black and blue from the top left to the bottom right.
const (
	webpLossy    = "UklGRkgAAABXRUJQVlA4IDwAAACQAgCdASogABAAAUAmJaACnTY3+AfiAAorDkzAAAD+9Bnz+f5p/gaBH/94cfrjB///UNESV/vf6I/8OgA="
	webpLossless = "UklGRkAAAABXRUJQVlA4TDQAAAAvH8ADAB8gECCcGPG/ZUMgQAg0ropAgDDm1an5D+DPlAFBts0kJznJA1wgov9RpfoD2LYf"
	// The right half is transparent, with an alpha of 100.
	webpAlpha = "UklGRnYAAABXRUJQVlA4WAoAAAAQAAAAHwAADwAAQUxQSBQAAAABD/Cy/4iIIBBI8pceYIGI/gf1AlZQOCA8AAAAkAIAnQEqIAAQAAFAJiWgAp02N/gH4gAKKw5MwAAA/vQZ8/n+af4GgR//eHH64wf//1DRElf73+iP/DoA"
	// The EXIF orientation is 6.
	webpTurned = "UklGRnwAAABXRUJQVlA4WAoAAAAIAAAAHwAADwAAVlA4IDwAAACQAgCdASogABAAAUAmJaACnTY3+AfiAAorDkzAAAD+9Bnz+f5p/gaBH/94cfrjB///UNESV/vf6I/8OgBFWElGGgAAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA"
	webpMoving = "UklGRuAAAABXRUJQVlA4WAoAAAACAAAAHwAADwAAQU5JTQYAAAAAAAAAAABBTk1GVgAAAAAAAAAAAB8AAA8AAAAAAAJWUDggPgAAALABAJ0BKiAAEAACwEwloAADXxQWyQAA/tiQPzJh/6St3//z0z/1E+2/f//xgQxL/7l+B/uv+a//4H4zAAAAQU5NRlYAAAAAAAAAAAAfAAAPAAAAAAAAVlA4ID4AAAC0AQCdASogABAAAAAATCWgAAWxVhyY0AD+8PRv//gk7+rQ2//+fmf/AH+AI9sluNb/89a9e93/nf/j/xkAAAA="
)

// webpPixels are what Pillow reads at (5, 3), (26, 3), (5, 12) and (26, 12) of the lossy file.
var webpPixels = [][4]float32{{202, 28, 60, 255}, {253, 255, 255, 255}, {0, 0, 0, 255}, {22, 89, 221, 255}}

// TestWebP compares with what Pillow reads, by libwebp. Its arithmetic is in integers, so that a level of difference
// is allowed.
func TestWebP(t *testing.T) {
	exact := [][4]float32{{200, 30, 60, 255}, {255, 255, 255, 255}, {0, 0, 0, 255}, {20, 90, 220, 255}}
	clear := func(c [4]float32) [4]float32 { return [4]float32{c[0], c[1], c[2], 100} }
	alpha := [][4]float32{webpPixels[0], clear(webpPixels[1]), webpPixels[2], clear(webpPixels[3])}
	for name, c := range map[string]struct {
		file      string
		want      [][4]float32
		tolerance float32
	}{
		"lossy":    {webpLossy, webpPixels, 1},
		"lossless": {webpLossless, exact, 0},
		"alpha":    {webpAlpha, alpha, 1},
	} {
		file, err := base64.StdEncoding.DecodeString(c.file)
		if err != nil {
			t.Fatal(err)
		}
		p := mustDecode(t, file)
		if p.Width != 32 || p.Height != 16 || (p.Alpha != nil) != (name == "alpha") {
			t.Errorf("%s: %d×%d pixels, alpha %v", name, p.Width, p.Height, p.Alpha)
		}
		for i, at := range [][2]int{{5, 3}, {26, 3}, {5, 12}, {26, 12}} {
			near(t, fmt.Sprintf("%s, pixel %d", name, i), pixel(p, at[0], at[1]), c.want[i], c.tolerance)
		}
	}
}
