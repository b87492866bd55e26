package loss

const chromaName = "chroma"

func init() {
	Register(Component{
		Name:   chromaName,
		Usage:  "how much smoothness of colour matters",
		Weight: func(p *Preset) *float64 { return &p.ChromaWeight },
		Terms: func(p Preset, s Scene) []Term {
			if p.ChromaWeight == 0 {
				return nil
			}
			chroma := ColourRoughness(p.ChromaWeight)
			// A style without colours would divide by zero.
			chroma.Scale = 1 / max(s.Variation.Chroma, 2*float64(s.Height*s.Width))
			return []Term{chroma}
		},
	})
}
