package hostiletest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// Text is hostile text for a place, which it names: a formula, HTML that ends an attribute or an
// element, a template, sequences for terminals (the title, a cleared screen, one with C1's single
// character), a carriage return, a line of its own, and characters that turn the writing around.
func Text(place string) string {
	return "=hostile(\"" + place + "\")'><img src=x onerror=hostile()></title><script>hostile()</script>" +
		"{{hostile}}\x1b]0;hostile\a\x1b[2J\u009b31m\rhostile\nhostile line\u202eelitsoh\u2066"
}

// Format is what a text is written for.
type Format int

// The formats.
const (
	Terminal Format = iota
	HTML
	JSON
	CSV
)

// Raw returns a sentence for each kind of hostile text that is raw in an output.
func Raw(f Format, output string) []string {
	var found []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	switch f {
	case HTML:
		for _, raw := range []string{"<img src=x", "<script>hostile", `"'><`, "</title><script", "=\"=hostile(\""} {
			add(strings.Contains(output, raw), "%s is raw: …%s", raw, around(output, raw))
		}
	case JSON:
		decoder := json.NewDecoder(strings.NewReader(output))
		var err error
		for err == nil {
			err = decoder.Decode(new(any))
		}
		add(err != io.EOF, "it is no JSON: %v", err)
		add(strings.Contains(output, "<script>hostile"), "a script is raw in JSON, which a browser may take for a page: …%s", around(output, "<script>hostile"))
		found = append(found, unprintable(output, "\n")...)
	case CSV:
		rows, err := csv.NewReader(strings.NewReader(output)).ReadAll()
		add(err != nil, "it is no CSV: %v", err)
		for _, row := range rows {
			for _, cell := range row {
				add(strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@"), "a spreadsheet runs the formula %.60q", cell)
			}
		}
	case Terminal:
		found = append(found, unprintable(output, "\n\t")...)
		add(strings.Contains("\n"+output, "\nhostile line"), "a text makes a line of its own: …%s", around(output, "\nhostile line"))
	}
	return found
}

// unprintable returns a sentence for the first of each control character, and of each character
// that turns the writing around, that is not allowed.
func unprintable(output, allowed string) []string {
	var found []string
	seen := map[rune]bool{}
	for i, r := range output {
		bad := unicode.IsControl(r) && !strings.ContainsRune(allowed, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
		if bad && !seen[r] {
			seen[r] = true
			found = append(found, fmt.Sprintf("%U is raw: %q", r, output[max(0, i-60):min(len(output), i+20)]))
		}
	}
	return found
}

func around(output, raw string) string {
	i := max(0, strings.Index(output, raw))
	return fmt.Sprintf("%q", output[max(0, i-80):min(len(output), i+80)])
}

// A column is a place for a text or a number.
type column struct{ table, name string }

func (c column) String() string { return c.table + "." + c.name }

// columns returns the columns of the tables that the program makes, and whether each is for text.
func columns(ctx context.Context, conn *sql.Conn) (all []column, text map[column]bool, err error) {
	rows, err := conn.QueryContext(ctx, `SELECT s.name, c.name, c.type FROM sqlite_schema AS s, pragma_table_info(s.name) AS c
		WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%' ORDER BY 1, 2`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	text = map[column]bool{}
	for rows.Next() {
		var c column
		var kind string
		if err := rows.Scan(&c.table, &c.name, &kind); err != nil {
			return nil, nil, err
		}
		all = append(all, c)
		text[c] = kind == "TEXT" || kind == "" // params.value has no type
	}
	return all, text, rows.Err()
}

// runKey is the column that holds a run's key in the tables that have rows for each run.
var runKey = map[string]string{"runs": "key", "params": "run", "tags": "run", "metrics": "run", "pictures": "run", "files": "run"}

// Texts makes a store with hostile text in every column of text. For each column of a run's tables
// there is a copy of a run in which only that column is hostile, so that it is not hidden by
// others; Runs are these, where they can be asked for. A last copy is hostile everywhere but in its
// id, and its provenance is JSON whose texts are hostile.
func Texts(t testing.TB) *Store {
	t.Helper()
	s := Sound(t)
	s.Runs = nil
	s.change(t, func(conn *sql.Conn) error {
		all, text, err := columns(t.Context(), conn)
		if err != nil {
			return err
		}
		m := &maker{t, s, conn, 1000, nil}
		whole := m.copyRun()
		for _, c := range all {
			if text[c] {
				m.place(c, whole)
			}
		}
		m.exec(`UPDATE runs SET provenance = ? WHERE key = ?`, provenance(), whole)
		return m.err
	})
	s.Sweeps = append(s.Sweeps, Text("runs.sweep"), Text("sweeps.name"))
	return s
}

// maker changes a database. After its first error it does nothing.
type maker struct {
	t    testing.TB
	s    *Store
	conn *sql.Conn
	key  int
	err  error
}

func (m *maker) exec(statement string, args ...any) {
	if m.err == nil {
		_, m.err = m.conn.ExecContext(m.t.Context(), statement, args...)
	}
}

// place puts hostile text into a column: of a copy of a run and of the hostile run if it is a
// column of a run's table, else of a new row or of all rows.
func (m *maker) place(c column, whole int) {
	hostile := Text(c.String())
	set := func(key int, value string) {
		m.exec(fmt.Sprintf(`UPDATE OR IGNORE %s SET %s = ? WHERE %s = ?`, c.table, c.name, runKey[c.table]), value, key)
	}
	switch {
	case c == column{"pictures", "hash"}: // with a row of blobs, or it would not be found
		key := m.copyRun()
		m.exec(`INSERT INTO blobs SELECT ?, bytes, format, width, height FROM blobs LIMIT 1`, hostile)
		m.exec(`UPDATE pictures SET hash = ? WHERE run = ? AND role = 'result'`, hostile, key)
	case c == column{"blobs", "format"}: // of a picture that no other run has
		for n, name := range []string{hostile, `png"><img src=x onerror=hostile()>`, "tiff", "../../png"} {
			key := m.copyRun()
			hash := m.addPicture(1000 + n)
			m.exec(`INSERT INTO blobs VALUES (?, ?, ?, 48, 32)`, hash, len(Picture(1000+n)), name)
			m.exec(`UPDATE pictures SET hash = ? WHERE run = ? AND role = 'result'`, hash, key)
		}
	case runKey[c.table] != "":
		key := m.copyRun()
		set(key, hostile)
		switch c {
		case column{"runs", "id"}:
			m.s.Runs = m.s.Runs[:len(m.s.Runs)-1]
		case column{"runs", "status"}:
		default:
			set(whole, hostile)
		}
	case c == column{"sweeps", "name"}: // as the others of this sweep are
		m.exec(`INSERT INTO sweeps (name, experiment, text, dir, trials, rated, started_at) SELECT ?1, experiment, text, dir, trials, rated, started_at FROM sweeps LIMIT 1`, hostile)
		key := m.copyRun()
		m.exec(`UPDATE runs SET sweep = ? WHERE key = ?`, hostile, key)
	case c == column{"sweeps", "text"}: // which can be read as a file all the same
		quoted, _ := json.Marshal(hostile)
		m.exec(`UPDATE sweeps SET text = replace(text, 'sample:chelsea', ?) WHERE name = 'weights'`, string(quoted))
	case c.table == "blobs": // hash: above
	default:
		m.exec(fmt.Sprintf(`UPDATE %s SET %s = ?`, c.table, c.name), hostile)
	}
}

// copyRun copies the first run, with all that it has, and returns the copy's key.
func (m *maker) copyRun() int {
	m.key++
	id := fmt.Sprintf("1k7q3f9%05d", m.key)
	m.s.Runs = append(m.s.Runs, id)
	m.exec(`CREATE TEMP TABLE copy AS SELECT * FROM runs WHERE key = 1`)
	m.exec(`UPDATE copy SET key = ?, id = ?, trial = ?`, m.key, id, m.key)
	m.exec(`INSERT INTO runs SELECT * FROM copy`)
	m.exec(`DROP TABLE copy`)
	m.exec(`INSERT INTO params SELECT ?, name, value, truth FROM params WHERE run = 1`, m.key)
	m.exec(`INSERT INTO tags SELECT ?, tag FROM tags WHERE run = 1`, m.key)
	m.exec(`INSERT INTO pictures SELECT ?, role, step, name, source, hash, at FROM pictures WHERE run = 1`, m.key)
	m.exec(`INSERT INTO files SELECT ?, name, type, hash, at FROM files WHERE run = 1`, m.key)
	m.exec(`INSERT INTO metrics (run, name, points, last_step, last, least, greatest) SELECT ?, name, points, last_step, last, least, greatest FROM metrics WHERE run = 1`, m.key)
	m.exec(`INSERT INTO chunks SELECT new.key, number, c.points FROM chunks AS c JOIN metrics AS old ON old.key = c.metric AND old.run = 1
		JOIN metrics AS new ON new.name = old.name AND new.run = ?`, m.key)
	return m.key
}

// addPicture writes a picture's file and returns its hash.
func (m *maker) addPicture(n int) string {
	data := Picture(n)
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	path := filepath.Join(m.s.Dir, "blobs", hash[:2], hash)
	if m.err == nil {
		m.err = os.MkdirAll(filepath.Dir(path), 0o777)
	}
	if m.err == nil {
		m.err = os.WriteFile(path, data, 0o666)
	}
	return hash
}

var placeholder = regexp.MustCompile(`PLACE`)

// provenance is JSON in which every text is hostile.
func provenance() string {
	hostile, _ := json.Marshal(Text("PLACE"))
	text := func(name string) []byte {
		return placeholder.ReplaceAll(hostile, []byte("provenance."+name))
	}
	var b bytes.Buffer
	b.WriteString(`{"command":["gouache",` + string(text("command")) + `]`)
	for _, name := range []string{"version", "commit", "dir", "go", "platform", "xla", "device", "network", "weights", "weights_sha256"} {
		fmt.Fprintf(&b, `,%q:%s`, name, text(name))
	}
	b.WriteString(`,"seed":7}`)
	return b.String()
}
