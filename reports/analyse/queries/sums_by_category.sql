-- What each category took of the bill.
SELECT category, CAST(sum(cost_nano) AS BIGINT) AS cost_nano
FROM (
  SELECT 'job' AS category, cost_nano FROM attempt_sums
  UNION ALL
  SELECT category, cost_nano FROM other_costs
)
GROUP BY category
