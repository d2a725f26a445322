-- Where a file's attempts went: what may stand there is not looked for elsewhere once the endpoint has changed.
ALTER TABLE ledger.score_file ADD COLUMN place text;
