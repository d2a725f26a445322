-- Schools' rows: hidden by every cancellation, in the order of people's names, no table open to the portal.

-- What takes a score back: the newest revision where it has none, and every cancellation, whatever came after it.
DROP INDEX ledger.result_version_unsettled;
CREATE INDEX result_version_unsettled ON ledger.result_version (result_id)
    WHERE status <> 'scored' AND (latest OR status = 'cancelled');
