// Package sweep searches for the settings that paint the best picture. It reads the file that
// describes a sweep, chooses the parameters of its trials, ends trials that do badly, and computes
// which settings matter.
//
//	file, err := sweep.Parse(text, "night.yaml", schema)
//	sampler, err := sweep.NewSampler(file)
//	for n := 1; n <= file.Trials; n++ {
//		params, err := sampler.Ask(n, seen) // run the trial, and append its result to seen
//	}
//
// # The file
//
// A sweep is a YAML file of at most 32 KiB and 1,000 lines:
//
//	name: night-over-tubingen
//	content: tubingen.jpg          # paths are relative to the file; sample:NAME works too
//	style: starry_night.jpg        # or a list: [starry_night.jpg, scream.jpg:2], with weights of the mix
//	size: 256                      # any setting, for all trials
//	iterations: 150
//	sampler: tpe
//	trials: 40
//	search:
//	  style_weight: {log: [1, 1000]}
//	  content_layer: [block4_conv1, block4_conv2]
//	  pooling: [max, avg]
//	minimise: content + style
//	prune: {median: {after: 40}}
//
// content and style are required if the schema has settings of these names: the trials are
// paintings then. Names of settings may be written with hyphens. Anchors, aliases and tags are
// refused, and so are numbers that begin with 0, which some take for octal. A value of none, ~ or null means that
// there is none of it: weights, device, priority, minimise, prune and trials are as if they were missing, and retries and
// checkpoint are 0. These keys are no settings:
//
//	name        what the sweep is called
//	content     the photograph; ~/ is the home folder
//	style       the painting, or a list of paintings, each FILE:WEIGHT@REGION@PART, of which FILE is enough, or a mapping of
//	            picture, weight, region and part. Region is a mask of where the style is painted, part one of what counts
//	            of it
//	protect     a mask of where the content counts more
//	strokes_of  a painting that gives the strokes, in the colours of the style
//	weights     the network's weights, by name or file
//	device      what computes
//	priority    in the queue, -100 to 100 (default 0): workers paint what has the greatest first, queued runs before trials
//	sampler     grid, random, sobol, tpe, cmaes or another one that is registered, or one of them with a seed:
//	            {tpe: {seed: 7}} (default 0); see [Register]
//	trials      the number of trials; optional for a grid
//	parallel    trials to run at once (default 1)
//	retries     how often a failed trial is tried again (default 1)
//	checkpoint  the time between two checkpoints of a running trial (default 30s); 0 for none
//	minimise    rating, or a sum of terms; see [ParseObjective]. Required for tpe and cmaes
//	ratings     with minimise: rating, the comparisons that a trial needs before its rating counts (default 3)
//	prune       median or halving, or one of them with options: {median: {after: 40, trials: 5}}, {halving: {after: 20,
//	            factor: 4}}; see [PruneRule]
//	search      the settings that differ between trials
//
// A setting is searched over a list of values or over a range. A range includes its ends; its
// values are spaced evenly (linear), or their logarithms are (log). A range of a whole number has
// whole numbers only. steps is the number of evenly spaced values of a range, which a grid needs
// unless the range has whole numbers. when leaves a setting out of trials unless other settings,
// fixed or searched further up, have the named values:
//
//	search:
//	  preset: [gouache, article]
//	  scales: {linear: [1, 5]}
//	  style_weight: {log: [1, 1000], steps: 4}          # 1, 10, 100, 1000
//	  tv_weight:
//	    linear: [0, 1]
//	    when: {preset: gouache, scales: [2, 3]}         # both must hold
//	  content_layer:
//	    values: [block4_conv1, block4_conv2]
//	    when: {preset: article}
//
// # What is minimised
//
// A term of an objective is the loss before its weight: only that compares trials with different
// weights. With the preset gouache, the loss is relative to the energy of its target, and so
// comparable between pictures, sizes and layers. With the other presets it is not; relative(TERM),
// the loss divided by that of the trial's first step, comes nearest. A trial that starts from the
// content picture begins with a content loss near 0, so relative(content) is only for trials that
// start from noise.
package sweep
