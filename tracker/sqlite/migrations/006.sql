-- What a run needs of the worker that takes it, and how soon it is taken: the greatest priority first.
ALTER TABLE runs ADD COLUMN needs TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
-- A worker that is drained takes no more runs.
ALTER TABLE workers ADD COLUMN draining INTEGER NOT NULL DEFAULT 0;
