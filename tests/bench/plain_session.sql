SELECT u.status, s.ended_at IS NOT NULL, s.expires_at, s.assurance, m.role, t.status
FROM bench.sessions s
JOIN bench.users u ON u.id = s.user_id
LEFT JOIN bench.memberships m ON m.tenant_id = :tenant AND m.user_id = s.user_id
LEFT JOIN bench.tenants t ON t.id = :tenant
WHERE s.id = :session AND s.user_id = :person;
