-- Each EC2 attempt cut at the hours of UTC and clipped to its instance's life; weight_us is (9 · vCPU + GiB) · 1,024 · microseconds.
-- Attempts and instances go by their row from here on: a million ids of forty characters are most of the work otherwise.
CREATE TEMP TABLE attempt_hours AS
WITH cut AS (
  SELECT
    a.rowid AS attempt, i.rowid AS instance, a.started_at, a.stopped_at,
    CAST(9 * 1024 * a.vcpus + a.memory_mib AS BIGINT) AS weight,
    unnest(range(date_trunc('hour', a.started_at), a.stopped_at, INTERVAL 1 HOUR)) AS hour
  FROM attempts AS a
  JOIN instances AS i ON i.instance_id = a.instance_id
  WHERE a.platform = 'ec2' AND a.started_at < a.stopped_at
),
clipped AS (
  SELECT
    cut.attempt, cut.instance, cut.hour, cut.weight,
    greatest(cut.started_at, h.from_at) AS from_at, least(cut.stopped_at, h.to_at) AS to_at
  FROM cut
  JOIN instance_hour_costs AS h ON h.instance = cut.instance AND h.hour = cut.hour
)
SELECT
  attempt, instance, hour, from_at, to_at, weight * (epoch_us(to_at) - epoch_us(from_at)) AS weight_us
FROM clipped
WHERE from_at < to_at
