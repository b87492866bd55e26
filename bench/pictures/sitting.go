package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/tracker"
)

// sitting is a folder with a sheet for each pair, on which the contenders' pictures have letters
// instead of names, and a form for the answers. The key is opened by record only.
type sitting struct{ dir string }

func (s sitting) sheet(q pair) string { return filepath.Join(s.dir, q.Name+".png") }
func (s sitting) key() string         { return filepath.Join(s.dir, "key.json") }
func (s sitting) form() string        { return filepath.Join(s.dir, "answers.yaml") }

// letters name the pictures on a sheet.
const letters = "ABCDEFGH"

// sealed is what the letters on the sheets mean: runs, by pair and letter.
type sealed map[string]map[string]string

// answers is the form.
type answers struct {
	Rater   string            `yaml:"rater"`
	Answers map[string]answer `yaml:"answers"` // by pair
}

type answer struct {
	Order string `yaml:"order"`
	Why   string `yaml:"why"`
}

func newSitting() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use: "sitting PLAN FOLDER", Short: "Write sheets on which letters stand for contenders, to be judged blind",
		Long: "Sitting writes a sheet for each pair into a new folder, with the photograph, the painting, and the contenders' pictures under\n" +
			"shuffled letters, and the form answers.yaml. Fill it in without opening key.json; then `pictures record` keeps the answers.\n" +
			"People can judge in a browser instead: gouache ui shows each pair as a sweep, whose page to rate shows no names either.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withStore(cmd.Context(), args[0], func(p *plan, store tracker.Store) error {
				return p.sit(cmd.Context(), store, sitting{args[1]})
			})
		},
	}
	f.add(cmd)
	return cmd
}

// sit writes a sitting.
func (p *plan) sit(ctx context.Context, store tracker.Reader, to sitting) error {
	results, err := p.results(ctx, store)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to.dir, 0o777); err != nil {
		return err
	}
	key := sealed{}
	form := "# Look at each sheet. Write its letters, the best first, with > between them, or = between equals, and why.\n" +
		"rater: \"\"\nanswers:\n"
	for _, q := range p.Pairs {
		shown := slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.Pair != q.Name })
		if len(shown) < 2 {
			continue
		}
		if len(shown) > len(letters) {
			return fmt.Errorf("%s has %d pictures: choose %d at most with --contenders", q.Name, len(shown), len(letters))
		}
		rand.Shuffle(len(shown), func(i, j int) { shown[i], shown[j] = shown[j], shown[i] })
		if err := p.writeBlind(ctx, store, q, shown, to.sheet(q)); err != nil {
			return err
		}
		key[q.Name] = map[string]string{}
		for i, r := range shown {
			key[q.Name][letters[i:i+1]] = r.Run
		}
		form += fmt.Sprintf("  %s: {order: \"\", why: \"\"} # %s\n", q.Name, strings.Join(strings.Split(letters[:len(shown)], ""), " "))
	}
	if len(key) == 0 {
		return fmt.Errorf("no pair of the plan %s has two paintings: paint them first", p.Name)
	}
	data, err := json.Marshal(key)
	if err != nil {
		return err
	}
	return errors.Join(atomicfile.WriteFile(to.key(), data), atomicfile.WriteFile(to.form(), []byte(form)))
}

// writeBlind writes the sheet of a pair.
func (p *plan) writeBlind(ctx context.Context, store tracker.PictureReader, q pair, shown []result, path string) error {
	inputs, err := q.inputs(ctx)
	if err != nil {
		return err
	}
	s := sheet{rows: [][]labelled{{{"photograph", inputs[0], 256}, {"painting", inputs[1], 256}}}}
	across, width := 3, max(p.Size, 512)
	if len(shown) == 2 || len(shown) == 4 {
		across = 2
	}
	for i, r := range shown {
		m, err := r.load(ctx, store)
		if err != nil {
			return err
		}
		if i%across == 0 {
			s.rows = append(s.rows, nil)
		}
		last := &s.rows[len(s.rows)-1]
		*last = append(*last, labelled{letters[i : i+1], m, width})
	}
	m, encoder := s.draw(), png.Encoder{CompressionLevel: png.BestSpeed}
	return atomicfile.Write(path, func(w io.Writer) error { return encoder.Encode(w, m) })
}

func newRecord() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use: "record PLAN FOLDER", Short: "Keep a sitting's answers as judgements, and print them with names",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withStore(cmd.Context(), args[0], func(p *plan, store tracker.Store) error {
				return p.record(cmd.Context(), store, sitting{args[1]}, cmd.OutOrStdout())
			})
		},
	}
	f.add(cmd)
	return cmd
}

