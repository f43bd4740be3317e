-- Of each instance-hour in which attempts ran: `busy_nano`, its cost for the time in which at least one did, and `weight_us`, by which
-- they share it: (9 · vCPU + GiB) · 1,024 · microseconds, summed. An attempt is clipped to its instance's life; `covered_us` is up to
-- where the attempts that began before it ran, so the time from there on is the time it adds to the union.
CREATE TEMP TABLE busy_hours AS
WITH ran AS (
  SELECT
    h.host, CAST(9 * 1024 * a.vcpus + a.memory_mib AS BIGINT) AS weight, epoch_us(greatest(a.started_at, h.started_at)) AS from_us,
    epoch_us(least(a.stopped_at, h.ended_at)) AS to_us
  FROM attempts AS a
  JOIN hosts AS h ON h.instance_id = a.instance_id AND (h.alone OR h.environment = a.environment)
  WHERE a.platform = 'ec2' AND greatest(a.started_at, h.started_at) < least(a.stopped_at, h.ended_at)
),
ordered AS (
  SELECT
    *, max(to_us) OVER (PARTITION BY host ORDER BY from_us ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_us
  FROM ran
),
cut AS (
  SELECT
    host, weight, from_us, to_us, greatest(from_us, coalesce(covered_us, from_us)) AS new_from_us,
    unnest(range(from_us // 3600000000, (to_us - 1) // 3600000000 + 1)) AS hour
  FROM ordered
),
sums AS (
  SELECT
    host, hour,
    sum(weight * (least(to_us, (hour + 1) * 3600000000) - greatest(from_us, hour * 3600000000))) AS weight_us,
    sum(greatest(least(to_us, (hour + 1) * 3600000000) - greatest(new_from_us, hour * 3600000000), 0)) AS busy_us
  FROM cut
  GROUP BY host, hour
)
SELECT
  c.host, c.day, c.hour, CAST(CAST(c.cost_nano AS HUGEINT) * s.busy_us // c.microseconds AS BIGINT) AS busy_nano,
  CAST(s.weight_us AS BIGINT) AS weight_us
FROM sums AS s
JOIN instance_hour_costs AS c ON c.host = s.host AND c.hour = s.hour
