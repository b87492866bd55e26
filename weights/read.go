package weights

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gouache-art/gouache/internal/fetch"
)

// ReadFile reads VGG16 or VGG19 from a file, whatever its name. A file that the catalogue knows by its checksum gets
// its name and licence from there. Errors name the file, the layer, and what was expected.
func ReadFile(path string) (*Set, error) {
	set, sums, err := readAndSum(path)
	if err != nil {
		return nil, err
	}
	if e, ok := known(sums); ok {
		set.describe(e)
	}
	return set, nil
}

// readAndSum reads a file and its checksums at the same time, which saves 0.16 s for VGG19's 80 MB.
func readAndSum(path string) (*Set, fetch.Checksums, error) {
	// The file's kind first: to sum up a pipe would wait for ever.
	if _, err := beginning(path); err != nil {
		return nil, fetch.Checksums{}, err
	}
	var sums fetch.Checksums
	var sumErr error
	var summed sync.WaitGroup
	summed.Go(func() { sums, sumErr = fetch.Sum(path) })
	set, err := read(path)
	summed.Wait()
	if err := cmp.Or(err, sumErr); err != nil {
		return nil, sums, err
	}
	set.SHA256 = sums.SHA256
	return set, sums, nil
}

func read(path string) (set *Set, err error) {
	c, _, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	set, err = assemble(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	set.Name, set.Path = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), path
	return set, nil
}

// assemble makes a set of what is in a file.
func assemble(c Container) (*Set, error) {
	r := recognise(c)
	a, err := r.network()
	if err != nil {
		return nil, err
	}
	set := &Set{
		Network: a.name,
		Layers:  a.layers(),
		Layout:  r.layout,
	}
	if r.layout == layoutGouache {
		metadata := c.Metadata()
		set.Source, set.License = metadata[keySource], metadata[keyLicense]
	}
	for i := range set.Layers {
		l := &set.Layers[i]
		p := r.byLayer[l.Name]
		if l.Kernel, err = readTensor(c, p.kernel); err != nil {
			return nil, fmt.Errorf("kernel of layer %s: %w", l.Name, err)
		}
		if l.Bias, err = readTensor(c, p.bias); err != nil {
			return nil, fmt.Errorf("bias of layer %s: %w", l.Name, err)
		}
	}
	return set, nil
}

// readTensor reads a tensor whose shape has been checked already, so that its size is bounded.
func readTensor(c Container, i int) ([]float32, error) {
	values, err := c.Read(i)
	if err != nil {
		return nil, err
	}
	for n, v := range values {
		if v64 := float64(v); math.IsNaN(v64) || math.IsInf(v64, 0) {
			return nil, fmt.Errorf("number %d is %v: the file is damaged", n, v)
		}
	}
	return values, nil
}

// describe takes over what the catalogue says.
func (s *Set) describe(e Entry) {
	s.Name, s.Source, s.License = e.Name, e.Source.String(), e.License
}
