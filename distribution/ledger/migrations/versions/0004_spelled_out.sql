-- How many records of a file have a text that was spelled out for the sake of its encoding: the report tells it.
ALTER TABLE ledger.score_file ADD COLUMN transliterated int NOT NULL DEFAULT 0;
