SELECT m.user_id, u.email, u.name, m.role, m.joined_at
FROM bench.memberships m
JOIN bench.users u ON u.id = m.user_id
WHERE m.tenant_id = :tenant AND m.user_id > '00000000-0000-0000-0000-000000000000'
ORDER BY m.user_id
LIMIT 13;
