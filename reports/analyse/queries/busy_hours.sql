-- How long at least one attempt ran in an instance-hour: the union of their times, by a running latest end.
CREATE TEMP TABLE busy_hours AS
WITH ordered AS (
  SELECT
    instance, hour, from_at, to_at, weight_us,
    max(to_at) OVER (
      PARTITION BY instance, hour ORDER BY from_at, to_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to
  FROM attempt_hours
)
SELECT
  instance, hour, sum(weight_us) AS weight_us,
  sum(
    CASE
      WHEN covered_to IS NULL OR covered_to <= from_at THEN epoch_us(to_at) - epoch_us(from_at)
      WHEN covered_to < to_at THEN epoch_us(to_at) - epoch_us(covered_to)
      ELSE 0
    END
  ) AS busy_us
FROM ordered
GROUP BY instance, hour
