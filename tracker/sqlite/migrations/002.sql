-- What sweeps need: their records, runs that are taken up again, and what people find better.

-- Microseconds in which nobody worked on the run, how often it was taken up again since its last checkpoint, and whether
-- only the process that took it up last may log into it.
ALTER TABLE runs ADD COLUMN idle    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN tries   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;

-- Not unique: runs that were imported may have the numbers of those that are here.
CREATE INDEX runs_by_trial ON runs (sweep, trial) WHERE sweep <> '';

CREATE TABLE sweeps (
    key        INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    experiment TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    dir        TEXT    NOT NULL,
    trials     INTEGER NOT NULL,
    rated      INTEGER NOT NULL,
    started_at INTEGER NOT NULL
);

-- A number is never used twice, so that taking a judgement back a second time takes back no other.
CREATE TABLE judgements (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    left_run  INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    right_run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE CHECK (right_run <> left_run),
    verdict   TEXT    NOT NULL CHECK (verdict IN ('left', 'right', 'tie')),
    rater     TEXT    NOT NULL,
    at        INTEGER NOT NULL
);
CREATE INDEX judgements_by_left  ON judgements (left_run);
CREATE INDEX judgements_by_right ON judgements (right_run);
