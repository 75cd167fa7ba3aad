-- Declarations: what serve answers, what an app may add, and that both pass the same gate.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces

-- The matrix is the one that is enforced.
SELECT * FROM factory.permission_matrix();
SELECT count(*) FILTER (WHERE owner) AS owner, count(*) FILTER (WHERE admin) AS admin, count(*) FILTER (WHERE staff) AS staff,
       count(*) FILTER (WHERE viewer) AS viewer FROM factory.permission_matrix();
SELECT count(*) > 50 AS many, count(DISTINCT code) = count(*) AS unique_codes, min(status), max(status) FROM factory.errors();
SELECT ok, version = schema_version AS in_step, detail FROM factory.readiness();
SELECT factory.openapi()->>'openapi' AS openapi;

-- An app's functions become calls, for their owner who is an operator.
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.count_notes() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM wall.notes; END;
CREATE FUNCTION wall.add_note(id integer, title text, tags text[] DEFAULT '{}', OUT note_id integer, OUT tag_count integer)
LANGUAGE plpgsql SET search_path = wall, pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO notes (id, title) VALUES (add_note.id, add_note.title);
  note_id := id;
  tag_count := cardinality(tags);
END
$$;
CREATE FUNCTION wall.list_notes(title_like text DEFAULT '%') RETURNS SETOF wall.notes LANGUAGE sql STABLE
BEGIN ATOMIC SELECT * FROM wall.notes n WHERE n.title LIKE title_like ORDER BY n.id; END;
CREATE FUNCTION wall.complain(reason text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%', reason USING ERRCODE = 'PT409';
END
$$;
CREATE FUNCTION wall.unpinned() RETURNS integer LANGUAGE sql AS 'SELECT 1';
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/notes/count', 'Count notes');
SELECT factory.route_add('wall.add_note(integer, text, text[])', 'POST', '/v1/app/notes', 'Add a note', 'records.write', status => 201, audit_action => 'note.added');
SELECT factory.route_add('wall.list_notes(text)', 'GET', '/v1/app/notes', 'List notes');
SELECT factory.route_add('wall.complain(text)', 'POST', '/v1/app/complaints', 'Complain', 'workspace.view');

-- What cannot be declared.
SELECT factory.route_add('wall.unpinned()', 'GET', '/v1/app/unpinned', 'x');
SELECT factory.route_add('wall.count_notes()', 'FETCH', '/v1/app/x', 'x');
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/me', 'x');
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/{nothing}', 'x');
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/x', 'x', 'no.such');
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/x', 'x', 'anyone');
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/x', 'x', 'workspace.view', 'global');
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/notes', 'x');
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/x', 'x', status => 500);
SELECT factory.route_add('factory.me()', 'GET', '/v1/app/me', 'x');
SELECT factory.route_add('pg_catalog.now()', 'GET', '/v1/app/now', 'x');
SELECT factory.write_route('wall.unpinned()', 'GET', '/v1/app/unpinned', 'x', 'user', 'global', 'object', 200, NULL, 'api', 'me');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION app_login;
SELECT factory.route_add('wall.count_notes()', 'GET', '/v1/app/x', 'x');
RESET SESSION AUTHORIZATION;

-- The calls, as the edge makes them.
\c - factory_edge
\set headers_of '{"authorization": "Bearer ' :ann '"}'
SELECT status, convert_from(body, 'UTF8') FROM factory.serve(:'a', 'GET', '/v1/app/notes/count', :'headers_of', '', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8') FROM factory.serve(:'a', 'POST', '/v1/app/notes', :'headers_of', '{"id": 30, "title": "thirty", "tags": ["x", "y"]}', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8')::json->'errors' AS errors FROM factory.serve(:'a', 'POST', '/v1/app/notes', :'headers_of', '{"id": "30", "tags": "x", "color": 1}', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code FROM factory.serve(:'a', 'POST', '/v1/app/notes', :'headers_of', '{"id": 30, "title": "twice"}', '192.0.2.1');
SELECT status, json_array_length(convert_from(body, 'UTF8')::json->'data') AS rows FROM factory.serve(:'a', 'GET', '/v1/app/notes?title_like=A%25', :'headers_of', '', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8')::json->>'detail' AS detail FROM factory.serve(:'a', 'POST', '/v1/app/complaints', :'headers_of', '{"reason": "no tea"}', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code FROM factory.serve(:'b', 'GET', '/v1/app/notes', :'headers_of', '', '192.0.2.1');
\set headers_of '{"authorization": "Bearer ' :ben '"}'
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code FROM factory.serve(:'a', 'POST', '/v1/app/notes', :'headers_of', '{"id": 31, "title": "viewer"}', '192.0.2.1');
SELECT status, headers->>'x-factory-tenant' AS again FROM factory.serve(:'a', 'GET', '/v1/me', :'headers_of', '', '192.0.2.1');
SELECT status, headers FROM factory.serve_global('OPTIONS', '/v1/app/notes', '{}', '', NULL);
SELECT status, headers->>'allow' AS allow FROM factory.serve_global('PUT', '/v1/app/notes', '{}', '', NULL);
SELECT factory.serve(NULL, 'GET', '/v1/tenant', '{}', '', NULL);
SELECT factory.serve_global(NULL, '/', '{}', '', NULL);
SELECT factory.serve_global('GET', '/v1/me', '[]', '', NULL);
SELECT factory.tenant_id();

-- By direct SQL the same functions pass the same gate.
\c - app_login
SELECT wall.count_notes();
BEGIN;
SELECT factory.sign_in(:'ben', :'a') AS ignored \gset
SELECT wall.count_notes();
SELECT wall.add_note(32, 'viewer');
ROLLBACK;

-- A route ends with its function, or when it is withdrawn.
\c - postgres
SELECT action, outcome, count(*) FROM factory.audit_events WHERE tenant_id = :'a' AND action = 'note.added' GROUP BY 1, 2 ORDER BY 2;
SET SESSION AUTHORIZATION wall_owner;
SELECT factory.route_drop('wall.complain(text)');
SELECT factory.route_drop('wall.complain(text)');
DROP FUNCTION wall.count_notes();
RESET SESSION AUTHORIZATION;
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code FROM factory.serve_global('GET', '/v1/app/notes/count', '{}', '', NULL);
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code FROM factory.serve_global('POST', '/v1/app/complaints', '{}', '', NULL);
SELECT count(*) FROM (SELECT json_object_keys(factory.openapi()->'paths') AS path) p WHERE path LIKE '/v1/app/%';

-- A new library reads the declarations of the schema before: a column that is not there yet holds nothing, and calls go on.
BEGIN;
ALTER TABLE factory.routes DROP COLUMN etag, DROP COLUMN status, DROP COLUMN problems, DROP COLUMN nullable, DROP COLUMN schemas, DROP COLUMN rate_class,
  DROP COLUMN audit_action, DROP COLUMN page_key, DROP COLUMN summary;
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code FROM factory.serve_global('GET', '/v1/me', '{}', '', NULL);
\set headers_of '{"authorization": "Bearer ' :ann '"}'
SELECT status, convert_from(body, 'UTF8')::json->>'name' AS name FROM factory.serve(:'a', 'GET', '/v1/tenant', :'headers_of', '', '192.0.2.1');
SELECT json_typeof(factory.openapi()->'paths') AS paths;
SELECT factory.require('workspace.view');
ROLLBACK;
SELECT json_typeof(factory.openapi()->'paths') AS paths;
\i :leave
