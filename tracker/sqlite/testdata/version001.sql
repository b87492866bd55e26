-- A run as version 1 of the database kept it.
INSERT INTO runs (key, id, name, experiment, sweep, trial, status, reason, started_at, ended_at, seen_at, note, rating, provenance, host, pid, boot, process_started, revision)
VALUES (1, '1k7q3f9abcde', 'old', 'night', '', 0, 'finished', 'done', 1790000000000000, 1790000060000000, 1790000060000000, 'a note', 4, '{"version":"v0.1.0"}', 'host', 7, 'boot', 1789999999000000, 1);
UPDATE history SET revision = 1;
INSERT INTO params (run, name, value) VALUES (1, 'pooling', 'avg'), (1, 'style_weight', 50);
INSERT INTO tags (run, tag) VALUES (1, 'good');
INSERT INTO metrics (key, run, name, points, last_step, last, least, greatest) VALUES (1, 1, 'total', 1, 3, 2.5, 2.5, 2.5);
INSERT INTO chunks (metric, number, points) VALUES (1, 0, X'03000000000000000000000000000440');
