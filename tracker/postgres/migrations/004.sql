-- Files of runs beside their pictures. Their contents are where the pictures are: a row of blobs that is no picture's has
-- the format ''.
CREATE TABLE files (
    run  bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL REFERENCES blobs,
    at   bigint NOT NULL,
    PRIMARY KEY (run, name)
);
CREATE INDEX files_by_hash ON files (hash);
