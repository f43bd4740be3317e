-- A breakdown by {dimension}: costs by the day they were billed, attempts by the day they ended.
WITH costs AS (
  SELECT
    coalesce({dimension}, '') AS key, sum(c.cost_nano) FILTER (WHERE c.day >= $since) AS cost_nano,
    sum(c.cost_nano) FILTER (WHERE c.day < $since) AS previous_nano,
    sum(c.cost_nano) FILTER (WHERE c.day >= $since AND a.outcome <> 'succeeded') AS failed_nano,
    sum(c.cost_nano) FILTER (WHERE c.day >= $since AND c.attempt IN (SELECT attempt FROM retried_attempts)) AS retried_nano
  FROM attempt_costs AS c
  JOIN attempts AS a ON a.rowid = c.attempt
  LEFT JOIN instances AS i ON i.instance_id = a.instance_id
  WHERE c.day >= $previous AND c.day < $until
  GROUP BY ALL
),
runs AS (
  SELECT
    coalesce({dimension}, '') AS key, count(*) AS attempts, count(*) FILTER (WHERE a.outcome = 'succeeded') AS succeeded
  FROM attempts AS a
  LEFT JOIN instances AS i ON i.instance_id = a.instance_id
  WHERE a.day >= $since AND a.day < $until
  GROUP BY ALL
)
SELECT
  coalesce(costs.key, runs.key) AS key, CAST(coalesce(costs.cost_nano, 0) AS BIGINT) AS cost_nano,
  CAST(costs.previous_nano AS BIGINT) AS previous_nano, coalesce(runs.attempts, 0) AS attempts,
  coalesce(runs.succeeded, 0) AS succeeded, CAST(coalesce(costs.failed_nano, 0) AS BIGINT) AS failed_nano,
  CAST(coalesce(costs.retried_nano, 0) AS BIGINT) AS retried_nano
FROM costs
FULL JOIN runs ON runs.key = costs.key
ORDER BY cost_nano DESC, key
