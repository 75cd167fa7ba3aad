SELECT json_build_object('id', u.id, 'email', u.email, 'name', u.name),
       coalesce((SELECT json_agg(json_build_object(
                          'tenant', json_build_object('id', t.id, 'slug', t.slug, 'name', t.name, 'status', t.status),
                          'role', d.role, 'capabilities', r.capabilities) ORDER BY t.id)
                 FROM bench.user_tenants d
                 JOIN bench.tenants t ON t.id = d.tenant_id
                 JOIN bench.roles r ON r.name = d.role
                 WHERE d.user_id = u.id), '[]'::json)
FROM bench.users u
WHERE u.id = :person;
