-- Times are microseconds since 1970, UTC.

CREATE TABLE runs (
    key             INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    experiment      TEXT    NOT NULL,
    sweep           TEXT    NOT NULL,
    trial           INTEGER NOT NULL,
    -- A run whose process is gone stays 'running' here: whoever reads finds out, as no writer may be left.
    status          TEXT    NOT NULL CHECK (status IN ('running', 'finished', 'interrupted', 'failed')),
    reason          TEXT    NOT NULL DEFAULT '',
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER CHECK ((ended_at IS NULL) = (status = 'running')),
    seen_at         INTEGER NOT NULL,
    note            TEXT    NOT NULL DEFAULT '',
    rating          INTEGER NOT NULL DEFAULT 0 CHECK (rating BETWEEN 0 AND 5),
    provenance      TEXT    NOT NULL, -- JSON
    host            TEXT    NOT NULL,
    pid             INTEGER NOT NULL,
    boot            TEXT    NOT NULL,
    process_started INTEGER NOT NULL,
    revision        INTEGER NOT NULL
);
CREATE INDEX runs_by_start      ON runs (started_at, id);
CREATE INDEX runs_by_experiment ON runs (experiment, started_at);
CREATE INDEX runs_by_sweep      ON runs (sweep, started_at) WHERE sweep <> '';
CREATE INDEX runs_by_revision   ON runs (revision);
CREATE INDEX runs_running       ON runs (key) WHERE status = 'running';

-- A value keeps its type; a truth is the text true or false with truth = 1.
CREATE TABLE params (
    run   INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name  TEXT    NOT NULL,
    value         NOT NULL,
    truth INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX params_by_name ON params (name);

CREATE TABLE tags (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    tag TEXT    NOT NULL,
    PRIMARY KEY (run, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);

-- last is the value at the highest step. NULL stands for NaN, which SQLite does not have.
CREATE TABLE metrics (
    key       INTEGER PRIMARY KEY,
    run       INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    points    INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    last      REAL,
    least     REAL,
    greatest  REAL,
    UNIQUE (run, name)
);
CREATE INDEX metrics_by_name ON metrics (name);

-- The points of a metric in the order in which they were logged: 16 bytes each, the step and the value's bits,
-- little-endian. Every chunk but the last is full; see metric.go.
CREATE TABLE chunks (
    metric INTEGER NOT NULL REFERENCES metrics ON DELETE CASCADE,
    number INTEGER NOT NULL,
    points BLOB    NOT NULL,
    PRIMARY KEY (metric, number)
);

-- The files under blobs/, by the SHA-256 of what is in them.
CREATE TABLE blobs (
    hash   TEXT    PRIMARY KEY,
    bytes  INTEGER NOT NULL,
    format TEXT    NOT NULL,
    width  INTEGER NOT NULL,
    height INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE pictures (
    run    INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    role   TEXT    NOT NULL,
    step   INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    source TEXT    NOT NULL,
    hash   TEXT    NOT NULL REFERENCES blobs,
    at     INTEGER NOT NULL,
    PRIMARY KEY (run, role, step, name)
) WITHOUT ROWID;
CREATE INDEX pictures_by_hash ON pictures (hash);

-- Each change of a run takes the next revision, so that readers can ask what is new.
CREATE TABLE history (revision INTEGER NOT NULL);
INSERT INTO history VALUES (0);

CREATE TABLE deletions (
    revision INTEGER NOT NULL,
    id       TEXT    NOT NULL
);
CREATE INDEX deletions_by_revision ON deletions (revision);
