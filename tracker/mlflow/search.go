package mlflow

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gouache-art/gouache/tracker"
)

// condition is a comparison of MLflow's filters, such as metrics.loss < 1. A filter has several, which all must hold.
type condition struct {
	kind   string // one of the kinds
	key    string
	op     string // in upper case
	text   string
	number float64
	list   []string // after IN
	isText bool     // the value has quotes
}

// What is compared.
const (
	kindMetric    = "metric"
	kindParam     = "parameter"
	kindTag       = "tag"
	kindAttribute = "attribute"
)

// kinds are the words for what is compared.
var kinds = map[string]string{
	"metric": kindMetric, "metrics": kindMetric,
	"parameter": kindParam, "parameters": kindParam, "param": kindParam, "params": kindParam,
	"tag": kindTag, "tags": kindTag,
	"attribute": kindAttribute, "attributes": kindAttribute, "attr": kindAttribute, "run": kindAttribute,
}

// Bounds on a filter.
const (
	maxFilter     = 16 << 10 // bytes
	maxConditions = 100
)

// words splits a filter: names with quoted parts, numbers, strings, operators, parentheses and commas.
var words = regexp.MustCompile(`^(?:'[^']*'|(?:"[^"]*"|` + "`[^`]*`" + `|[^\s'"` + "`" + `=!<>(),])+|!=|<=|>=|[=<>(),])`)

// filterReader reads a filter.
type filterReader struct {
	text string // what is left
	word string // the current word, "" at the end
	err  error
}

func (r *filterReader) next() {
	r.text = strings.TrimLeftFunc(r.text, unicode.IsSpace)
	r.word = words.FindString(r.text)
	if r.word == "" && r.text != "" && r.err == nil {
		r.err = invalid("the filter cannot be read from %.60q on", r.text)
	}
	r.text = r.text[len(r.word):]
}

// is reports whether the current word is one of the language's, in any case, and goes to the next if so.
func (r *filterReader) is(word string) bool {
	if !strings.EqualFold(r.word, word) {
		return false
	}
	r.next()
	return true
}

// readFilter reads a filter in MLflow's language: comparisons with AND between them, each of which check accepts.
func readFilter(text string, check func(*condition) error) (list []condition, err error) {
	if len(text) > maxFilter || !utf8.ValidString(text) {
		return nil, invalid("the filter has %d bytes: it is UTF-8 of at most %d", len(text), maxFilter)
	}
	r := &filterReader{text: text}
	for r.next(); r.word != ""; {
		if len(list) > 0 && !r.is("AND") {
			return nil, invalid("the filter has %.60q where only AND may be", r.word)
		}
		c, err := r.condition()
		if err == nil {
			err = check(&c)
		}
		if err != nil {
			return nil, cmp.Or(r.err, err)
		}
		if list = append(list, c); len(list) > maxConditions {
			return nil, invalid("the filter has more than %d comparisons", maxConditions)
		}
	}
	return list, r.err
}

func (r *filterReader) condition() (c condition, err error) {
	if c.kind, c.key, err = identifier(r.word); err != nil {
		return c, err
	}
	r.next()
	c.op = strings.ToUpper(r.word)
	r.next()
	switch {
	case c.op == "IS":
		if r.is("NOT") {
			c.op = "IS NOT"
		}
		if !r.is("NULL") {
			return c, invalid("the filter has %s %.60q: only NULL or NOT NULL may be there", c.op, r.word)
		}
		return c, nil
	case c.op == "NOT" && r.is("IN"):
		c.op = "NOT IN"
	}
	if c.op == "IN" || c.op == "NOT IN" {
		return c, r.list(&c)
	}
	return c, r.value(&c)
}

// list reads a list of strings.
func (r *filterReader) list(c *condition) error {
	if !r.is("(") {
		return invalid("the filter has no list after %s %s", c.key, c.op)
	}
	for {
		var one condition
		if err := r.value(&one); err != nil || !one.isText {
			return invalid("the list after %s %s has strings in quotes only", c.key, c.op)
		}
		c.list = append(c.list, one.text)
		if r.is(")") {
			return nil
		}
		if !r.is(",") || len(c.list) > maxConditions {
			return invalid("the list after %s %s has at most %d strings, with commas between them, and ends with )", c.key, c.op, maxConditions)
		}
	}
}

