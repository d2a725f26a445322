-- Who settled what an institution dropped back and nobody could book, and in what words.
ALTER TABLE ledger.acknowledgement
    ADD COLUMN settled_by text,                      -- a user, or the later acknowledgement that agreed
    ADD COLUMN settled_note text NOT NULL DEFAULT '';
COMMENT ON COLUMN ledger.acknowledgement.outcome IS 'agrees | differs | not-loaded | early | unknown-file | unreadable';
