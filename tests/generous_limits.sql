-- The tests call from one address more often than people do: the throw-away platform allows it. Tests of the limits
-- themselves set their own.
SELECT factory.set_platform_rate_policy(p.class, p.strategy, 100000, 100000, 60, name => p.name)
FROM factory.platform_rate_policies p
WHERE p.shipped;
