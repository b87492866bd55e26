package main

import (
	"image"
	"math"
	"math/rand/v2"
)

// A sea is the scene of the picture woodcut: waves before a mountain and a red sun.
type sea struct {
	*impression
	rng *rand.Rand
}

var (
	sun  = vec{486, 128}
	peak = vec{206, 112}
)

const (
	sunRadius = 66.0
	skyline   = 318.0
)

// woodcut prints a seascape from a key block and three colour blocks.
func woodcut() *image.RGBA {
	s := &sea{newImpression(2, 77), rand.New(rand.NewPCG(1831, 36))}
	s.cutSky()
	s.cutMountain()
	s.cutCloud(vec{28, 214}, 150)
	s.cutCloud(vec{430, 206}, 190)
	s.cutCloud(vec{300, 66}, 84)
	s.cutBirds(vec{352, 240})
	s.cutHills()
	s.cutWater()
	s.press(hex(0xf1e4c3), [blocks]rgb{ochre: hex(0xe3a53a), red: hex(0xd23f24), blue: hex(0x14528f), key: hex(0x16151c)})
	return s.finish()
}

// circle returns a closed path round a point.
func circle(middle vec, radius float64) path {
	var out path
	for k := range 73 {
		out = append(out, middle.add(polar(float64(k)*math.Pi/36, radius)))
	}
	return out
}

// cutSky cuts the sky, its lines thick above and thin towards the sun, and the sun.
func (s *sea) cutSky() {
	s.cut(path{{0, 0}, {pageWidth, 0}, {pageWidth, pageHeight}, {0, pageHeight}})
	s.lay(blue, func(p vec) float64 { return 0.95*step(120, -10, p.y) + 0.08 })
	s.lay(ochre, func(p vec) float64 { return 0.55 * step(90, 230, p.y) })
	s.lay(red, func(p vec) float64 { return 0.38 * step(180, 320, p.y) })
	for y := 3.0; y < skyline; y += 6.4 {
		var line path
		for x := -4.0; x < pageWidth+8; x += 4 {
			line = append(line, vec{x, y + 11*s.at(x/130, y/80) + 2*s.at(x/37, y/20)})
		}
		s.line(line, func(p vec) float64 {
			tone := 3.3 - p.y/75 + 1.5*s.at(p.x/80, p.y/9)
			return tone * step(sunRadius+6, sunRadius+46, p.sub(sun).length())
		})
	}
	s.cut(circle(sun, sunRadius))
	s.lay(red, func(p vec) float64 { return 0.97 - 0.35*step(sun.y, sun.y+sunRadius, p.y) })
	s.lay(ochre, func(p vec) float64 { return 0.75 * step(sun.y-20, sun.y+sunRadius, p.y) })
	s.contour(circle(sun, sunRadius), 1.3)
}

// slope is the mountain's outline: steep near the peak, flat at its foot.
func slope(t float64) vec {
	side := max(math.Abs(t)-0.035, 0)
	return vec{peak.x + 300*t, peak.y + 226*(math.Pow(side+0.03, 0.7)-0.08) + 3*math.Sin(t*47)*(1-side)}
}

// cutMountain cuts the mountain and its cap of snow.
func (s *sea) cutMountain() {
	var outline path
	for t := -1.0; t <= 1.001; t += 0.01 {
		outline = append(outline, slope(t))
	}
	s.cut(append(outline[:len(outline):len(outline)], vec{520, 400}, vec{-100, 400}))
	snow := func(p vec) float64 { // above 0 on snow
		return 62 + 26*s.at(p.x/13, 2) + 14*s.at(p.x/5, 9) - (p.y - peak.y)
	}
	s.lay(blue, func(p vec) float64 { return step(2, -2, snow(p)) * (0.8 - 0.55*step(190, 320, p.y)) })
	s.lay(red, func(p vec) float64 { return step(2, -2, snow(p)) * 0.4 * step(230, 320, p.y) })
	for k := -60; k <= 60; k++ {
		s.cutGully(float64(k)/60, snow)
	}
	s.contour(outline, 2.6)
}

// cutGully cuts one line down the mountain, thick where the side lies in shadow.
func (s *sea) cutGully(t float64, snow func(vec) float64) {
	var line path
	for u := 0.02; u < 1.02; u += 0.02 {
		edge := slope(t * u)
		line = append(line, vec{edge.x + 6*s.at(u*9, t*30), lerp(edge.y, peak.y+226*math.Pow(u, 0.75), 1-math.Abs(t)*0.5)})
	}
	s.line(line, func(p vec) float64 {
		shade := 1.7*step(-0.25, 0.5, -t+0.6*s.at(p.x/24, p.y/60)) + 1.4*s.at(p.x/15, p.y/40)
		shade *= step(330, 230, p.y)
		if snow(p) > 0 {
			return shade - 1.3
		}
		return shade + 0.7
	})
}

