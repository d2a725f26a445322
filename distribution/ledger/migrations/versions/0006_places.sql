-- Where a file's attempts went: what may stand there is not looked for elsewhere once the endpoint has changed.
ALTER TABLE ledger.score_file ADD COLUMN place text;
-- Of files that may stand somewhere already: the endpoint that was in force at their last attempt.
UPDATE ledger.score_file AS f
SET place = (
    SELECT concat(e.settings ->> 'host', ':', coalesce(e.settings ->> 'port', '22'), e.settings ->> 'directory',
                  ' as ', e.settings ->> 'username', ', ',
                  CASE WHEN e.settings ->> 'publish' = 'temp-folder'
                           THEN concat('by rename from ', e.settings ->> 'temp_directory')
                       WHEN e.settings ->> 'publish' = 'done-file' AND f.sidecar_name IS NOT NULL THEN 'in place'
                       ELSE 'by rename' END)
    FROM ledger.endpoint_version AS e
    WHERE e.code = f.di AND e.confirmed_at <= f.last_attempt_at
    ORDER BY e.endpoint_version_id DESC
    LIMIT 1)
WHERE f.state IN ('publishing', 'failed') AND (f.closing_attempt IS NOT NULL OR f.renaming_attempt IS NOT NULL);
