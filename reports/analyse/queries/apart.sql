-- What the bill holds beside usage.
SELECT record_type AS name, CAST(sum(cost_nano) AS BIGINT) AS cost_nano
FROM bill_lines
WHERE record_type <> 'usage' AND day >= $since AND day < $until
GROUP BY record_type
ORDER BY record_type
