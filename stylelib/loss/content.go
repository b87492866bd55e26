package loss

import (
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

const contentName = "content"

func init() {
	Register(Component{
		Name:   contentName,
		Usage:  "how much the photograph's content matters",
		Weight: func(p *Preset) *float64 { return &p.ContentWeight },
		Layers: func(p Preset) []string { return p.ContentLayers },
		Terms:  contentTerms,
	})
}

// Content is the squared distance of a layer's features to the target's, Σ(F−P)² (Gatys et al.
// 2016, equation 1, without its factor ½). With a mask M it is ΣM(F−P)².
func Content(target Target, weight float64) Term {
	return target.term(Term{
		Name:   contentName,
		kind:   contentName,
		Weight: weight,
		Sums: func(in *Inputs) []*graph.Node {
			squares := graph.Square(graph.Sub(in.Feature(target.Layer), in.TargetFeature(0, target.Layer)))
			return []*graph.Node{graph.ReduceAllSum(weighted(squares, target.mask(in)))}
		},
		Of: func(_ *Inputs, sums []*graph.Node) *graph.Node { return sums[0] },
	})
}

// contentTerms returns one term for each layer that has a share.
func contentTerms(p Preset, s Scene) []Term {
	shares, _ := Shares(p.ContentShares) // the preset was checked
	var terms []Term
	for i, t := range s.ContentTargets {
		term := Content(t, p.ContentWeight)
		switch p.Normalization {
		case Relative:
			term.Scale = relative(t, len(p.ContentLayers))
		case Means:
			term.Scale = 1 / float64(t.Tensor.Size())
		case Standardized:
			unit := s.Network.Unit()
			term.Scale = 1 / (float64(t.Tensor.Size()) * unit * unit)
		case Sums:
			term.Scale = 0.5
		}
		switch {
		case shares == nil:
		case shares[i] == 0:
			continue
		default:
			term.Scale *= shares[i] * float64(len(shares))
		}
		terms = append(terms, term)
	}
	return terms
}

// ContentTargets returns the features of a picture at the named layers.
func ContentTargets(net *vgg.Network, picture *tensors.Tensor, layers ...string) ([]Target, error) {
	d := picture.Shape().Dimensions
	targets := make([]Target, len(layers))
	if len(layers) == 0 {
		return targets, nil
	}
	build := func(pass *vgg.Pass, window *vgg.Window, _ []*graph.Node) []*graph.Node {
		var out []*graph.Node
		for _, name := range layers {
			own := window.Own(pass.Feature(name), name)
			out = append(out, own, sumOfSquares(own))
		}
		return out
	}
	err := net.ComputeTiles(picture, "content "+strings.Join(layers, " "), layers, build, func(tile vgg.Tile, out []*tensors.Tensor) error {
		for i, name := range layers {
			targets[i].Layer = name
			energy, err := toHost(out[2*i+1])
			if err != nil {
				return err
			}
			targets[i].Energy += float64(energy[0])
			if targets[i].Tensor, err = net.Assemble(targets[i].Tensor, out[2*i], name, tile, d[1], d[2]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return targets, nil
}
