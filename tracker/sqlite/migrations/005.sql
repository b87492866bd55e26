-- How often a process took the run: an earlier one may not write to it. The column claimed is not read any
-- more. It stays for the processes of an earlier version that record a run while this one opens the store.
ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
