-- Each job's costs by day.
SELECT job, day, CAST(sum(cost_nano) AS BIGINT) AS cost_nano FROM cost_cube GROUP BY job, day
