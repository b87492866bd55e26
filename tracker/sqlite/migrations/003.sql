-- A queue of runs that wait for a worker, and who works on it.

-- A run's place in the queue: 0 for none; 1 if a process has it, which gives it back by ending; 2 while it waits. One that
-- waits is 'running' in the column status, since it has not ended.
ALTER TABLE runs ADD COLUMN queue   INTEGER NOT NULL DEFAULT 0;
-- Somebody asked the run to end, since it was last continued.
ALTER TABLE runs ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;
-- Workers take trials from the sweep.
ALTER TABLE sweeps ADD COLUMN active INTEGER NOT NULL DEFAULT 0;

CREATE INDEX runs_queued ON runs (key) WHERE queue > 0;
DROP INDEX runs_running;
CREATE INDEX runs_running ON runs (key) WHERE status = 'running' AND queue IS NOT 2;

CREATE TABLE workers (
    host            TEXT    NOT NULL,
    pid             INTEGER NOT NULL,
    boot            TEXT    NOT NULL,
    process_started INTEGER NOT NULL,
    device          TEXT    NOT NULL,
    run             TEXT    NOT NULL, -- an id, or ''
    seen_at         INTEGER NOT NULL,
    PRIMARY KEY (host, pid, boot, process_started)
) WITHOUT ROWID;
