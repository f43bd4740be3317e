-- Instances with a number each, which hours go by from here on, to their end or $now. `alike` is the number of the first of the same
-- environment, type and purchase: sums go by that one number and ask for the three names when they are made. AWS doesn't bill a spot
-- instance that it takes back within its first hour: known from an attempt reclaimed on an instance that lived less. ECS tells the
-- second an instance ended in: an attempt that stopped later in that second still ran on it. An instance that moved to another
-- environment has a row in each, up to the move, and isn't `alone`: its attempts are those of the same environment.
CREATE TEMP TABLE hosts AS
WITH ran AS (
  SELECT instance_id, max(CASE WHEN outcome = 'reclaimed' THEN 1 ELSE 0 END) AS reclaimed, max(stopped_at) AS last_stopped_at
  FROM attempts
  WHERE instance_id IS NOT NULL
  GROUP BY instance_id
),
numbered AS (
  SELECT
    CAST(row_number() OVER (ORDER BY i.instance_id, i.environment) AS INTEGER) AS host, i.instance_id, i.environment, i.stage,
    i.instance_type, i.purchase, i.started_at,
    CASE
      WHEN r.last_stopped_at > i.ended_at AND r.last_stopped_at < i.ended_at + INTERVAL 1 SECOND THEN r.last_stopped_at
      ELSE coalesce(i.ended_at, $now)
    END AS seen_until,
    min(i.started_at) OVER (
      PARTITION BY i.instance_id ORDER BY i.started_at, i.environment ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS moved_at,
    count(*) OVER (PARTITION BY i.instance_id) = 1 AS alone,
    coalesce(NOT (i.purchase = 'spot' AND r.reclaimed = 1 AND i.ended_at < i.started_at + INTERVAL 1 HOUR), TRUE) AS billable
  FROM instances AS i
  LEFT JOIN ran AS r ON r.instance_id = i.instance_id
)
SELECT
  host, instance_id, environment, stage, instance_type, purchase, started_at, least(seen_until, moved_at) AS ended_at, alone, billable,
  min(host) OVER (PARTITION BY environment, instance_type, purchase) AS alike
FROM numbered