// cutCloud cuts a bank of round clouds on a flat base, with the inner lines of scrolls.
func (s *sea) cutCloud(at vec, long float64) {
	type puff struct {
		at     vec
		radius float64
	}
	var puffs []puff
	for x := 0.0; x < long; x += 4 + 9*s.rng.Float64() {
		high := 5 + 17*math.Sin(math.Pi*x/long)*(0.5+0.7*s.rng.Float64())
		puffs = append(puffs, puff{at.add(vec{x, -high * 0.55 * s.rng.Float64()}), high * 0.7})
	}
	for _, p := range puffs {
		s.contour(circle(p.at, p.radius), 2.4)
	}
	for _, p := range puffs {
		s.cut(circle(p.at, p.radius))
		s.lay(red, func(q vec) float64 { return 0.3 * step(at.y-12, at.y+10, q.y) })
	}
	for i := 0; i < len(puffs); i += 2 {
		p, start := puffs[i], s.rng.Float64()*math.Pi
		var scroll path
		for k := range 30 {
			scroll = append(scroll, p.at.add(polar(start+float64(k)*0.28, p.radius*(0.85-0.022*float64(k)))))
		}
		s.contour(scroll, 1.1)
	}
}

// cutBirds sets a skein of birds.
func (s *sea) cutBirds(at vec) {
	for k := range 7 {
		p := at.add(vec{float64(k) * 13, -6 * math.Abs(float64(k)-2)}).add(vec{0, 4 * s.rng.Float64()})
		span := 5 + 3*s.rng.Float64()
		wings := spline(false, 8, p.add(vec{-span, -span * 0.5}), p.add(vec{-span / 2, -span * 0.55}), p,
			p.add(vec{span / 2, -span * 0.6}), p.add(vec{span, -span * 0.3}))
		s.carve(wings, func(q vec) float64 { return 2.6 - 2*math.Abs(q.x-p.x)/span }, false)
	}
}

// cutHills cuts two dark ridges, their lines parallel to their tops, that end in mist.
func (s *sea) cutHills() {
	for i, hill := range []struct{ y, high, wide float64 }{{286, 26, 90}, {304, 22, 60}} {
		top := func(x float64) float64 {
			return hill.y + hill.high*s.at(x/hill.wide, float64(i)*7) + 4*s.at(x/11, float64(i)) + 26*bump(x, 420, 110)
		}
		var outline path
		for x := -4.0; x <= pageWidth+4; x += 2 {
			outline = append(outline, vec{x, top(x)})
		}
		s.cut(append(outline[:len(outline):len(outline)], vec{pageWidth + 4, 400}, vec{-4, 400}))
		s.lay(blue, func(p vec) float64 { return 0.85 - 0.7*step(0, 36, p.y-top(p.x)) })
		s.lay(ochre, func(p vec) float64 { return 0.9 - 0.5*step(0, 40, p.y-top(p.x)) })
		for d := 4.0; d < 40; d += 4.6 {
			line := make(path, len(outline))
			for k, p := range outline {
				line[k] = vec{p.x, lerp(p.y, hill.y, d/70) + d}
			}
			s.line(line, func(p vec) float64 { return 3.4 - d/11 + 1.2*s.at(p.x/12, d) })
		}
		s.contour(outline, 2.4)
	}
}

// waveOutline is that of a wave 1 long and 1 high: from its back over the crest, round the curl, to the trough.
var waveOutline = spline(false, 10,
	vec{0, 0}, vec{0.14, -0.10}, vec{0.30, -0.36}, vec{0.44, -0.74}, vec{0.60, -0.98}, vec{0.78, -0.96}, vec{0.89, -0.76},
	vec{0.87, -0.58}, vec{0.78, -0.62}, vec{0.72, -0.52}, vec{0.70, -0.34}, vec{0.76, -0.14}, vec{0.88, -0.03}, vec{1, 0})

