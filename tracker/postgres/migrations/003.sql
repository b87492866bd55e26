-- Who wrote a run's note last, '' if that is not known, and when, NULL if it is not.
ALTER TABLE runs ADD COLUMN note_by text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN note_at bigint;
