-- A breakdown by {dimension}: costs by the day they were billed, attempts by the day they ended.
WITH costs AS (
  SELECT
    coalesce({dimension}, '') AS key, sum(cost_nano) FILTER (WHERE day >= $since) AS cost_nano,
    sum(cost_nano) FILTER (WHERE day < $since) AS previous_nano,
    sum(cost_nano) FILTER (WHERE day >= $since AND outcome <> 'succeeded') AS failed_nano,
    sum(on_demand_nano) FILTER (WHERE day >= $since) AS on_demand_nano,
    count(*) FILTER (WHERE day >= $since AND on_demand_nano IS NULL) AS unpriced
  FROM cost_cube
  WHERE day >= $previous AND day < $until
  GROUP BY ALL
),
retried AS (
  SELECT coalesce({dimension}, '') AS key, sum(cost_nano) AS cost_nano
  FROM retried_costs
  WHERE day >= $since AND day < $until
  GROUP BY ALL
),
runs AS (
  SELECT
    coalesce({dimension}, '') AS key, sum(attempts) AS attempts, sum(attempts) FILTER (WHERE outcome = 'succeeded') AS succeeded
  FROM run_cube
  WHERE day >= $since AND day < $until
  GROUP BY ALL
)
SELECT
  coalesce(costs.key, runs.key) AS key, CAST(coalesce(costs.cost_nano, 0) AS BIGINT) AS cost_nano,
  CAST(costs.previous_nano AS BIGINT) AS previous_nano, CAST(coalesce(runs.attempts, 0) AS BIGINT) AS attempts,
  CAST(coalesce(runs.succeeded, 0) AS BIGINT) AS succeeded, CAST(coalesce(costs.failed_nano, 0) AS BIGINT) AS failed_nano,
  CAST(coalesce(retried.cost_nano, 0) AS BIGINT) AS retried_nano,
  CASE WHEN coalesce(costs.unpriced, 0) = 0 THEN CAST(coalesce(costs.on_demand_nano, 0) AS BIGINT) END AS on_demand_nano
FROM costs
FULL JOIN runs ON runs.key = costs.key
LEFT JOIN retried ON retried.key = costs.key
ORDER BY cost_nano DESC, key
