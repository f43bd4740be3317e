-- What each job's results cost: its attempts that succeeded, those that didn't, those another attempt followed; children of arrays; items.
WITH costs AS (
  SELECT
    job, sum(cost_nano) AS cost_nano, sum(cost_nano) FILTER (WHERE outcome = 'succeeded') AS success_nano,
    sum(cost_nano) FILTER (WHERE outcome <> 'succeeded') AS failed_nano, sum(cost_nano) FILTER (WHERE of_array) AS children_nano
  FROM cost_cube
  WHERE day >= $since AND day < $until
  GROUP BY job
),
runs AS (
  SELECT
    job, sum(attempts) FILTER (WHERE outcome = 'succeeded') AS succeeded, sum(attempts) FILTER (WHERE of_array) AS of_array,
    sum(told_items) FILTER (WHERE outcome = 'succeeded') AS told_items, sum(items) FILTER (WHERE outcome = 'succeeded') AS items
  FROM run_cube
  WHERE day >= $since AND day < $until
  GROUP BY job
),
retried AS (
  SELECT job, sum(cost_nano) AS cost_nano FROM retried_costs WHERE day >= $since AND day < $until GROUP BY job
),
followed AS (
  SELECT job, count(*) AS attempts FROM retried_attempts WHERE of_array AND day >= $since AND day < $until GROUP BY job
)
SELECT
  costs.job, CAST(costs.cost_nano AS BIGINT) AS cost_nano, CAST(coalesce(costs.success_nano, 0) AS BIGINT) AS success_nano,
  CAST(coalesce(costs.failed_nano, 0) AS BIGINT) AS failed_nano, CAST(coalesce(retried.cost_nano, 0) AS BIGINT) AS retried_nano,
  CAST(coalesce(runs.succeeded, 0) AS BIGINT) AS succeeded,
  CAST(coalesce(runs.of_array, 0) - coalesce(followed.attempts, 0) AS BIGINT) AS children,
  CAST(coalesce(costs.children_nano, 0) AS BIGINT) AS children_nano, CAST(coalesce(runs.told_items, 0) AS BIGINT) AS told_items,
  CAST(coalesce(runs.items, 0) AS BIGINT) AS items
FROM costs
LEFT JOIN runs ON runs.job = costs.job
LEFT JOIN retried ON retried.job = costs.job
LEFT JOIN followed ON followed.job = costs.job
ORDER BY cost_nano DESC, costs.job
