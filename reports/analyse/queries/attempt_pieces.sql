-- What attempts cost, a row for each and each hour of UTC on EC2, each day on Fargate and Lambda, with what a breakdown can ask for;
-- on EC2 the environment and the purchase are those of the host `alike`. `stop_piece` is the row in which an attempt stops, `only_piece`
-- that of an attempt without another. A share is floor(nano · weight / whole); what floors leave goes to the environment's idle.
-- Dividing millions of 128-bit integers is slow, so the quotient is first made `about`, which is one off at most, and corrected by
-- exact products.
CREATE TEMP VIEW attempt_pieces AS
WITH on_ec2 AS (
  SELECT
    a.attempt_id, a.job, a.owner, a.stage, a.queue, a.platform, a.image, a.outcome, a.array_index, a.vcpus, a.memory_mib, a.started_at,
    a.stopped_at, a.day AS ended_on, a.peak_memory_mib, a.cpu_s, h.host, h.alike,
    CAST(9 * 1024 * a.vcpus + a.memory_mib AS BIGINT) AS weight, epoch_us(greatest(a.started_at, h.started_at)) AS from_us,
    epoch_us(least(a.stopped_at, h.ended_at)) AS to_us
  FROM attempts AS a
  JOIN hosts AS h ON h.instance_id = a.instance_id AND (h.alone OR h.environment = a.environment)
  WHERE a.platform = 'ec2' AND greatest(a.started_at, h.started_at) < least(a.stopped_at, h.ended_at)
),
bounded AS (
  SELECT *, from_us // 3600000000 AS first_hour, (to_us - 1) // 3600000000 AS last_hour FROM on_ec2
),
cut AS (
  SELECT *, unnest(range(first_hour, last_hour + 1)) AS hour FROM bounded
),
weighed AS (
  SELECT
    cut.*, b.day, b.busy_nano, b.weight_us,
    weight * (least(to_us, (cut.hour + 1) * 3600000000) - greatest(from_us, cut.hour * 3600000000)) AS part_us
  FROM cut
  JOIN busy_hours AS b ON b.host = cut.host AND b.hour = cut.hour
),
estimated AS (
  SELECT *, CAST(floor(CAST(busy_nano AS DOUBLE) * part_us / weight_us) AS BIGINT) AS about_nano FROM weighed
),
task_shares AS (
  SELECT
    t.*, r.capacity_nano, r.memory_nano, r.capacity_units AS whole_capacity, r.memory_units AS whole_memory,
    CAST(floor(CAST(r.capacity_nano AS DOUBLE) * t.capacity_units / r.capacity_units) AS BIGINT) AS about_capacity,
    CAST(floor(CAST(r.memory_nano AS DOUBLE) * t.memory_units / r.memory_units) AS BIGINT) AS about_memory
  FROM task_pieces AS t
  JOIN task_rates AS r ON r.day = t.day AND r.platform = t.platform AND r.purchase = coalesce(t.purchase, 'on-demand')
)
SELECT
  day, attempt_id, job, owner, stage, queue, platform, alike, CAST(NULL AS VARCHAR) AS environment, CAST(NULL AS VARCHAR) AS purchase,
  image, outcome, array_index, vcpus, memory_mib, started_at, stopped_at, ended_on, peak_memory_mib, cpu_s, hour = last_hour AS stop_piece,
  first_hour = last_hour AS only_piece,
  CASE
    WHEN CAST(about_nano AS HUGEINT) * weight_us > CAST(busy_nano AS HUGEINT) * part_us THEN about_nano - 1
    WHEN CAST(about_nano + 1 AS HUGEINT) * weight_us <= CAST(busy_nano AS HUGEINT) * part_us THEN about_nano + 1
    ELSE about_nano
  END AS cost_nano
FROM estimated
UNION ALL
SELECT
  day, attempt_id, job, owner, stage, queue, platform, CAST(NULL AS INTEGER) AS alike, environment, purchase, image, outcome, array_index,
  vcpus, memory_mib, started_at, stopped_at, ended_on, peak_memory_mib, cpu_s, stop_piece, only_piece,
  CASE
    WHEN about_capacity * whole_capacity > CAST(capacity_nano AS HUGEINT) * capacity_units THEN about_capacity - 1
    WHEN (about_capacity + 1) * whole_capacity <= CAST(capacity_nano AS HUGEINT) * capacity_units THEN about_capacity + 1
    ELSE about_capacity
  END
  + CASE
    WHEN about_memory * whole_memory > CAST(memory_nano AS HUGEINT) * memory_units THEN about_memory - 1
    WHEN (about_memory + 1) * whole_memory <= CAST(memory_nano AS HUGEINT) * memory_units THEN about_memory + 1
    ELSE about_memory
  END AS cost_nano
FROM task_shares
