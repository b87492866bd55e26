-- Times are microseconds since 1970, UTC. Strings compare byte by byte. A revision is the transaction that changed
-- something last: readers that hold the snapshot of an earlier moment ask which were not over then.

CREATE TABLE runs (
    key             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              text COLLATE "C" NOT NULL UNIQUE,
    name            text COLLATE "C" NOT NULL,
    experiment      text COLLATE "C" NOT NULL,
    sweep           text COLLATE "C" NOT NULL,
    trial           integer NOT NULL,
    -- A run whose process is gone stays 'running' here: whoever reads finds out, as no writer may be left.
    status          text COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'finished', 'interrupted', 'failed')),
    queue           boolean NOT NULL, -- it belongs to the queue, and returns there when it is interrupted
    stopped         boolean NOT NULL DEFAULT false, -- it was asked to end, since it was last continued
    reason          text COLLATE "C" NOT NULL,
    started_at      bigint NOT NULL,
    ended_at        bigint CHECK ((ended_at IS NULL) = (status IN ('queued', 'running'))),
    seen_at         bigint NOT NULL,
    idle            bigint NOT NULL, -- in which nobody worked on it
    tries           integer NOT NULL,
    attempt         integer NOT NULL, -- how often a process took it: an earlier one may not write to it
    note            text COLLATE "C" NOT NULL,
    rating          smallint NOT NULL CHECK (rating BETWEEN 0 AND 5),
    provenance      text COLLATE "C" NOT NULL, -- JSON, of which the database need not know anything
    host            text COLLATE "C" NOT NULL,
    pid             integer NOT NULL, -- 0 if it has not begun
    boot            text COLLATE "C" NOT NULL,
    process_started bigint NOT NULL,
    revision        xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX runs_by_start      ON runs (started_at, id);
CREATE INDEX runs_by_experiment ON runs (experiment, started_at);
CREATE INDEX runs_by_sweep      ON runs (sweep, started_at) WHERE sweep <> '';
CREATE UNIQUE INDEX runs_by_trial ON runs (sweep, trial) WHERE sweep <> '' AND trial > 0;
CREATE INDEX runs_by_revision   ON runs (revision);
CREATE INDEX runs_running       ON runs (key) WHERE status = 'running';
CREATE INDEX runs_queued        ON runs (key) WHERE queue;

-- A value is a string or a number, which is whole if it was an integer; a truth is the string true or false.
CREATE TABLE params (
    run    bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    name   text COLLATE "C" NOT NULL,
    text   text COLLATE "C",
    number numeric,
    whole  boolean NOT NULL,
    truth  boolean NOT NULL,
    PRIMARY KEY (run, name),
    CHECK ((text IS NULL) <> (number IS NULL))
);
CREATE INDEX params_by_name ON params (name);

CREATE TABLE tags (
    run bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    tag text COLLATE "C" NOT NULL,
    PRIMARY KEY (run, tag)
);
CREATE INDEX tags_by_tag ON tags (tag);

-- last is the value at the highest step. NULL stands for NaN, which is less or greater than nothing.
CREATE TABLE metrics (
    key       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run       bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    name      text COLLATE "C" NOT NULL,
    points    bigint NOT NULL DEFAULT 0,
    last_step bigint NOT NULL DEFAULT 0,
    last      double precision,
    least     double precision,
    greatest  double precision,
    UNIQUE (run, name)
);
CREATE INDEX metrics_by_name ON metrics (name);

-- The points of a metric in the order in which they were logged: 16 bytes each, the step and the value's bits,
-- little-endian. Every chunk but the last is full, and none is so large that it is kept beside its row; see metric.go.
CREATE TABLE chunks (
    metric bigint NOT NULL REFERENCES metrics ON DELETE CASCADE,
    number bigint NOT NULL,
    points bytea  NOT NULL,
    PRIMARY KEY (metric, number)
);
-- The last chunks are rewritten twice a second.
ALTER TABLE chunks SET (fillfactor = 70);
ALTER TABLE metrics SET (fillfactor = 70);

-- The pictures in the object store, by the SHA-256 of what is in them.
CREATE TABLE blobs (
    hash   text COLLATE "C" PRIMARY KEY,
    bytes  bigint NOT NULL,
    format text COLLATE "C" NOT NULL,
    width  integer NOT NULL,
    height integer NOT NULL
);

CREATE TABLE pictures (
    run    bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    role   text COLLATE "C" NOT NULL,
    step   bigint NOT NULL,
    name   text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    hash   text COLLATE "C" NOT NULL REFERENCES blobs,
    at     bigint NOT NULL,
    PRIMARY KEY (run, role, step, name)
);
CREATE INDEX pictures_by_hash ON pictures (hash);
CREATE INDEX pictures_by_name ON pictures (name) WHERE name <> '';

-- The latest two checkpoints of each run, in the object store.
CREATE TABLE checkpoints (
    key    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run    bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    object text COLLATE "C" NOT NULL UNIQUE,
    bytes  bigint NOT NULL,
    hash   text COLLATE "C" NOT NULL
);
CREATE INDEX checkpoints_by_run ON checkpoints (run);

CREATE TABLE sweeps (
    key        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text COLLATE "C" NOT NULL UNIQUE,
    experiment text COLLATE "C" NOT NULL,
    text       text COLLATE "C" NOT NULL,
    dir        bytea NOT NULL, -- a folder's name need not be UTF-8
    trials     integer NOT NULL,
    rated      boolean NOT NULL,
    active     boolean NOT NULL,
    started_at bigint NOT NULL
);

CREATE TABLE judgements (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    left_run  bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    right_run bigint NOT NULL REFERENCES runs ON DELETE CASCADE CHECK (right_run <> left_run),
    verdict   text COLLATE "C" NOT NULL CHECK (verdict IN ('left', 'right', 'tie')),
    rater     text COLLATE "C" NOT NULL,
    at        bigint NOT NULL
);
CREATE INDEX judgements_by_left  ON judgements (left_run);
CREATE INDEX judgements_by_right ON judgements (right_run);

CREATE TABLE workers (
    host            text COLLATE "C" NOT NULL,
    pid             integer NOT NULL,
    boot            text COLLATE "C" NOT NULL,
    process_started bigint NOT NULL,
    device          text COLLATE "C" NOT NULL,
    run             text COLLATE "C" NOT NULL, -- an id, or ''
    seen_at         bigint NOT NULL,
    PRIMARY KEY (host, pid, boot, process_started)
);

-- What changes without a run, such as sweeps.
CREATE TABLE history (revision xid8 NOT NULL DEFAULT pg_current_xact_id());
INSERT INTO history DEFAULT VALUES;

CREATE TABLE deletions (
    key      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    revision xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id       text COLLATE "C" NOT NULL
);
CREATE INDEX deletions_by_revision ON deletions (revision);

-- Where pictures and checkpoints are, once it was said, and when what no row names was last removed there.
CREATE TABLE place (
    blobs    text COLLATE "C" NOT NULL DEFAULT '',
    swept_at bigint NOT NULL DEFAULT 0
);
INSERT INTO place DEFAULT VALUES;
