-- Costs by everything a breakdown can ask for: attempts are joined once, and a million of them become some thousand rows.
CREATE TEMP TABLE cost_cube AS
SELECT
  c.day, a.job, a.owner, a.queue, coalesce(i.environment, a.environment) AS environment, a.stage, a.platform, a.outcome,
  r.attempt IS NOT NULL AS retried, sum(c.cost_nano) AS cost_nano
FROM attempt_costs AS c
JOIN attempts AS a ON a.rowid = c.attempt
LEFT JOIN instances AS i ON i.instance_id = a.instance_id
LEFT JOIN retried_attempts AS r ON r.attempt = c.attempt
GROUP BY ALL
