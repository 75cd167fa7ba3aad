SELECT tenant, token FROM bench.callers WHERE number = 1
\gset
BEGIN;
SELECT factory.sign_in(:token, :tenant);
INSERT INTO bench.TABLE (tenant_id, title, amount)
SELECT :tenant, 'An order of the figures', n FROM generate_series(1, 10000) n;
COMMIT;
