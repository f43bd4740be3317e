-- The busy part of an instance-hour's cost, shared by weight. Floors: what they leave goes to the environment's idle.
CREATE TEMP TABLE attempt_costs AS
SELECT
  a.attempt, CAST(a.hour AS DATE) AS day,
  CAST(
    sum(CAST(h.cost_nano AS HUGEINT) * b.busy_us // h.microseconds * a.weight_us // b.weight_us) AS BIGINT
  ) AS cost_nano
FROM attempt_hours AS a
JOIN busy_hours AS b ON b.instance = a.instance AND b.hour = a.hour
JOIN instance_hour_costs AS h ON h.instance = a.instance AND h.hour = a.hour
GROUP BY a.attempt, CAST(a.hour AS DATE)
