-- Attempts that the bill or the probe doesn't reach.
WITH ran AS (
  SELECT coalesce(sum(attempts), 0) AS attempts, coalesce(sum(measured), 0) AS measured
  FROM run_cube
  WHERE day >= $since AND day < $until
),
priced AS (
  SELECT coalesce(sum(attempts), 0) AS attempts FROM attempt_sums WHERE ended_on >= $since AND ended_on < $until
)
SELECT
  CAST(ran.attempts - priced.attempts AS BIGINT) AS unpriced, CAST(ran.attempts - ran.measured AS BIGINT) AS unmeasured,
  CAST(ran.attempts AS BIGINT) AS attempts
FROM ran
CROSS JOIN priced
