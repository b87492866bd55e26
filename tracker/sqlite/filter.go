package sqlite

import (
	"strconv"
	"time"

	"github.com/gouache-art/gouache/tracker/filtersql"
)

// dialect is how SQLite writes filters; see runsCTE for r. Its lower changes ASCII's letters only.
var dialect = &filtersql.Dialect{
	Argument: func(n int, value any) (string, any) {
		text := "?" + strconv.Itoa(n)
		switch v := value.(type) {
		case time.Time:
			return text, v.UnixMicro()
		case []string:
			return `(SELECT value FROM json_each(` + text + `))`, toJSON(v)
		}
		return text, value
	},
	Contains: func(text, part string) string { return `instr(lower(` + text + `), lower(` + part + `)) > 0` },
	Begins:   func(text, part string) string { return `instr(lower(` + text + `), lower(` + part + `)) = 1` },
	Ends: func(text, part string) string {
		return `substr(lower(` + text + `), -length(` + part + `)) = lower(` + part + `)`
	},
	Fields: map[string]string{
		"id": "r.shown_id", "name": "r.name", "experiment": "r.experiment", "sweep": "r.sweep", "trial": "r.trial",
		"status": "r.shown", "reason": "r.why", "note": "r.note", "rating": "r.rating", "host": "r.host", "needs": "r.needs", "priority": "r.priority",
		"started": "r.started_at", "ended": "r.ended", "duration": "(max(0, coalesce(r.ended, r.seen_at) - r.started_at - r.idle) / 1e6)",
	},
	// Strings cannot hold the character between the fields, so that no word is found across two of them.
	Words:       []string{`r.name || char(0) || r.note || char(0) || r.experiment || char(0) || r.sweep`},
	ParamIsText: `typeof(p.value) = 'text'`, ParamText: `p.value`, ParamNumber: `p.value`,
	ParamOrder: []string{`p.value`},
}
