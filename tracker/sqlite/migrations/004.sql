-- Words are searched for in the names of pictures. Snapshots, which are most pictures, have none.
CREATE INDEX pictures_by_name ON pictures (name) WHERE name <> '';
