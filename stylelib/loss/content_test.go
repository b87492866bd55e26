package loss

import (
	"testing"

	"github.com/gouache-art/gouache/stylelib/progress"
)

func TestContent(t *testing.T) {
	f := newFixture(t)
	got := f.evaluate(t, Content(f.content[0], 3))
	want := squaredDistance(f.features(t, f.x, "block2_conv1"), f.features(t, noise(2, height, width), "block2_conv1"))
	checkValue(t, got, progress.Term{Name: "content", Loss: want, Weighted: 3 * want})
}