// record keeps the judgements of a sitting once all have been checked, and prints a table of the answers.
func (p *plan) record(ctx context.Context, store tracker.Store, from sitting, out io.Writer) error {
	form, key, err := from.read()
	if err != nil {
		return err
	}
	var table strings.Builder
	table.WriteString("| pair | order | why |\n| --- | --- | --- |\n")
	var all []tracker.Judgement
	for _, q := range p.Pairs {
		runs, shown := key[q.Name]
		if !shown {
			continue
		}
		answer := form.Answers[q.Name]
		order, err := readOrder(answer.Order, len(runs))
		if err != nil {
			return fmt.Errorf("%s: %s: %w", from.form(), q.Name, err)
		}
		if strings.TrimSpace(answer.Why) == "" {
			return fmt.Errorf("%s: %s: write why, too", from.form(), q.Name)
		}
		known, err := store.Judgements(ctx, tracker.JudgementQuery{Sweep: p.sweep(q)})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(known, func(j tracker.Judgement) bool { return j.Rater == form.Rater }) {
			return fmt.Errorf("%s: the store has judgements of %s by %q already: each sitting needs a rater's name of its own", from.form(), q.Name, form.Rater)
		}
		all = append(all, order.judgements(runs, form.Rater)...)
		words, err := order.words(ctx, store, runs)
		if err != nil {
			return err
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", q.Name, words, strings.ReplaceAll(strings.TrimSpace(answer.Why), "|", "/"))
	}
	for _, j := range all {
		if _, err := store.AddJudgement(ctx, j); err != nil {
			return err
		}
	}
	_, err = io.WriteString(out, table.String())
	return err
}

// read reads the form and the key.
func (s sitting) read() (form answers, key sealed, err error) {
	text, err := os.ReadFile(s.form())
	if err != nil {
		return form, nil, err
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&form); err != nil {
		return form, nil, fmt.Errorf("%s: %s", s.form(), yaml.FormatError(err, false, true))
	}
	if form.Rater == "" {
		return form, nil, fmt.Errorf("%s: write who judged, or the sitting's name, as rater", s.form())
	}
	data, err := os.ReadFile(s.key())
	if err != nil {
		return form, nil, err
	}
	if err := json.Unmarshal(data, &key); err != nil {
		return form, nil, fmt.Errorf("%s: %w", s.key(), err)
	}
	return form, key, nil
}

// order is letters in groups of equals, the best first.
type order [][]string

// readOrder reads an order of the first n letters, such as B > A = C.
func readOrder(text string, n int) (o order, err error) {
	var found []string
	for group := range strings.SplitSeq(text, ">") {
		var equals []string
		for letter := range strings.SplitSeq(group, "=") {
			equals = append(equals, strings.ToUpper(strings.TrimSpace(letter)))
		}
		o, found = append(o, equals), append(found, equals...)
	}
	slices.Sort(found)
	if want := letters[:n]; strings.Join(found, "") != want || len(found) != n {
		return nil, fmt.Errorf("the order is %q: it must have each of %s once, as in B > A = C", text, strings.Join(strings.Split(want, ""), ", "))
	}
	return o, nil
}

// judgements returns what the order says of each two runs. The left one is the one with the earlier
// letter, which stood before the other.
func (o order) judgements(runs map[string]string, rater string) (list []tracker.Judgement) {
	place := map[string]int{}
	for i, group := range o {
		for _, letter := range group {
			place[letter] = i
		}
	}
	for i := range len(runs) {
		for k := i + 1; k < len(runs); k++ {
			left, right := letters[i:i+1], letters[k:k+1]
			verdict := tracker.Tie
			switch {
			case place[left] < place[right]:
				verdict = tracker.LeftBetter
			case place[left] > place[right]:
				verdict = tracker.RightBetter
			}
			list = append(list, tracker.Judgement{Left: runs[left], Right: runs[right], Verdict: verdict, Rater: rater})
		}
	}
	return list
}

// words writes the order with the contenders' names.
func (o order) words(ctx context.Context, store tracker.RunReader, runs map[string]string) (string, error) {
	var groups []string
	for _, group := range o {
		var names []string
		for _, letter := range group {
			run, err := store.Run(ctx, runs[letter])
			if err != nil {
				return "", err
			}
			names = append(names, fmt.Sprint(run.Params[contenderParam]))
		}
		groups = append(groups, strings.Join(names, " = "))
	}
	return strings.Join(groups, " > "), nil
}
