package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// failed turns an error into one of the tracker's. Errors that are one already are returned unchanged.
func (db *DB) failed(doing string, err error) error {
	var known *tracker.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code, why := explain(err)
	return tracker.Errorf(code, "%s in the store %s: %s (%w)", doing, db.name, why, terminal.OneLine(err))
}

// explain returns the kind of an error, and what it means to a person.
func explain(err error) (tracker.Code, string) {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainServer(e)
	}
	if isAway(err) {
		return tracker.CodeUnavailable, "the database cannot be reached: look whether the server runs, and at the host and port in the URL"
	}
	return tracker.CodeInternal, "the database answered what was not expected"
}

// explainServer explains what the server says, by the codes of PostgreSQL's Appendix A.
func explainServer(e *pgconn.PgError) (tracker.Code, string) {
	switch e.Code {
	case "28P01", "28000":
		return tracker.CodeUnavailable, "the server refuses this user or password: look at the URL, $PGUSER, $PGPASSWORD and ~/.pgpass"
	case "3D000":
		return tracker.CodeUnavailable, "there is no such database: make it with createdb"
	case "42501", "3F000":
		return tracker.CodeUnavailable, "this user may not do that: GRANT CREATE ON DATABASE lets the store be made, and its owner grants the rest"
	case "25006":
		return tracker.CodeUnavailable, "the server is a copy for reading only: name the one that it is a copy of"
	case "53300":
		return tracker.CodeUnavailable, "the server has too many connections: raise max_connections, or add pool_max_conns=2 to the URL"
	case "53100", "53200":
		return tracker.CodeUnavailable, "the server's disk or memory is full: make room there; what was recorded before is kept"
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "57", "58", "53":
		return tracker.CodeUnavailable, "the server ends or begins just now, or is in trouble: try again, and look at its log"
	case "XX":
		return tracker.CodeInternal, "the database is damaged: look at the server's log"
	}
	return tracker.CodeInternal, "the database refuses it"
}

// isAway reports whether the server could not be reached, or went away.
func isAway(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "57P01", "57P02", "57P03", "25P03": // it ends, crashed, begins, or had no word from here for long
			return true
		}
		return strings.HasPrefix(e.Code, "08")
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNREFUSED) ||
		pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed")
}

// isConflict reports whether the server undid a transaction because of another one.
func isConflict(err error) bool { return hasCode(err, "40001") || hasCode(err, "40P01") }

// mayPass reports whether a transaction may succeed when it is tried again.
func mayPass(err error) bool {
	return isAway(err) || isConflict(err)
}

// foreignKey is the code of a row that names none of another table, for example a picture that was just deleted.
const foreignKey = "23503"

func hasCode(err error, code string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == code
}
