-- An owner's costs by day.
SELECT day, CAST(sum(cost_nano) AS BIGINT) AS cost_nano FROM cost_cube WHERE owner = $owner GROUP BY day
