-- The other side of the edge for tests: answers what the path asks for, and fails in every way a database can.

CREATE SCHEMA factory;
CREATE TABLE factory.calls (path text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE SEQUENCE factory.attempts;
CREATE TYPE factory.reply AS (status integer, headers jsonb, body bytea);

CREATE FUNCTION factory.answer(status integer, body jsonb, headers jsonb DEFAULT '{}') RETURNS factory.reply
  LANGUAGE sql IMMUTABLE AS $$
  SELECT ROW (status, '{"Content-Type": "application/json"}'::jsonb || headers,
              convert_to(body::text, 'UTF8'))::factory.reply
$$;

CREATE FUNCTION factory.serve_any(tenant uuid, method text, target text, headers jsonb, body bytea, peer inet)
  RETURNS factory.reply LANGUAGE plpgsql AS $$
DECLARE
  path text := split_part(target, '?', 1);
  argument text := split_part(target, '?', 2);
BEGIN
  CASE path
    WHEN '/echo' THEN
      RETURN factory.answer(200, jsonb_build_object(
        'tenant', tenant, 'method', method, 'target', target, 'headers', headers,
        'body', encode(body, 'hex'), 'peer', host(peer)));
    WHEN '/length' THEN
      RETURN factory.answer(200, jsonb_build_object('length', length(body), 'sha256', encode(sha256(body), 'hex')));
    WHEN '/sleep' THEN
      PERFORM pg_sleep(argument::double precision);
      RETURN factory.answer(200, '{"slept": true}');
    WHEN '/large' THEN
      RETURN factory.answer(200, to_jsonb(repeat('x', argument::integer)));
    WHEN '/raise' THEN
      PERFORM nextval('factory.attempts');
      RAISE EXCEPTION 'refused' USING ERRCODE = argument;
    WHEN '/count' THEN
      INSERT INTO factory.calls (path) VALUES (argument);
      PERFORM pg_sleep(0.5);
      RETURN factory.answer(200, '{}');
    WHEN '/for-tenant' THEN
      IF tenant IS NULL OR tenant::text <> argument THEN
        RETURN factory.answer(421, '{"code": "misdirected"}', jsonb_build_object('x-factory-tenant', argument));
      END IF;
      RETURN factory.answer(200, jsonb_build_object('tenant', tenant));
    WHEN '/for-global' THEN
      IF tenant IS NOT NULL THEN
        RETURN factory.answer(421, '{"code": "misdirected"}', '{"x-factory-tenant": "global"}');
      END IF;
      RETURN factory.answer(200, '{"tenant": null}');
    WHEN '/never-at-home' THEN
      PERFORM nextval('factory.attempts');
      RETURN factory.answer(421, '{"code": "misdirected"}', jsonb_build_object('x-factory-tenant',
        CASE WHEN tenant IS NULL THEN '01890000-0000-7000-8000-000000000001' ELSE 'global' END));
    WHEN '/misdirected-nowhere' THEN
      PERFORM nextval('factory.attempts');
      RETURN factory.answer(421, '{"code": "misdirected"}', jsonb_build_object('x-factory-tenant', argument));
    WHEN '/headers' THEN
      RETURN factory.answer(200, '{}', jsonb_build_object(
        'X-Good', 'kept', 'Cache-Control', 'max-age=5', 'X-Line', E'a\r\nX-Smuggled: 1', 'X Bad Name', 'a',
        'X-Request-Id', 'forged', 'X-Content-Type-Options', 'sniff', 'Content-Length', '1', 'Transfer-Encoding', 'chunked', 'Connection', 'upgrade'));
    WHEN '/no-content' THEN
      RETURN ROW (204, '{}'::jsonb, NULL::bytea)::factory.reply;
    WHEN '/status' THEN
      RETURN factory.answer(argument::integer, '{}');
    WHEN '/null' THEN
      RETURN NULL;
    WHEN '/bad-headers' THEN
      RETURN ROW (200, '{"X-Number": 1}'::jsonb, NULL::bytea)::factory.reply;
    ELSE
      RETURN factory.answer(404, '{"code": "not_found"}');
  END CASE;
END
$$;

CREATE FUNCTION factory.serve(uuid, text, text, jsonb, bytea, inet) RETURNS factory.reply LANGUAGE sql AS $$
  SELECT factory.serve_any($1, $2, $3, $4, $5, $6)
$$;

CREATE FUNCTION factory.serve_global(text, text, jsonb, bytea, inet) RETURNS factory.reply LANGUAGE sql AS $$
  SELECT factory.serve_any(NULL, $1, $2, $3, $4, $5)
$$;

CREATE FUNCTION factory.readiness(OUT ok boolean, OUT version text, OUT schema_version text, OUT detail text, OUT colour text,
                                  OUT safe_mode boolean)
  LANGUAGE sql AS $$ SELECT true, '0.0.0', '0', NULL::text, 'green', false $$;
