package stylelib

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/shirou/gopsutil/v4/mem"
)

// MemoryEstimate returns about how many bytes of memory it takes to paint a picture of the given size, weights and
// XLA's own needs included.
func MemoryEstimate(height, width int) int64 {
	return fixedBytes + int64(bytesPerPixel*float64(height)*float64(width))
}

// The figures of MemoryEstimate lie a little above the peak resident memory of whole processes with VGG19: 0.91 GB for
// 256×171 pixels, 1.50 GB for 512×341, 2.66 GB for 1024×683; VGG16 takes 0.1 GB less.
const (
	fixedBytes    = 1000 << 20
	bytesPerPixel = 2700
)

// LargestSquare returns the side of the largest square picture, in pixels, that can be painted in so much memory; zero
// if none can.
func LargestSquare(available int64) int {
	return min(MaxSize, int(math.Sqrt(max(0, float64(available-fixedBytes))/bytesPerPixel)))
}

// checkMemory refuses a job that the machine cannot hold, and says which size it could.
func (s *Studio) checkMemory(j Job) error {
	available, err := AvailableMemory()
	if err != nil || s.backend.Plugin().Device != "cpu" {
		return nil // unknown: a device's own allocator refuses in its own words
	}
	w, h := j.Content.FitLonger(j.Size)
	need := MemoryEstimate(h+2*j.Preset.Margin, w+2*j.Preset.Margin)
	if need <= available {
		return nil
	}
	largest := int(float64(j.Size) * math.Sqrt(max(0, float64(available-fixedBytes))/float64(need-fixedBytes)))
	largest = largest / 16 * 16
	if largest < MinSize {
		return fmt.Errorf("not enough memory: about %s is needed and %s is free: close other programs", humanize.Bytes(uint64(need)), humanize.Bytes(uint64(available)))
	}
	return fmt.Errorf("size %d does not fit into memory: about %s is needed and %s is free; the largest that would fit is %d",
		j.Size, humanize.Bytes(uint64(need)), humanize.Bytes(uint64(available)), largest)
}

// AvailableMemory returns how many bytes of memory new work can take: what the system calls available, or what is
// left of the container's limit, if that is less.
func AvailableMemory() (int64, error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, fmt.Errorf("reading the machine's memory: %w", err)
	}
	available := int64(v.Available)
	if limit, ok := readBytes("/sys/fs/cgroup/memory.max"); ok {
		if used, ok := readBytes("/sys/fs/cgroup/memory.current"); ok {
			available = min(available, max(0, limit-used))
		}
	}
	return available, nil
}

// readBytes reads a number from a file of a cgroup; "max", for no limit, is none.
func readBytes(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// roomForState tells whether there is room for a copy of the optimiser's memory: twenty-two vectors with so many
// elements, once on their way to a file and once in what writes it. Who interrupts a large painting is not to lose it
// for that.
func roomForState(elements int) bool {
	available, err := AvailableMemory()
	return err == nil && 2*22*4*int64(elements) < available
}