// value reads a string or a number.
func (r *filterReader) value(c *condition) error {
	word := r.word
	r.next()
	if n := len(word); n >= 2 && (word[0] == '\'' || word[0] == '"') && word[n-1] == word[0] {
		c.text, c.isText = word[1:n-1], true
		return nil
	}
	n, err := strconv.ParseFloat(word, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return invalid("the filter has %.60q where a number or a string in single quotes must be", word)
	}
	c.text, c.number = word, n
	return nil
}

// identifier reads what is compared: KIND.KEY, where the key may have quotes, or an attribute alone.
func identifier(word string) (kind, key string, err error) {
	first, rest, ok := strings.Cut(word, ".")
	if !ok || strings.ContainsAny(first, "`\"") {
		first, rest = kindAttribute, word
	}
	kind, known := kinds[strings.ToLower(first)]
	if n := len(rest); n >= 2 && (rest[0] == '`' || rest[0] == '"') && rest[n-1] == rest[0] {
		rest = rest[1 : n-1]
	}
	if !known || rest == "" || strings.ContainsAny(rest, "`'\"") {
		return "", "", invalid("%.80q is nothing that runs can be searched by: write metrics., params., tags. or attributes. and a name", word)
	}
	return kind, rest, nil
}

// Attributes by MLflow's names for them.
var attributes = map[string]struct {
	field  string // of tracker's filters
	number bool   // ms since 1970
	value  func(*tracker.Run) string
}{
	"run_id":       {"id", false, func(r *tracker.Run) string { return r.ID }},
	"run_name":     {"name", false, func(r *tracker.Run) string { return r.Name }},
	"run name":     {"name", false, func(r *tracker.Run) string { return r.Name }},
	"status":       {"status", false, func(r *tracker.Run) string { return statusOf(r.Status) }},
	"user_id":      {"", false, func(r *tracker.Run) string { return r.Provenance.Labels[tagUser] }},
	"artifact_uri": {"", false, func(r *tracker.Run) string { return newInfo(r).ArtifactURI }},
	"start_time":   {"started", true, nil},
	"created":      {"started", true, nil},
	"end_time":     {"ended", true, nil},
}

// checkRuns refuses comparisons that MLflow's language does not have for runs.
func checkRuns(c *condition) error {
	attribute, known := attributes[strings.ToLower(c.key)]
	if c.kind == kindAttribute && !known {
		return invalid("a run has no attribute %.80q: it has run_id, run_name, status, user_id, artifact_uri, start_time and end_time", c.key)
	}
	onNumber := []string{"=", "!=", "<", "<=", ">", ">="}
	onText := []string{"=", "!=", "LIKE", "ILIKE"}
	ops, isText := onText, true
	switch {
	case c.kind == kindMetric || c.kind == kindAttribute && attribute.number:
		ops, isText = onNumber, false
	case c.kind == kindAttribute:
		ops = append(ops, "IN", "NOT IN")
	default:
		ops = append(ops, "IS", "IS NOT")
	}
	if !slices.Contains(ops, c.op) {
		return invalid("%s %.80s cannot be compared with %.20q: use one of %s", c.kind, c.key, c.op, strings.Join(ops, ", "))
	}
	if c.list == nil && !strings.HasPrefix(c.op, "IS") && c.isText != isText {
		if isText {
			return invalid("%s %.80s is a text: write the value in single quotes", c.kind, c.key)
		}
		return invalid("%s %.80s is a number: write the value without quotes", c.kind, c.key)
	}
	return nil
}

