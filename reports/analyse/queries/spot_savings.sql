-- Spot capacity by environment, jobs and idle machines: what it cost, and would have cost on demand. What the ledger puts in no
-- environment has an empty one: the sums are the bill's spot lines, exactly.
WITH used AS (
  SELECT day, platform, instance_type, coalesce(environment, '') AS environment, sum(cost_nano) AS paid_nano
  FROM (
    SELECT day, platform, instance_type, environment, cost_nano FROM cost_cube WHERE purchase = 'spot'
    UNION ALL
    SELECT day, 'ec2' AS platform, instance_type, environment, cost_nano FROM ec2_idle WHERE purchase = 'spot'
  )
  WHERE day >= $since AND day < $until
  GROUP BY ALL
),
compared AS (
  SELECT u.*, CASE WHEN d.paid_nano <> 0 THEN u.paid_nano * d.on_demand_nano // d.paid_nano END AS on_demand_nano
  FROM used AS u
  JOIN spot_days AS d ON d.day = u.day AND d.platform = u.platform AND d.instance_type = u.instance_type
),
known AS (
  SELECT
    day, platform, instance_type, sum(paid_nano) AS paid_nano, coalesce(sum(on_demand_nano), 0) AS on_demand_nano
  FROM compared
  GROUP BY day, platform, instance_type
),
everything AS (
  SELECT platform, environment, paid_nano, on_demand_nano FROM compared
  UNION ALL
  SELECT
    d.platform, '', d.paid_nano - coalesce(k.paid_nano, 0), d.on_demand_nano - coalesce(k.on_demand_nano, 0)
  FROM spot_days AS d
  LEFT JOIN known AS k ON k.day = d.day AND k.platform = d.platform AND k.instance_type = d.instance_type
  WHERE d.day >= $since AND d.day < $until
)
SELECT
  environment, platform,
  CAST(coalesce(sum(paid_nano) FILTER (WHERE on_demand_nano IS NOT NULL), 0) AS BIGINT) AS paid_nano,
  CAST(coalesce(sum(on_demand_nano), 0) AS BIGINT) AS on_demand_nano,
  CAST(coalesce(sum(paid_nano) FILTER (WHERE on_demand_nano IS NULL), 0) AS BIGINT) AS unpriced_nano
FROM everything
GROUP BY environment, platform
HAVING sum(paid_nano) <> 0 OR coalesce(sum(on_demand_nano), 0) <> 0
ORDER BY environment = '', platform, environment
