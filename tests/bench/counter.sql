INSERT INTO bench.counters VALUES ('figures', 1) ON CONFLICT (key) DO UPDATE SET n = counters.n + 1 RETURNING n;
