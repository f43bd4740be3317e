-- The summands of the bill: jobs, each environment's idle, storage, network, logs, unexplained.
SELECT name, CAST(sum(cost_nano) AS BIGINT) AS cost_nano
FROM (
  SELECT 'jobs' AS name, 0 AS place, cost_nano FROM attempt_sums WHERE day >= $since AND day < $until
  UNION ALL
  SELECT
    CASE category WHEN 'idle' THEN 'idle of ' || environment ELSE category END,
    CASE category WHEN 'idle' THEN 1 WHEN 'unexplained' THEN 3 ELSE 2 END, cost_nano
  FROM other_costs
  WHERE day >= $since AND day < $until
)
GROUP BY name, place
HAVING sum(cost_nano) IS NOT NULL
ORDER BY place, name
