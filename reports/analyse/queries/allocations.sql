-- Attempts' days and everything else under the names of the model's table. Most attempts have one piece and need no grouping.
CREATE TEMP VIEW allocations AS
WITH attempt_days AS (
  SELECT day, attempt_id, job, owner, stage, queue, platform, alike, environment, purchase, cost_nano
  FROM attempt_pieces
  WHERE only_piece
  UNION ALL
  SELECT
    day, attempt_id, any_value(job), any_value(owner), any_value(stage), any_value(queue), any_value(platform), any_value(alike),
    any_value(environment), any_value(purchase), CAST(sum(cost_nano) AS BIGINT)
  FROM attempt_pieces
  WHERE NOT only_piece
  GROUP BY day, attempt_id
)
SELECT
  a.day, 'job' AS category, a.attempt_id, a.job, a.owner, a.stage, a.queue, coalesce(h.environment, a.environment) AS environment,
  a.platform, coalesce(h.purchase, a.purchase) AS purchase, a.cost_nano, CAST(NULL AS VARCHAR) AS detail
FROM attempt_days AS a
LEFT JOIN hosts AS h ON h.host = a.alike
UNION ALL
SELECT day, category, NULL, job, NULL, stage, NULL, environment, platform, purchase, cost_nano, detail FROM other_costs
