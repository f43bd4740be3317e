-- Each job's cost, successes and weighted seconds, this period and the one before.
WITH costs AS (
  SELECT job, day >= $since AS current, sum(cost_nano) AS cost_nano
  FROM cost_cube
  WHERE day >= $previous AND day < $until
  GROUP BY ALL
),
runs AS (
  SELECT
    job, day >= $since AS current, sum(attempts) FILTER (WHERE outcome = 'succeeded') AS succeeded, sum(weighted_s) AS weighted_s
  FROM run_cube
  WHERE day >= $previous AND day < $until
  GROUP BY ALL
)
SELECT
  coalesce(costs.job, runs.job) AS job, coalesce(costs.current, runs.current) AS current,
  CAST(coalesce(costs.cost_nano, 0) AS BIGINT) AS cost_nano, CAST(coalesce(runs.succeeded, 0) AS BIGINT) AS succeeded,
  coalesce(runs.weighted_s, 0) AS weighted_s
FROM costs
FULL JOIN runs ON runs.job = costs.job AND runs.current = costs.current
