package stylelib

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/stylelib/backend"
)

// MemoryEstimate returns about how many bytes of memory it takes to paint a picture of the given size in tiles of the
// given side, zero for whole, including the weights and XLA's own needs.
func MemoryEstimate(height, width, tile int) int64 {
	pixels := float64(height) * float64(width)
	if tile == 0 || max(height, width) <= tile {
		return fixedBytes + int64(bytesPerPixel*pixels)
	}
	window := float64(min(height, tile)) * float64(min(width, tile))
	return fixedBytes + int64(bytesPerWindowPixel*window+bytesPerTiledPixel*pixels)
}

// The estimates are a little above the peak resident memory of whole processes with VGG19: 0.91 GB
// for 256×171 pixels, 1.50 GB for 512×341, 2.66 GB for 1024×683. VGG16 takes 0.1 GB less.
const (
	fixedBytes    = 1000 << 20
	bytesPerPixel = 2700

	// Measured: 2.84 GB for 4096×3072 pixels in tiles of 512 and a margin of 16, with one of the five pairs that the
	// optimiser keeps in the end. Each pair is one more vector, of 12 bytes a pixel. What is kept between the network's
	// stages was added since, 48 bytes a pixel, and nearly as much again for the gradient.
	bytesPerWindowPixel = 2600
	bytesPerTiledPixel  = 230
)

// pixelsIn returns how many pixels a picture can have to fit into an amount of memory, in tiles of
// the given side, zero for whole.
func pixelsIn(available int64, tile int) float64 {
	free, each := float64(available)-fixedBytes, float64(bytesPerPixel)
	if tile > 0 {
		free, each = free-bytesPerWindowPixel*float64(tile*tile), bytesPerTiledPixel
	}
	return max(0, free) / each
}

// LargestSquare returns the side of the largest square picture, in pixels, that can be painted in an amount of memory,
// in tiles of the given side, zero for whole. It returns zero if none can.
func LargestSquare(available int64, tile int) int {
	return min(MaxSize, int(math.Sqrt(pixelsIn(available, tile))))
}

// tileSides are the sides that tiles can have, the largest first. Above 1024 pixels the margins cost little more.
var tileSides = []int{1280, 1024, 896, 768, 640, 512, 448, 384, 320, MinTile}

// tile returns the side of the tiles to compute a picture of the given size in, zero for whole,
// with available bytes of memory.
func (o Options) tile(height, width int, available int64) int {
	switch {
	case o.Tile == Whole:
		return 0
	case o.Tile > 0:
		return o.Tile
	case MemoryEstimate(height, width, 0) <= available:
		return 0
	}
	for _, side := range tileSides {
		if MemoryEstimate(height, width, side) <= available {
			return side
		}
	}
	return MinTile
}

// freeMemory returns how many bytes of memory the device's work can take. Where that is unknown
// there is no bound, as for a GPU, whose own allocator refuses.
func (s *Studio) freeMemory() int64 {
	available, err := AvailableMemory()
	if err != nil || s.backend.Plugin().Device != backend.CPU {
		return math.MaxInt64
	}
	return available
}

// memoryFor returns how much memory there is for a job, or an error of the kind ErrMemory if it is not enough.
func (s *Studio) memoryFor(j Job) (int64, error) {
	available := s.freeMemory()
	needed, largest := j.memory(s.options, available)
	if needed <= available {
		w, h := j.canvas()
		return available - j.matchingBytes(h, w), nil
	}
	what := fmt.Sprintf("size %d does not fit into memory: about %s is needed and %s is free",
		j.Size, format.Bytes(needed), format.Bytes(available))
	switch {
	case largest >= MinSize && s.options.Tile == Whole:
		what += fmt.Sprintf("; the largest that would fit is %d, or larger in tiles", largest)
	case largest >= MinSize:
		what += fmt.Sprintf("; the largest that would fit is %d", largest)
	default:
		what += ": close other programs"
	}
	return 0, ofKind(ErrMemory, errors.New(what))
}

// Memory returns about how many bytes of memory it takes to paint the job, with default options, on a CPU that has
// available bytes, and the largest size that would fit into them, a multiple of 16 pixels and at most MaxSize. Of the
// job's pictures it needs the sizes only. Its error is that of [Job.Check].
func (j Job) Memory(available int64) (needed int64, largest int, err error) {
	j, err = j.withDefaults()
	if err != nil {
		return 0, 0, ofKind(ErrJob, err)
	}
	needed, largest = j.memory(Options{}, available)
	return needed, largest, nil
}

// canvas returns the size of the picture that is optimised, in pixels.
func (j Job) canvas() (width, height int) {
	w, h := j.Content.FitLonger(j.Size)
	return w + 2*j.Preset.Margin, h + 2*j.Preset.Margin
}

// memory is Memory of a job that was checked.
func (j Job) memory(o Options, available int64) (needed int64, largest int) {
	w, h := j.canvas()
	matching := j.matchingBytes(h, w)
	needed = MemoryEstimate(h, w, o.tile(h, w, available-matching)) + matching
	tile := o.tile(MaxSize, MaxSize, available-matching) // which the largest needs
	most := math.Sqrt(pixelsIn(available-matching, tile)/float64(h*w)) * float64(j.Size)
	return needed, min(int(most)/16*16, MaxSize)
}

// TotalMemory returns how many bytes of memory the machine has, or its container may use, whichever is less.
func TotalMemory() (int64, error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, fmt.Errorf("reading the machine's memory: %w", err)
	}
	total := int64(v.Total)
	if limit, err := cgroupMemory("max"); err == nil {
		total = min(total, limit)
	}
	return total, nil
}

// cgroupMemory reads a number about the container's memory. It returns an error also for "max", which means no limit.
func cgroupMemory(name string) (int64, error) {
	text, err := os.ReadFile("/sys/fs/cgroup/memory." + name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// AvailableMemory returns how many bytes of memory new work can take: what the system reports as
// available, or what is left of the container's limit, whichever is less.
func AvailableMemory() (int64, error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, fmt.Errorf("reading the machine's memory: %w", err)
	}
	available := int64(v.Available)
	limit, err := cgroupMemory("max")
	used, usedErr := cgroupMemory("current")
	if err == nil && usedErr == nil {
		available = min(available, max(0, limit-used))
	}
	return available, nil
}
