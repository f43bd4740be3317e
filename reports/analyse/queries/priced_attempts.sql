-- How many attempts the bill reaches, by the day they ended. Those that began and ended on one day are counted with their sums.
CREATE TEMP TABLE priced_attempts AS
SELECT day AS ended_on, CAST(sum(attempts) AS BIGINT) AS attempts FROM attempt_sums GROUP BY day
UNION ALL
SELECT ended_on, count(DISTINCT attempt_id) AS attempts FROM attempt_pieces WHERE began_on <> ended_on GROUP BY ended_on
