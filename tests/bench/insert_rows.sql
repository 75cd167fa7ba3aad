\set number random(1, :callers)
SELECT tenant, token FROM bench.callers WHERE number = :number
\gset
BEGIN;
SELECT factory.sign_in(:token, :tenant);
-- each of 100
INSERT INTO bench.TABLE (tenant_id, title, amount) VALUES (:tenant, 'An order of the figures', 4200);
COMMIT;