// holds reports whether a run passes.
func (c *condition) holds(r *tracker.Run, tags map[string]string) bool {
	var text string
	has := true
	switch c.kind {
	case kindMetric:
		name := tracker.NearestName(c.key)
		value, has := r.Final[name]
		return has && nameOf(r, name) == c.key && c.compares(value)
	case kindParam:
		name := tracker.NearestName(c.key)
		value, some := r.Params[name]
		text, has = textOf(value), some && nameOf(r, name) == c.key
	case kindTag:
		text, has = tags[c.key]
	default:
		switch a := attributes[strings.ToLower(c.key)]; {
		case a.field == "started":
			return c.compares(float64(r.StartedAt.UnixMilli()))
		case a.field == "ended":
			return !r.EndedAt.IsZero() && c.compares(float64(r.EndedAt.UnixMilli()))
		default:
			text = a.value(r)
		}
	}
	switch c.op {
	case "IS":
		return !has
	case "IS NOT":
		return has
	}
	return has && c.matches(text)
}

func (c *condition) compares(value float64) bool {
	switch c.op {
	case "=":
		return value == c.number
	case "!=":
		return value != c.number
	case "<":
		return value < c.number
	case "<=":
		return value <= c.number
	case ">":
		return value > c.number
	}
	return value >= c.number
}

func (c *condition) matches(text string) bool {
	switch c.op {
	case "=":
		return text == c.text
	case "!=":
		return text != c.text
	case "IN":
		return slices.Contains(c.list, text)
	case "NOT IN":
		return !slices.Contains(c.list, text)
	case "ILIKE":
		return like(strings.ToLower(text), strings.ToLower(c.text))
	}
	return like(text, c.text)
}

