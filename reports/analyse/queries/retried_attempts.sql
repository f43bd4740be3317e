-- Attempts that another attempt of the same job followed: few, as a failure comes before each.
CREATE TEMP TABLE retried_attempts AS
WITH later AS (
  SELECT job_id, max(attempt) AS last_attempt FROM attempts WHERE attempt > 1 GROUP BY job_id
)
SELECT a.attempt_id, a.day, a.job, a.array_index IS NOT NULL AS of_array
FROM attempts AS a
JOIN later ON later.job_id = a.job_id
WHERE a.attempt < later.last_attempt
