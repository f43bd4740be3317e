-- Costs by everything a breakdown can ask for: attempts are joined once, and a million of them become some thousand rows. Beside
-- each, what it would have been on demand; NULL where that price isn't known.
CREATE TEMP TABLE cost_cube AS
WITH sums AS (
  SELECT
    c.day, a.job, a.owner, a.queue, coalesce(i.environment, a.environment) AS environment, a.stage, a.platform, a.outcome,
    coalesce(i.instance_type, '') AS instance_type, coalesce(i.purchase, a.purchase, 'on-demand') AS purchase,
    r.attempt IS NOT NULL AS retried, a.array_index IS NOT NULL AS of_array, sum(c.cost_nano) AS cost_nano
  FROM attempt_costs AS c
  JOIN attempts AS a ON a.rowid = c.attempt
  LEFT JOIN instances AS i ON i.instance_id = a.instance_id
  LEFT JOIN retried_attempts AS r ON r.attempt = c.attempt
  GROUP BY ALL
)
SELECT
  sums.*,
  CASE
    WHEN sums.purchase <> 'spot' OR sums.cost_nano = 0 THEN sums.cost_nano
    ELSE sums.cost_nano * d.on_demand_nano // d.paid_nano
  END AS on_demand_nano
FROM sums
LEFT JOIN spot_days AS d ON d.day = sums.day AND d.platform = sums.platform AND d.instance_type = sums.instance_type