// like reports whether a text matches a pattern of SQL: % is any text, _ any character. It takes at most the product of
// their lengths.
func like(text, pattern string) bool {
	back, from := -1, 0 // after the latest %, and where its text ended
	t, p := 0, 0
	for t < len(text) {
		_, size := utf8.DecodeRuneInString(text[t:])
		switch {
		case p < len(pattern) && pattern[p] == '%':
			p++
			back, from = p, t
		case p < len(pattern) && pattern[p] == '_':
			p, t = p+1, t+size
		case p < len(pattern) && pattern[p] == text[t]:
			p, t = p+1, t+1
		case back >= 0:
			_, size := utf8.DecodeRuneInString(text[from:])
			from += size
			p, t = back, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "%") == ""
}

// narrow returns a filter of the store that lets through all runs for which the condition holds, and perhaps more, or nil
// if there is none. never is set if no run can pass, since the store has none with the name.
func (c *condition) narrow(names *tracker.Names) (filter *tracker.Filter, never bool) {
	ops := map[string]tracker.Op{
		"=": tracker.Equal, "<": tracker.Less, "<=": tracker.LessEqual, ">": tracker.Greater, ">=": tracker.GreaterEqual,
	}
	op, known := ops[c.op]
	name := tracker.NearestName(c.key)
	switch c.kind {
	case kindMetric:
		if !slices.Contains(names.Metrics, name) {
			return nil, true
		}
		if known {
			return tracker.Where("metric."+name, op, c.number), false
		}
	case kindParam:
		if !slices.Contains(names.Params, name) {
			return nil, c.op != "IS"
		}
		if c.op == "=" {
			either := []*tracker.Filter{tracker.Where("param."+name, op, c.text)}
			if b, ok := valueFor(c.text).(bool); ok {
				either = append(either, tracker.Where("param."+name, op, b))
			}
			return tracker.Any(either...), false
		}
	case kindAttribute:
		switch a := attributes[strings.ToLower(c.key)]; {
		case c.op != "=" || a.field == "" || a.number:
		case a.field == "status":
			for _, s := range tracker.Statuses {
				if statusOf(s) == c.text {
					return tracker.Where("status", op, string(s)), false
				}
			}
			return nil, true
		default:
			return tracker.Where(a.field, op, c.text), false
		}
	}
	return nil, false
}

// readOrder reads MLflow's orders, such as "metrics.loss DESC". A name that no run of the store has orders nothing.
func readOrder(list []string, names *tracker.Names) (order tracker.Sort, err error) {
	const most = 8
	if len(list) > most {
		return nil, invalid("order_by has %d parts: at most %d", len(list), most)
	}
	for _, text := range list {
		text = strings.TrimSpace(text)
		word := words.FindString(text)
		kind, key, err := identifier(word)
		if err != nil {
			return nil, err
		}
		descending, err := direction(text[len(word):])
		if err != nil {
			return nil, err
		}
		k := tracker.SortKey{Descending: descending}
		name := tracker.NearestName(key)
		switch kind {
		case kindMetric:
			k.Name = "metric." + name
			if !slices.Contains(names.Metrics, name) {
				continue
			}
		case kindParam:
			k.Name = "param." + name
			if !slices.Contains(names.Params, name) {
				continue
			}
		case kindAttribute:
			k.Name = attributes[strings.ToLower(key)].field
		}
		if k.Name == "" {
			return nil, invalid("runs cannot be ordered by %.80q: order by a metric, a parameter, run_id, run_name, status, start_time or end_time", text)
		}
		order = append(order, k)
	}
	return order, nil
}

// direction reads what is after a name in an order.
func direction(text string) (descending bool, err error) {
	switch strings.ToUpper(strings.TrimSpace(text)) {
	case "", "ASC":
		return false, nil
	case "DESC":
		return true, nil
	}
	return false, invalid("order_by has %.60q after a name: write ASC or DESC", text)
}

// Bounds on results. Clients ask for 1000, or for as many as they get.
const (
	usualRuns = 1000
	mostRuns  = 50_000
	scanned   = 1000 // runs are looked at together
)

// searchRuns returns the runs of experiments for which a filter holds. The token of the next part is how many runs of the
// store's order were looked at.
func (s *Handler) searchRuns(ctx context.Context, in *struct {
	Experiments []string `json:"experiment_ids"`
	Filter      string   `json:"filter"`
	View        string   `json:"run_view_type"`
	Most        integer  `json:"max_results"`
	Order       []string `json:"order_by"`
	Token       string   `json:"page_token"`
}) (any, error) {
	conditions, err := readFilter(in.Filter, checkRuns)
	if err != nil {
		return nil, err
	}
	most, err := limit(in.Most, usualRuns, mostRuns)
	if err != nil {
		return nil, err
	}
	most = min(most, tracker.MaxLimit)
	from, err := place(in.Token)
	if err != nil {
		return nil, err
	}
	wants, err := viewOf(in.View)
	if err != nil {
		return nil, err
	}
	names, err := s.store.Names(ctx)
	if err != nil {
		return nil, err
	}
	order, err := readOrder(in.Order, names)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Runs []run  `json:"runs"`
		Next string `json:"next_page_token,omitempty"`
	}{Runs: []run{}}
	experiments := map[string]bool{}
	for _, id := range in.Experiments {
		name, err := experimentName(id)
		if err != nil {
			return nil, err
		}
		experiments[name] = true
	}
	filter, never := narrow(experiments, conditions, names)
	if never {
		return answer, nil
	}
	for {
		found, err := s.store.Runs(ctx, tracker.RunQuery{Filter: filter, Sort: order, Offset: from, Limit: scanned})
		if err != nil {
			return nil, err
		}
		for i := range found.Runs {
			r := &found.Runs[i]
			if len(answer.Runs) == most {
				answer.Next = strconv.Itoa(from)
				return answer, nil
			}
			from++
			tags := tagMap(r)
			if experiments[r.Experiment] && wants(r) && !slices.ContainsFunc(conditions, func(c condition) bool { return !c.holds(r, tags) }) {
				answer.Runs = append(answer.Runs, newRun(r))
			}
		}
		if len(found.Runs) == 0 || from >= found.Total {
			return answer, nil
		}
	}
}

