-- Each EC2 attempt cut at the hours of UTC and clipped to its instance's life, with its weight 9 · vCPU + GiB (times 1,024).
CREATE TEMP TABLE attempt_hours AS
WITH cut AS (
  SELECT
    attempt_id, instance_id, started_at, stopped_at, CAST(9 * 1024 * vcpus + memory_mib AS BIGINT) AS weight,
    unnest(range(date_trunc('hour', started_at), stopped_at, INTERVAL 1 HOUR)) AS hour
  FROM attempts
  WHERE platform = 'ec2' AND instance_id IS NOT NULL AND started_at < stopped_at
),
clipped AS (
  SELECT
    cut.attempt_id, cut.instance_id, cut.hour, cut.weight,
    greatest(cut.started_at, h.from_at) AS from_at, least(cut.stopped_at, h.to_at) AS to_at
  FROM cut
  JOIN instance_hour_costs AS h ON h.instance_id = cut.instance_id AND h.hour = cut.hour
)
SELECT
  attempt_id, instance_id, hour, from_at, to_at,
  CAST(weight AS HUGEINT) * (epoch_us(to_at) - epoch_us(from_at)) AS weight_us
FROM clipped
WHERE from_at < to_at
