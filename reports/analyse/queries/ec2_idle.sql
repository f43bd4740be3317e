-- An environment's idle of a day: its instance-hours less what attempts took of them, and the billed time around the ledger's
-- (an instance is billed from launch to termination, the ledger sees it from registration on), up to $edge_us an instance that came or went.
CREATE TEMP TABLE ec2_idle AS
WITH hours AS (
  SELECT c.day, h.environment, h.stage, h.instance_type, h.purchase, sum(c.cost_nano) AS cost_nano
  FROM instance_hour_costs AS c
  JOIN hosts AS h ON h.host = c.host
  GROUP BY c.day, h.environment, h.stage, h.instance_type, h.purchase
),
taken AS (
  SELECT day, environment, stage, instance_type, purchase, sum(cost_nano) AS cost_nano
  FROM attempt_sums
  WHERE platform = 'ec2'
  GROUP BY day, environment, stage, instance_type, purchase
),
edges AS (
  SELECT day, environment, stage, instance_type, purchase, count(*) AS edge_count
  FROM (
    SELECT CAST(started_at AS DATE) AS day, environment, stage, instance_type, purchase FROM instances
    UNION ALL
    SELECT CAST(ended_at AS DATE) AS day, environment, stage, instance_type, purchase FROM instances
    WHERE ended_at IS NOT NULL
  )
  GROUP BY day, environment, stage, instance_type, purchase
),
all_edges AS (
  SELECT day, instance_type, purchase, sum(edge_count) AS edge_count FROM edges GROUP BY day, instance_type, purchase
),
around AS (
  SELECT
    e.day, e.environment, e.stage, e.instance_type, e.purchase,
    sum(
      CAST(
        r.cost_nano * least(r.billed_us - r.known_us, a.edge_count * $edge_us) // r.billed_us
        * e.edge_count // a.edge_count AS BIGINT
      )
    ) AS cost_nano
  FROM edges AS e
  JOIN all_edges AS a USING (day, instance_type, purchase)
  JOIN instance_rates AS r USING (day, instance_type, purchase)
  WHERE r.billed_us > r.known_us
  GROUP BY e.day, e.environment, e.stage, e.instance_type, e.purchase
),
between_jobs AS (
  SELECT
    h.day, h.environment, h.stage, h.instance_type, h.purchase,
    CAST(sum(h.cost_nano) - coalesce(any_value(t.cost_nano), 0) AS BIGINT) AS cost_nano
  FROM hours AS h
  LEFT JOIN taken AS t
    ON t.day = h.day AND t.environment = h.environment AND t.stage = h.stage AND t.instance_type = h.instance_type
    AND t.purchase = h.purchase
  GROUP BY h.day, h.environment, h.stage, h.instance_type, h.purchase
)
SELECT day, environment, stage, instance_type, purchase, cost_nano, 'no job running' AS detail FROM between_jobs
UNION ALL
SELECT day, environment, stage, instance_type, purchase, cost_nano, 'starting and stopping' AS detail FROM around
