-- Schools' rows: hidden by every cancellation, in the order of people's names, no table open to the portal.

-- What takes a score back: the newest revision where it has none, and every cancellation, whatever came after it.
DROP INDEX ledger.result_version_unsettled;
CREATE INDEX result_version_unsettled ON ledger.result_version (result_id)
    WHERE status <> 'scored' AND (latest OR status = 'cancelled');

-- in the order of names ------------------------------------------------------------------------------------------
-- As people look a name up: accents, case and apostrophes do not count, a hyphen is a space. Without a collation of
-- the server's, because not every PostgreSQL has ICU, and so that keys are the same bytes everywhere.
CREATE FUNCTION portal.folded(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN name ~ '^[A-Za-z0-9 ]*$' THEN lower(name)
    ELSE replace(replace(replace(replace(
        translate(
            lower(regexp_replace(
                regexp_replace(normalize(name, NFKD),
                               '[\u0300-\u036f''`.\u2018\u2019\u02bb\u02bc\u200c\u200d]', '', 'g'),
                '[-\u2010-\u2015 ]+', ' ', 'g')),
            'łŁøØđĐðÐħĦıŧŦ', 'lloodddd' || 'hhitt'),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
END;
-- No name holds a tab, which sorts before all that a name may hold: Lee, Zoe comes before Lee Smith, Ann.
CREATE FUNCTION portal.name_key(last_name text, first_name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN portal.folded(last_name) || E'\t' || portal.folded(first_name);

ALTER TABLE portal.staged_score
    ADD COLUMN name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (portal.name_key(last_name, first_name)) STORED;
DROP INDEX portal.staged_score_names;
CREATE INDEX staged_score_names ON portal.staged_score (school_code, academic_year, name_key, result_id) WHERE shown;

CREATE OR REPLACE VIEW portal.score WITH (security_invoker = true) AS
SELECT academic_year, school_code, delivery_id, result_id, revision, status, candidate_id, last_name, first_name,
       middle_name, birth_date, gender, exam_code, exam_title, test_date,
       CASE WHEN score_hidden OR status <> 'scored' THEN NULL ELSE scaled_score END AS scaled_score,
       CASE WHEN score_hidden OR status <> 'scored' THEN NULL ELSE recommended_credits END AS recommended_credits,
       CASE WHEN score_hidden THEN 'withheld' ELSE status END AS shown_status,
       funding, voucher_order_id, seen_because, local_student_id, grade, released_on, reportable_until,
       action, staged_at,
       CASE WHEN score_hidden OR status <> 'scored' THEN NULL ELSE former_score END AS former_score,
       name_key
FROM portal.staged_score AS s
WHERE shown
  AND NOT EXISTS (SELECT FROM portal.not_our_student AS n
                  WHERE n.school_code = s.school_code AND n.result_id = s.result_id AND n.state <> 'refused');

-- no table open to the portal ------------------------------------------------------------------------------------
-- Whatever the portal's role has a right in says which rows it means; the pipeline sees all of them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['disclosure', 'access_log', 'institution_version', 'contact', 'mail'] LOOP
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY pipeline ON ledger.%I TO distribution_app USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['disclosure', 'access_log', 'institution_version', 'contact', 'mail', 'access_code'] LOOP
        EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;
-- It writes down what its own schools' coordinators saw, and can read neither log.
CREATE POLICY own_schools ON ledger.disclosure FOR INSERT TO distribution_portal
    WITH CHECK (channel = 'portal'
                AND recipient = ANY (string_to_array(nullif(current_setting('distribution.organizations', true), ''), ',')));
CREATE POLICY exports ON ledger.access_log FOR INSERT TO distribution_portal WITH CHECK (true);
-- Names, kinds and time zones of organisations as they are now; former versions are the pipeline's.
CREATE POLICY in_use ON ledger.institution_version FOR SELECT TO distribution_portal USING (replaced_at IS NULL);
CREATE POLICY console ON ledger.institution_version FOR SELECT TO distribution_console USING (true);
-- Those who may sign in: primary, billing and technical contacts are not for the portal.
CREATE POLICY who_may_sign_in ON ledger.contact FOR SELECT TO distribution_portal
    USING (role IN ('coordinator', 'alternate'));
-- Where the own organisation's code went.
CREATE POLICY own_codes ON ledger.mail FOR SELECT TO distribution_portal
    USING (code_id IS NOT NULL
           AND organization_code = ANY (string_to_array(nullif(current_setting('distribution.organizations', true), ''), ',')));
-- Limits are counted from these two; what was asked in words, and which result was refused, operations alone read.
REVOKE SELECT ON portal.code_request, portal.access_event FROM distribution_portal;
GRANT SELECT (request_id, reference, kind, way, school_code, person_id, email, asked_at, state, settled_at)
    ON portal.code_request TO distribution_portal;
GRANT SELECT (event_id, happened_at, kind, outcome, person_id, organization_code, account, address)
    ON portal.access_event TO distribution_portal;
