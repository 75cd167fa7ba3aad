\set guest random(1, 1000000000000)
SELECT convert_from(body, 'UTF8')::json ->> 'id' AS invitation
FROM factory.serve(:tenant, 'POST', '/v1/invitations', :headers::jsonb || '{"content-type": "application/json"}',
  convert_to(json_build_object('email', 'guest' || :guest || '@example.com', 'role', 'viewer')::text, 'UTF8'), '127.0.0.1')
\gset
SELECT 1 / (status = 204)::integer
FROM factory.serve(:tenant, 'DELETE', '/v1/invitations/' || :invitation, :headers, '', '127.0.0.1');
