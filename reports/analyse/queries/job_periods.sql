-- Each job's cost, successes and weighted seconds, this period and the one before.
WITH costs AS (
  SELECT a.job, c.day >= $since AS current, sum(c.cost_nano) AS cost_nano
  FROM attempt_costs AS c
  JOIN attempts AS a ON a.rowid = c.attempt
  WHERE c.day >= $previous AND c.day < $until
  GROUP BY ALL
),
runs AS (
  SELECT
    job, day >= $since AS current, count(*) FILTER (WHERE outcome = 'succeeded') AS succeeded,
    sum((9 * vcpus + memory_mib / 1024.0) * (epoch_us(stopped_at) - epoch_us(started_at)) / 1e6) AS weighted_s
  FROM attempts
  WHERE day >= $previous AND day < $until
  GROUP BY ALL
)
SELECT
  coalesce(costs.job, runs.job) AS job, coalesce(costs.current, runs.current) AS current,
  CAST(coalesce(costs.cost_nano, 0) AS BIGINT) AS cost_nano, coalesce(runs.succeeded, 0) AS succeeded,
  coalesce(runs.weighted_s, 0) AS weighted_s
FROM costs
FULL JOIN runs ON runs.job = costs.job AND runs.current = costs.current
