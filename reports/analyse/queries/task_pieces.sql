-- Fargate and Lambda: the time from the image's pull to the stop, in whole seconds and at least a minute on Fargate, cut at the days of
-- UTC. A minute's rest after the stop may be on the next day: the attempt stops before. `capacity_units` are thousandths of a vCPU ·
-- microseconds on Fargate and requests on Lambda, `memory_units` MiB · microseconds.
CREATE TEMP VIEW task_pieces AS
WITH timed AS (
  SELECT *, coalesce(pull_started_at, started_at) AS from_at
  FROM attempts
  WHERE platform IN ('fargate', 'lambda') AND coalesce(pull_started_at, started_at) <= stopped_at
),
billable AS (
  SELECT
    *,
    CASE
      WHEN platform = 'fargate'
      THEN greatest(60000000, (epoch_us(stopped_at) - epoch_us(from_at) + 999999) // 1000000 * 1000000)
      ELSE (epoch_us(stopped_at) - epoch_us(from_at) + 999) // 1000 * 1000
    END AS billable_us
  FROM timed
),
cut AS (
  SELECT
    *,
    unnest(
      range(date_trunc('day', from_at), from_at + to_microseconds(greatest(billable_us, 1)), INTERVAL 1 DAY)
    ) AS day_at
  FROM billable
),
clipped AS (
  SELECT
    *, day_at <= from_at AS first_piece,
    (day_at <= from_at OR day_at < stopped_at) AND stopped_at <= day_at + INTERVAL 1 DAY AS stop_piece,
    least(epoch_us(from_at) + billable_us, epoch_us(day_at + INTERVAL 1 DAY)) - greatest(epoch_us(from_at), epoch_us(day_at)) AS us
  FROM cut
)
SELECT
  CAST(day_at AS DATE) AS day, attempt_id, job, owner, stage, queue, environment, platform, purchase, image, outcome, array_index, vcpus,
  memory_mib, started_at, stopped_at, day AS ended_on, peak_memory_mib, cpu_s, stop_piece,
  first_piece AND epoch_us(from_at) + billable_us <= epoch_us(day_at + INTERVAL 1 DAY) AS only_piece,
  CASE WHEN platform = 'fargate' THEN CAST(round(vcpus * 1000) AS BIGINT) * us WHEN first_piece THEN 1 ELSE 0 END AS capacity_units,
  memory_mib * us AS memory_units
FROM clipped
