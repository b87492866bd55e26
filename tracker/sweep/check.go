package sweep

import (
	"slices"
	"strings"
)

// checkWhole finds what only parts of the file together can have wrong. There are no other mistakes.
func (p *fileParser) checkWhole() {
	f := p.file
	if e, ok := p.keys["ratings"]; ok && f.Minimise.IsRating() {
		f.Ratings = p.count(e, 1, maxRatings)
	} else if ok {
		p.add(e.key, "ratings say how often a trial is compared, and count only with minimise: rating")
	} else if f.Minimise.IsRating() {
		f.Ratings = DefaultRatings
	}
	sampler := p.keys["sampler"].at()
	if f.Minimise.IsZero() && (f.Sampler == "tpe" || f.Sampler == "cmaes") {
		p.add(sampler, "%s needs to know what to minimise: add a line such as minimise: content + style, or minimise: rating",
			f.Sampler)
	}
	if f.Prune != nil && (f.Minimise.IsZero() || f.Minimise.IsRating()) {
		p.add(p.keys["prune"].key, "pruning compares trials by their losses: minimise must be a sum of terms")
	}
	if f.Trials == 0 && f.Sampler != "grid" {
		p.add(sampler, "trials is missing: %s has no end without it", f.Sampler)
	}
	p.checkTotal()
	p.checkSampler()
}

// checkTotal refuses to compare trials by a total whose weights the sweep changes.
func (p *fileParser) checkTotal() {
	if !slices.Contains(p.file.Minimise.Terms(), wordTotal) {
		return
	}
	for _, d := range p.file.Search {
		if strings.HasSuffix(d.Name, "_weight") {
			p.add(p.keys["minimise"].at(),
				"total counts each term times its weight, and this sweep searches %s: the least weight would win. "+
					"Name the terms instead, such as content + style", d.Name)
			return
		}
	}
}

// checkSampler refuses spaces that the sampler cannot walk.
func (p *fileParser) checkSampler() {
	f := p.file
	sampler := p.keys["sampler"].at()
	switch f.Sampler {
	case "cmaes":
		for _, d := range f.Search {
			if d.Values != nil {
				p.add(p.search[d.Name].key, "%v", errList(&d))
			}
		}
	case "grid":
		counted := true
		for _, d := range f.Search {
			if d.size() == 0 {
				counted = false
				p.add(p.search[d.Name].key,
					"a grid needs to know how many values of %s to try: add steps, such as {linear: [%v, %v], steps: 5}",
					d.Name, d.Low, d.High)
			}
		}
		if counted && newGrid(f.Search).Points() > maxGrid {
			p.add(sampler, "the grid has more than %d points: search less, or choose another sampler", maxGrid)
		}
	}
}
