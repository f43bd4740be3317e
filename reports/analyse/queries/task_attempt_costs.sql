-- Fargate and Lambda: the time from the image's pull to the stop, in whole seconds and at least a minute on Fargate, cut at the days
-- of UTC, at the day's effective rate of a vCPU-second, a GB-second or a request.
INSERT INTO attempt_costs
WITH timed AS (
  SELECT
    rowid AS attempt, platform, coalesce(purchase, 'on-demand') AS purchase, vcpus, memory_mib,
    coalesce(pull_started_at, started_at) AS from_at, stopped_at
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
pieces AS (
  SELECT
    attempt, platform, purchase, CAST(day_at AS DATE) AS day, day_at <= from_at AS first_piece,
    CAST(round(vcpus * 1000) AS BIGINT) AS milli_vcpus, memory_mib,
    least(epoch_us(from_at) + billable_us, epoch_us(day_at + INTERVAL 1 DAY)) - greatest(epoch_us(from_at), epoch_us(day_at)) AS us
  FROM cut
),
used AS (
  SELECT *, 'fargate-vcpu' AS kind, CAST(milli_vcpus AS HUGEINT) * us AS units FROM pieces WHERE platform = 'fargate'
  UNION ALL
  SELECT *, 'fargate-gb' AS kind, CAST(memory_mib AS HUGEINT) * us AS units FROM pieces WHERE platform = 'fargate'
  UNION ALL
  SELECT *, 'lambda-gb-s' AS kind, CAST(memory_mib AS HUGEINT) * us AS units FROM pieces WHERE platform = 'lambda'
  UNION ALL
  SELECT *, 'lambda-requests' AS kind, CAST(1 AS HUGEINT) AS units FROM pieces WHERE platform = 'lambda' AND first_piece
),
billed AS (
  SELECT
    day, kind, CASE WHEN purchase = '' THEN 'on-demand' ELSE purchase END AS purchase,
    CAST(sum(cost_nano) AS HUGEINT) AS cost_nano,
    CAST(
      round(
        sum(
          quantity
          * CASE kind
            WHEN 'fargate-vcpu' THEN 3600000000000
            WHEN 'fargate-gb' THEN 3686400000000
            WHEN 'lambda-gb-s' THEN 1024000000
            ELSE 1
          END
        )
      ) AS HUGEINT
    ) AS billed_units
  FROM bill_lines
  WHERE kind IN ('fargate-vcpu', 'fargate-gb', 'lambda-gb-s', 'lambda-requests') AND record_type = 'usage'
  GROUP BY ALL
),
known AS (
  SELECT day, kind, purchase, sum(units) AS known_units FROM used GROUP BY day, kind, purchase
)
SELECT
  used.attempt, used.day,
  CAST(sum(billed.cost_nano * used.units // greatest(billed.billed_units, known.known_units, 1)) AS BIGINT) AS cost_nano
FROM used
JOIN known USING (day, kind, purchase)
JOIN billed USING (day, kind, purchase)
GROUP BY used.attempt, used.day
