-- What attempts cost that another followed, by what is asked of them: their ids are looked up once, and only theirs.
CREATE TEMP TABLE retried_costs AS
SELECT
  p.day, p.job, p.owner, p.queue, coalesce(h.environment, p.environment) AS environment, p.stage, p.platform,
  CAST(sum(p.cost_nano) AS BIGINT) AS cost_nano
FROM attempt_pieces AS p
JOIN retried_attempts AS r ON r.attempt_id = p.attempt_id
LEFT JOIN hosts AS h ON h.host = p.alike
GROUP BY ALL
