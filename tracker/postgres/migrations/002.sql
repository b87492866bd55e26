-- What a run needs of the worker that takes it, and how soon it is taken: the greatest priority first.
ALTER TABLE runs ADD COLUMN needs text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN priority integer NOT NULL DEFAULT 0;
-- A worker that is drained takes no more runs.
ALTER TABLE workers ADD COLUMN draining boolean NOT NULL DEFAULT false;
