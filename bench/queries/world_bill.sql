-- A bill for both: an instance from a while before it registers to a while after it is gone.
WITH hours AS (
  SELECT
    instance_type, purchase, greatest(started_at - INTERVAL 90 SECOND, day_at) AS from_at,
    least(started_at + INTERVAL 29590 SECOND, day_at + INTERVAL 1 DAY) AS to_at, CAST(day_at AS DATE) AS day
  FROM (
    SELECT *, unnest(range(date_trunc('day', started_at - INTERVAL 90 SECOND), started_at + INTERVAL 29590 SECOND, INTERVAL 1 DAY)) AS day_at
    FROM lives
  )
),
tasks AS (
  SELECT CAST(stopped_at AS DATE) AS day, sum(epoch_ms(stopped_at - started_at)) / 3.6e6 AS hours,
    sum(epoch_ms(stopped_at - started_at) * (memory_mib / 1024)) / 3.6e6 AS gb_hours
  FROM made WHERE platform = 'fargate' GROUP BY day
),
lines AS (
  SELECT
    day, CASE purchase WHEN 'spot' THEN 'SpotUsage:' ELSE 'BoxUsage:' END || instance_type AS usage_type, 'ec2' AS kind, purchase,
    instance_type, sum(epoch_us(to_at) - epoch_us(from_at)) / 3.6e9 AS quantity, CASE purchase WHEN 'spot' THEN 0.07 ELSE 0.19 END AS price
  FROM hours GROUP BY ALL
  UNION ALL
  SELECT day, 'USE1-Fargate-vCPU-Hours:perCPU', 'fargate-vcpu', 'on-demand', '', hours, 0.04048 FROM tasks
  UNION ALL
  SELECT day, 'USE1-Fargate-GB-Hours', 'fargate-gb', 'on-demand', '', gb_hours, 0.004445 FROM tasks
  UNION ALL
  SELECT DATE '2026-11-01' + d::INTEGER, 'TimedStorage-ByteHrs', 'storage', '', '', 12.5, 0.023
  FROM range(30) AS r(d)
)
SELECT
  day, '' AS service, usage_type, kind, purchase, instance_type, 'prod' AS stage, '' AS job, 'usage' AS record_type,
  CAST(quantity AS DECIMAL(38, 12)) AS quantity, 'Hrs' AS unit, CAST(round(quantity * price * 1e9) AS BIGINT) AS cost_nano,
  'USD' AS currency, FALSE AS estimated
FROM lines
