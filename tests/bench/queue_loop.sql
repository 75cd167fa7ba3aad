-- What a queue in SQL alone does for each message: take it for a while, then remove it.
WITH next AS (SELECT id FROM bench.queue WHERE visible_at <= now() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE bench.queue q SET visible_at = now() + interval '60 s', reads = reads + 1 FROM next WHERE q.id = next.id RETURNING q.id, q.body \gset
DELETE FROM bench.queue WHERE id = :id;
