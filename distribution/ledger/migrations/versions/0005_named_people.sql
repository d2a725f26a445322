-- Whom somebody named ends with the word that he stands on, and it is on file why; a request knows its mail.
ALTER TABLE portal.named_contact
    ADD COLUMN beside_contact_id bigint NOT NULL DEFAULT 0, -- contacts of feeds in force then, up to this one, stand beside; another one of the role ends it
    ADD COLUMN ended_because text,                   -- model.NamingEnd
    ADD COLUMN ended_by text,                        -- person:<person_id>, or the system user of operations
    ADD COLUMN end_reason text NOT NULL DEFAULT '';  -- in the words of operations
GRANT UPDATE (ended_because, ended_by, end_reason) ON portal.named_contact TO distribution_portal;
-- Also of those that ended: a former alternate reads as one.
DROP INDEX portal.named_contact_email;
CREATE INDEX named_contact_email ON portal.named_contact (lower(email));

ALTER TABLE portal.code_request ADD COLUMN message_id text; -- of the mail that answers it, once it is planned
-- A school's coordinator reads who asked for its code; what they wrote beside it stays with operations.
GRANT SELECT (name, role) ON portal.code_request TO distribution_portal;

COMMENT ON COLUMN portal.person.email IS 'the last one that the issuer had verified';

-- Alternates named so far were named beside the contacts that were on file. Forced row security would hide the rows
-- from their owner too.
ALTER TABLE portal.named_contact NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.contact NO FORCE ROW LEVEL SECURITY;
UPDATE portal.named_contact AS n
SET beside_contact_id = coalesce((SELECT max(contact_id) FROM ledger.contact AS c
                                  WHERE c.organization_code = n.organization_code AND c.recorded_at <= n.named_at), 0)
WHERE role = 'alternate';
ALTER TABLE portal.named_contact FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.contact FORCE ROW LEVEL SECURITY;
