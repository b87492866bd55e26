-- Two trials of an active sweep, one of them taken up again, and stopped in its third attempt, a judgement, a run that waits
-- in the queue for a GPU and before others, one whose worker is gone, and that worker, which drains, who wrote a note, and a
-- file, as version 8 of the database kept them.
INSERT INTO runs (key, id, name, experiment, sweep, trial, status, reason, started_at, ended_at, seen_at, note, rating, provenance, host, pid, boot, process_started, revision, idle, tries, claimed, queue, stopped, attempt)
VALUES (1, '1k7q3f9abcde', 'old', 'night', 'weights', 1, 'finished', 'done', 1790000000000000, 1790000060000000, 1790000060000000, 'a note', 4, '{"version":"v0.1.0"}', 'host', 7, 'boot', 1789999999000000, 2, 0, 0, 0, 0, 0, 1),
       (2, '1k7q3h9abcde', 'failed', 'night', 'weights', 2, 'failed', 'out of memory', 1790000060000000, 1790000120000000, 1790000120000000, '', 0, '{"version":"v0.1.0"}', 'host', 7, 'boot', 1789999999000000, 2, 30000000, 1, 1, 0, 1, 3),
       (3, '1k7q3k9abcde', 'waiting', 'night', '', 0, 'running', '', 1790000120000000, NULL, 1790000120000000, '', 0, '{}', '', 0, '', -62135596800000000, 2, 0, 0, 0, 2, 0, 1),
       (4, '1k7q3m9abcde', 'lost', 'night', '', 0, 'running', '', 1790000120000000, NULL, 1790000120000000, '', 0, '{}', 'host', 7, 'boot', 1789999999000000, 2, 0, 0, 1, 1, 0, 2);
UPDATE history SET revision = 2;
INSERT INTO params (run, name, value) VALUES (1, 'pooling', 'avg'), (1, 'style_weight', 50);
INSERT INTO tags (run, tag) VALUES (1, 'good');
INSERT INTO metrics (key, run, name, points, last_step, last, least, greatest) VALUES (1, 1, 'total', 1, 3, 2.5, 2.5, 2.5);
INSERT INTO chunks (metric, number, points) VALUES (1, 0, X'03000000000000000000000000000440');
INSERT INTO sweeps (name, experiment, text, dir, trials, rated, started_at, active) VALUES ('weights', 'night', 'trials: 2', '/pictures', 2, 1, 1790000000000000, 1);
INSERT INTO judgements (left_run, right_run, verdict, rater, at) VALUES (2, 1, 'right', 'me', 1790000130000000);
INSERT INTO workers (host, pid, boot, process_started, device, run, seen_at) VALUES ('host', 7, 'boot', 1789999999000000, 'cpu', '1k7q3m9abcde', 1790000120000000);
UPDATE runs SET needs = 'cuda', priority = 7 WHERE id = '1k7q3k9abcde';
UPDATE workers SET draining = 1;
UPDATE runs SET note_by = 'anna', note_at = 1790000070000000 WHERE id = '1k7q3f9abcde';
INSERT INTO blobs VALUES ('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 4, '', 0, 0);
INSERT INTO files VALUES (1, 'logs/out.txt', 'text/plain', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 1790000070000000);
