package stylelib

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/diskcache"
	"github.com/gouache-art/gouache/internal/tensorfile"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// targetsVersion changes when a statistic, or a feature, is computed in another way: kept targets are then of no use.
// TestTargetsVersion fails where it should have changed.
const targetsVersion = 2

// keptTargetsLimit is the most that kept targets take, in bytes. Those of a painting of 512 pixels take some 40 MB, most
// of them the photograph's features.
const keptTargetsLimit = 512 << 20

// openKeptTargets returns the cache of targets in the user's cache folder, or nil where there can be none.
func openKeptTargets() *diskcache.Cache {
	folder, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	files, err := diskcache.New(filepath.Join(folder, "gouache", "targets"), ".safetensors", keptTargetsLimit)
	if err != nil {
		return nil
	}
	return files
}

// targetKey identifies targets by everything that they are computed from. Of is "content", or names a statistic and its cells.
func targetKey(net *vgg.Network, of string, layers []string, pictures []Style) string {
	h := sha256.New()
	fmt.Fprintln(h, net.Variant(), net.Side(), of, strings.Join(layers, ","))
	for _, p := range pictures {
		fmt.Fprintln(h, p.Weight)
		hashPicture(h, p.Picture)
	}
	return string(h.Sum(nil))
}

// keptKey identifies targets among those of all processes: by their key, the weights, the device, and the methods of
// convolution, on which they depend by rounding.
func (s *Studio) keptKey(net *vgg.Network, key string) diskcache.Key {
	h := sha256.New()
	fmt.Fprintln(h, targetsVersion, net.Name(), s.weights.SHA256, net.Precision(), s.backend.Identity(), s.tuner.Fingerprint())
	io.WriteString(h, key)
	return diskcache.Key(h.Sum(nil))
}

// keptOr returns targets that were kept, or else computes and keeps them.
func (s *Studio) keptOr(net *vgg.Network, key string, compute func() ([]loss.Target, error)) ([]loss.Target, error) {
	if s.kept == nil {
		return compute()
	}
	if data := s.kept.Get(s.keptKey(net, key)); data != nil {
		if list, err := readTargets(s.backend.XLA(), data); err == nil {
			return list, nil
		}
	}
	list, err := compute()
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if err := writeTargets(&file, list); err == nil {
		s.kept.Put(s.keptKey(net, key), file.Bytes()) // computing them may have chosen methods: the key is another one now
	}
	return list, nil
}

// keptTarget is what a target has besides its tensors.
type keptTarget struct {
	Layer    string  `json:"layer"`
	Cell     int     `json:"cell,omitempty"`
	Energy   float64 `json:"energy"`
	Spectrum bool    `json:"spectrum,omitempty"`
}

// keptTargetsKey is the metadata's key of the list of targets.
const keptTargetsKey = "targets"

// writeTargets writes targets without masks as a .safetensors file.
func writeTargets(w io.Writer, list []loss.Target) error {
	var heads []keptTarget
	var all []*tensors.Tensor
	for _, t := range list {
		heads = append(heads, keptTarget{t.Layer, t.Cell, t.Energy, t.Spectrum != nil})
		if all = append(all, t.Tensor); t.Spectrum != nil {
			all = append(all, t.Spectrum)
		}
	}
	text, err := json.Marshal(heads)
	if err != nil {
		return err
	}
	described := make([]tensorfile.Tensor, len(all))
	for i, t := range all {
		described[i] = tensorfile.Tensor{Name: fmt.Sprint(i), DType: "F32", Shape: t.Shape().Dimensions}
	}
	out, err := tensorfile.NewWriter(w, map[string]string{keptTargetsKey: string(text)}, described, true)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.DType() != dtypes.Float32 {
			return fmt.Errorf("a target of %s", t.DType())
		}
		numbers, err := toHost(t, "targets")
		if err == nil {
			err = tensorfile.WriteFloats(out, numbers)
		}
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// readTargets reads what writeTargets wrote, onto the device.
func readTargets(backend compute.Backend, data []byte) (list []loss.Target, err error) {
	in, err := tensorfile.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var heads []keptTarget
	if err := json.Unmarshal([]byte(in.Metadata[keptTargetsKey]), &heads); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			finalize(list)
			list = nil
		}
	}()
	next := func() (*tensors.Tensor, error) {
		t, data, err := in.Next()
		if err != nil {
			return nil, err
		}
		if t.DType != "F32" {
			return nil, errors.New("a target of " + t.DType)
		}
		return tensors.FromRaw(backend, 0, shapes.Make(dtypes.Float32, slices.Clone(t.Shape)...), data)
	}
	for _, h := range heads {
		t := loss.Target{Layer: h.Layer, Cell: h.Cell, Energy: h.Energy}
		if t.Tensor, err = next(); err != nil {
			return list, err
		}
		if h.Spectrum {
			if t.Spectrum, err = next(); err != nil {
				_ = t.Tensor.FinalizeAll()
				return list, err
			}
		}
		list = append(list, t)
	}
	return list, nil
}
