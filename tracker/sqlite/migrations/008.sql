-- Files of runs beside their pictures. Their contents are files under blobs/, too: a row of blobs that is no picture's has
-- the format ''.
CREATE TABLE files (
    run  INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT    NOT NULL,
    type TEXT    NOT NULL,
    hash TEXT    NOT NULL REFERENCES blobs,
    at   INTEGER NOT NULL,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX files_by_hash ON files (hash);
