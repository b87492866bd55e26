// Package sweep searches for the settings that paint the best picture: it reads the file that describes a sweep,
// chooses the parameters of its trials, ends those that do badly, and says which settings mattered.
//
//	file, err := sweep.Parse(text, "night.yaml", schema)
//	sampler, err := sweep.NewSampler(file)
//	for n := 1; n <= file.Trials; n++ {
//		params, err := sampler.Ask(n, seen) // run it, and add what it came to to seen
//	}
//
// # The file
//
// A sweep is a YAML file of at most 256 KiB:
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
// content and style are required where the schema has settings of these names: the trials are paintings then.
// Names of settings may be written with hyphens too. Anchors, aliases and tags are refused. These are the keys that are
// no settings:
//
//	name        what the sweep is called
//	content     the photograph
//	style       the painting, or a list of paintings, each FILE or FILE:WEIGHT
//	weights     the network's weights, by name or file
//	device      what computes
//	sampler     grid, random, sobol, tpe or cmaes, or one of them with a seed: {tpe: {seed: 7}}; the seed is 0 by itself
//	trials      how many trials; a grid needs none, and stops after so many if it is given
//	parallel    how many trials run at once; 1 by itself
//	retries     how often a trial that failed is tried again; 1 by itself
//	checkpoint  how often a running trial's state is written down, such as 30s, which it is by itself; 0 for never
//	minimise    rating, or a sum of terms; see [ParseObjective]. Grid, random and sobol need none
//	ratings     with minimise: rating, how many comparisons a trial needs before its rating counts; 3 by itself
//	prune       median or halving, or one of them with options: {median: {after: 40, trials: 5}}, {halving: {after: 20,
//	            factor: 4}}; see [PruneRule]
//	search      the settings that differ between trials
//
// A setting is searched over a list of values, or over a range whose ends are in it, evenly (linear) or with even
// logarithms (log). A range of whole numbers has whole numbers only. A grid needs steps for other ranges: so many
// values, evenly. Steps are for all samplers; so is when, which leaves a setting out of trials unless other settings,
// which are fixed or searched further up, have the named values:
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
// A term in an objective is the loss before its weight, since trials with different weights can be compared by nothing
// else. With the preset gouache that loss is relative to the energy of its target, and so comparable between pictures,
// sizes and layers; with the others it is not, and relative(TERM), the loss over what it was at the trial's first step,
// is what comes nearest. A trial that starts from the content picture begins with a content loss of next to nothing:
// relative(content) is for those that start from noise.
package sweep