// narrow returns a filter that lets through all runs of experiments for which conditions hold, and perhaps more, or never
// if there are none.
func narrow(experiments map[string]bool, conditions []condition, names *tracker.Names) (filter *tracker.Filter, never bool) {
	const few = 50 // more are not worth a comparison each
	var all []*tracker.Filter
	if len(experiments) <= few {
		var in []*tracker.Filter
		for name := range experiments {
			in = append(in, inExperiment(name))
		}
		all = append(all, tracker.Any(in...))
	}
	for i := range conditions {
		part, never := conditions[i].narrow(names)
		if never {
			return nil, true
		}
		all = append(all, part)
	}
	return tracker.All(all...), len(experiments) == 0
}

// viewOf returns which runs a request asks for.
func viewOf(view string) (func(*tracker.Run) bool, error) {
	switch view {
	case "", "ACTIVE_ONLY":
		return func(r *tracker.Run) bool { return !isDeleted(r) }, nil
	case "DELETED_ONLY":
		return isDeleted, nil
	case "ALL":
		return func(*tracker.Run) bool { return true }, nil
	}
	return nil, invalid("the view %.40q: it is ACTIVE_ONLY, DELETED_ONLY or ALL", view)
}

// searchExperiments lists the experiments that have runs, the latest first, and Default.
func (s *Handler) searchExperiments(ctx context.Context, in *struct {
	Filter string   `json:"filter"`
	View   string   `json:"view_type"`
	Most   integer  `json:"max_results"`
	Order  []string `json:"order_by"`
	Token  string   `json:"page_token"`
}) (any, error) {
	conditions, err := readFilter(in.Filter, checkExperiments)
	if err != nil {
		return nil, err
	}
	if _, err := viewOf(in.View); err != nil {
		return nil, err
	}
	most, err := limit(in.Most, usualRuns, mostRuns)
	if err != nil {
		return nil, err
	}
	groups, err := s.store.Groups(ctx, tracker.ByExperiment)
	if err != nil {
		return nil, err
	}
	list := []experiment{}
	none := true // with the name ""
	for _, g := range groups {
		e := newExperiment(g.Name)
		if none = none && g.Name != ""; g.Latest != nil {
			e.LastUpdate = integer(g.Latest.SeenAt.UnixMilli())
		}
		list = append(list, e)
	}
	if none {
		list = append(list, newExperiment(""))
	}
	list = slices.DeleteFunc(list, func(e experiment) bool {
		return in.View == "DELETED_ONLY" || slices.ContainsFunc(conditions, func(c condition) bool { return !c.matches(e.Name) })
	})
	if err := sortExperiments(list, in.Order); err != nil {
		return nil, err
	}
	part, next, err := page(list, in.Token, most)
	return struct {
		Experiments []experiment `json:"experiments"`
		Next        string       `json:"next_page_token,omitempty"`
	}{part, next}, err
}

// checkExperiments refuses comparisons that cannot be made for experiments.
func checkExperiments(c *condition) error {
	if c.kind != kindAttribute || c.key != "name" || !c.isText || !slices.Contains([]string{"=", "!=", "LIKE", "ILIKE"}, c.op) {
		return invalid("experiments can only be searched by name = 'X', and with !=, LIKE and ILIKE")
	}
	return nil
}

// sortExperiments sorts experiments, which are sorted by their latest run, the latest first.
func sortExperiments(list []experiment, order []string) error {
	for _, text := range slices.Backward(order) {
		text = strings.TrimSpace(text)
		word := words.FindString(text)
		descending, err := direction(text[len(word):])
		if err != nil {
			return err
		}
		compare := map[string]func(a, b experiment) int{
			"name":             func(a, b experiment) int { return cmp.Compare(a.Name, b.Name) },
			"experiment_id":    func(a, b experiment) int { return cmp.Compare(a.ID, b.ID) },
			"last_update_time": func(a, b experiment) int { return cmp.Compare(a.LastUpdate, b.LastUpdate) },
		}[strings.TrimPrefix(strings.TrimPrefix(word, "attributes."), "attribute.")]
		if compare == nil {
			return invalid("experiments can only be ordered by name, experiment_id and last_update_time, not by %.60q", text)
		}
		slices.SortStableFunc(list, func(a, b experiment) int {
			if descending {
				a, b = b, a
			}
			return compare(a, b)
		})
	}
	return nil
}
