package loss

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

const toneName = "tone"

// toneBlur is the standard deviation of the blur in [Tone], as a share of the picture's longer side.
const toneBlur = 1.0 / 90

// plainTone is how much a plain place counts in [Tone], beside one of mean detail. With all places alike, a weight that
// keeps a face takes the strokes out of the sky: its energy at 20 pixels of 256 is 0.18 of the painting's.
const plainTone = 0.05

func init() {
	Register(Component{
		Name:   toneName,
		Usage:  "how much the photograph's light and dark matter, blurred, in the painting's colours",
		Weight: func(p *Preset) *float64 { return &p.ToneWeight },
		Terms: func(p Preset, s Scene) []Term {
			if p.ToneWeight == 0 {
				return nil
			}
			tone := Tone(*s.Tone, p.ToneWeight)
			tone.Scale = 1 / s.Tone.Energy
			return []Term{tone}
		},
	})
}

// Tone is the mean squared difference of a blurred picture to a blurred one that it is compared with, in squares of grey
// levels, where places count by the detail that the latter has there. It keeps what is light and what is dark, and their
// colours, where the photograph has eyes and edges, and leaves everything finer than the blur, and skies and walls, to
// the style. Features of a deep layer hold the content's lines, so that they cost strokes; this costs none.
func Tone(target ToneTarget, weight float64) Term {
	return Term{
		Name:    toneName,
		kind:    toneName,
		Weight:  weight,
		Targets: []*tensors.Tensor{target.picture, target.down, target.across, target.detail},
		Loss: func(in *Inputs) *graph.Node {
			// In 32-bit numbers the products are exact to 1e-6 of the largest grey level.
			squares := graph.Square(graph.Sub(blurred(in.Picture(), in.Target(1), in.Target(2)), in.Target(0)))
			return graph.ReduceAllMean(graph.Mul(squares, graph.BroadcastToDims(in.Target(3), squares.Shape().Dimensions...)))
		},
	}
}

// blurred returns a picture [1, h, w, 3] blurred and sampled: [m, n, 3] for down, [m, h], and across, [n, w].
func blurred(picture, down, across *graph.Node) *graph.Node {
	d := picture.Shape().Dimensions
	m, n := down.Shape().Dimensions[0], across.Shape().Dimensions[0]
	rows := graph.Reshape(matmul(down, lines(picture)), m, d[2], 3)
	sampled := graph.Dot(across, rows).EinsumAxes([][2]int{{1, 1}}, nil) // [n, m, 3]
	sampled.AssertDims(n, m, 3)
	return graph.TransposeAllAxes(sampled, 1, 0, 2)
}

// ToneTarget is what [Tone] compares with.
type ToneTarget struct {
	picture      *tensors.Tensor // blurred and sampled, [m, n, 3]
	detail       *tensors.Tensor // how much each place counts, 1 in the mean, [m, n, 1]
	down, across *tensors.Tensor // the blur's matrices, [m, height] and [n, width]
	// Energy is the mean of the variances of the picture's channels, in squares of grey levels.
	Energy float64
}

// NewToneTarget returns the target for a picture of height×width RGB pixels whose longer side counts as longer: its
// pixels beyond that are a margin.
func NewToneTarget(pix []float32, height, width, longer int) *ToneTarget {
	sigma := toneBlur * float64(longer)
	down, across := blur(height, sigma), blur(width, sigma)
	m, _ := down.Dims()
	n, _ := across.Dims()
	values, energy := make([]float32, m*n*3), 0.0
	variance := make([]float64, m*n) // under the blur, of all channels
	for c := range 3 {
		channel := mat.NewDense(height, width, nil)
		data := channel.RawMatrix().Data
		var sum, squares float64
		for i := range data {
			data[i] = float64(pix[3*i+c])
			sum += data[i]
			squares += data[i] * data[i]
		}
		pixels := float64(height * width)
		energy += (squares/pixels - sum/pixels*sum/pixels) / 3
		var sampled mat.Dense
		sampled.Product(down, channel, across.T())
		for i, v := range sampled.RawMatrix().Data {
			values[3*i+c] = float32(v)
			variance[i] -= v * v
		}
		floats.Mul(data, data)
		sampled.Product(down, channel, across.T())
		floats.Add(variance, sampled.RawMatrix().Data)
	}
	return &ToneTarget{
		picture: tensors.FromFlatDataAndDimensions(values, m, n, 3),
		detail:  tensors.FromFlatDataAndDimensions(rounded(detail(variance)), m, n, 1),
		down:    tensors.FromFlatDataAndDimensions(rounded(down.RawMatrix().Data), m, height),
		across:  tensors.FromFlatDataAndDimensions(rounded(across.RawMatrix().Data), n, width),
		Energy:  max(energy, leastTone*leastTone),
	}
}

// detail returns how much places count, 1 in the mean, by the deviation that the picture has there: [plainTone] without
// any. A plain picture counts alike everywhere.
func detail(variance []float64) []float64 {
	for i, v := range variance {
		variance[i] = math.Sqrt(max(v, 0))
	}
	mean := floats.Sum(variance) / float64(len(variance))
	for i, v := range variance {
		variance[i] = 1
		if mean > leastDetail {
			variance[i] = (plainTone + v/mean) / (plainTone + 1)
		}
	}
	return variance
}

// leastDetail is the deviation, in grey levels, below which a picture is plain.
const leastDetail = 1e-3

// leastTone is the least deviation of a picture that its tone is compared with, in grey levels: a plain photograph has
// none.
const leastTone = 16

// blur returns the matrix, [m, n], that blurs n values by a Gaussian of the given deviation and samples them once in a
// deviation. Beyond the ends there is nothing: each row sums to one.
func blur(n int, sigma float64) *mat.Dense {
	m := max(int(math.Round(float64(n)/sigma)), 1)
	m = min(m, n)
	step := float64(n) / float64(m)
	b := mat.NewDense(m, n, nil)
	for i := range m {
		row := b.RawRowView(i)
		centre, sum := (float64(i)+0.5)*step-0.5, 0.0
		for j := range row {
			z := (float64(j) - centre) / sigma
			row[j] = math.Exp(-z * z / 2)
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
	}
	return b
}

// Finalize frees the target's memory on the device.
func (t *ToneTarget) Finalize() {
	for _, part := range []*tensors.Tensor{t.picture, t.down, t.across, t.detail} {
		part.FinalizeAll()
	}
}