// cutWater cuts the calm water far out, with the dashes of small waves, and the rows of waves before it.
func (s *sea) cutWater() {
	s.cut(path{{0, skyline}, {pageWidth, skyline}, {pageWidth, pageHeight}, {0, pageHeight}})
	s.lay(blue, func(p vec) float64 { return 0.25 + 0.6*step(skyline, 400, p.y) })
	for range 260 {
		p := vec{s.rng.Float64() * pageWidth, skyline + 3 + 60*s.rng.Float64()}
		half := 6 + 16*s.rng.Float64()
		line := path{p.add(vec{-half, 0}), p.add(vec{-half / 2, -1.2}), p.add(vec{half / 2, 1}), p.add(vec{half, 0})}
		s.line(line, func(q vec) float64 { return 1.9 - 1.9*math.Abs(q.x-p.x)/half })
	}
	s.contour(path{{0, skyline}, {pageWidth, skyline}}, 1.2)
	s.cutRow(vec{-50, 356}, 78, 20)
	s.cutRow(vec{-20, 376}, 104, 30)
	s.cutRow(vec{-90, 402}, 140, 44)
	s.cutWave(vec{318, 470}, 300, 172) // the great one
	s.cutRow(vec{-30, 436}, 190, 62)
	s.cutRow(vec{-120, 478}, 250, 84)
	s.cutRow(vec{-60, 530}, 330, 104)
}

// cutRow cuts waves beside each other, all of about one size.
func (s *sea) cutRow(from vec, length, high float64) {
	for x := from.x; x < pageWidth; x += length * (0.85 + 0.2*s.rng.Float64()) {
		at := vec{x, from.y + 0.075*high*s.rng.NormFloat64()}
		s.cutWave(at, length, high*(0.75+0.4*s.rng.Float64()))
	}
}

// cutWave cuts one wave: the body with lines that follow it, the curl, and the foam on the crest.
func (s *sea) cutWave(at vec, length, high float64) {
	outline := make(path, len(waveOutline))
	for i, p := range waveOutline {
		outline[i] = vec{at.x + length*p.x, at.y + high*p.y}
	}
	s.cut(append(outline[:len(outline):len(outline)], vec{at.x + length*1.1, at.y + 90}, vec{at.x - length*0.1, at.y + 90}))
	s.lay(blue, func(p vec) float64 { return 0.42 + 0.58*step(at.y-high, at.y+10, p.y) })
	s.lay(ochre, func(p vec) float64 { return 0.16 * step(at.y-high*0.4, at.y-high, p.y) })
	gap := 3.4 + high/70
	for d := gap; d < high+80; d += gap {
		line := make(path, len(outline))
		flat := 1 - min(d/(high*1.5), 1)
		for i, p := range outline {
			line[i] = vec{p.x - d*0.25*flat, lerp(at.y, p.y, flat) + d*0.9}
		}
		s.line(line, func(p vec) float64 {
			return 0.3 + min(high, 90)/50 + 1.1*step(at.y-high*0.8, at.y, p.y) + 1.3*s.at(p.x/30, d)
		})
	}
	s.contour(outline, 1.2+high/60)
	s.cutFoam(outline, high)
}

// cutFoam hangs foam on the crest, in fingers that reach down the face, and sets bubbles and spray about it.
func (s *sea) cutFoam(outline path, high float64) {
	const first, last = 30, 78 // the points of the outline that bear foam
	crest := outline[first : last+1]
	var edge []vec
	for i := last; i >= first; i -= 1 + s.rng.IntN(3) {
		in, ahead := outline.heading(i).right(), outline.heading(i)
		reach := (0.02 + 0.04*s.rng.Float64()) * high
		if len(edge)%2 == 1 { // a finger, bent the way the wave goes
			reach = (0.08 + 0.24*s.rng.Float64()) * high * math.Sin(math.Pi*float64(i-first)/(last-first))
		}
		edge = append(edge, outline[i].add(in.mul(reach)).add(ahead.mul(0.45*reach)))
	}
	fingers := spline(false, 6, edge...)
	s.cut(append(crest[:len(crest):len(crest)], fingers...))
	s.lay(blue, func(p vec) float64 { return 0.16 * step(0, 0.5, s.at(p.x/9, p.y/9)) })
	s.contour(fingers, 0.7+high/120)
	s.contour(crest, 1+high/80)
	size := 1.4 + high/34
	for range int(14 + high/4) {
		p := outline[first+s.rng.IntN(last-first)].add(vec{s.rng.NormFloat64(), s.rng.NormFloat64()}.mul(size * 0.8))
		s.bubble(p, size*(0.35+0.9*s.rng.Float64()))
	}
	for range int(high / 3) {
		p := outline[44+s.rng.IntN(34)].add(vec{s.rng.NormFloat64() * high * 0.2, -s.rng.ExpFloat64() * high * 0.16})
		s.bubble(p, 0.6+size*0.3*s.rng.Float64())
	}
}

// bubble cuts a white disc with an outline on its shadow's side.
func (s *sea) bubble(p vec, radius float64) {
	s.cut(circle(p, radius))
	s.contour(circle(p, radius)[20:60], 1.1)
}
