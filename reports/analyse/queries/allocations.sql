-- Attempts' days and everything else under the names of the model's table. Most attempts have one piece and need no grouping.
CREATE TEMP VIEW allocations AS
SELECT
  day, 'job' AS category, attempt_id, job, owner, stage, queue, environment, platform, purchase, cost_nano, CAST(NULL AS VARCHAR) AS detail
FROM attempt_pieces
WHERE only_piece
UNION ALL
SELECT
  day, 'job', attempt_id, any_value(job), any_value(owner), any_value(stage), any_value(queue), any_value(environment),
  any_value(platform), any_value(purchase), CAST(sum(cost_nano) AS BIGINT), NULL
FROM attempt_pieces
WHERE NOT only_piece
GROUP BY day, attempt_id
UNION ALL
SELECT day, category, NULL, job, NULL, stage, NULL, environment, platform, purchase, cost_nano, detail FROM other_costs
