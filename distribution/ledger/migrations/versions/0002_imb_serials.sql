-- Serial numbers of Intelligent Mail barcodes are counted with the plan that prints them: a plan that is rolled
-- back has used none, so the night that is run again prints the same codes. A sequence would go on.
CREATE TABLE ledger.imb_counter (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_serial     bigint NOT NULL                  -- unique for 45 days and more
);
INSERT INTO ledger.imb_counter (last_serial)
SELECT CASE WHEN is_called THEN last_value ELSE 0 END
FROM ledger.imb_serial;
DROP SEQUENCE ledger.imb_serial;
GRANT SELECT, UPDATE ON ledger.imb_counter TO distribution_app;
