-- The first ledger. Schemas: `ledger` is the pipeline's, `portal` is what schools may read (row-level security).

CREATE SCHEMA ledger;
CREATE SCHEMA portal;

-- runs -------------------------------------------------------------------------------------------------------
CREATE TABLE ledger.run (
    run_id         text PRIMARY KEY,
    kind           text NOT NULL,                    -- nightly | codes | redeliver | reconcile
    business_date  date NOT NULL,
    only_channel   text,
    state          text NOT NULL DEFAULT 'running',  -- running | finished
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at    timestamptz,
    exit_code      int,
    balanced       boolean,
    summary        json,                             -- the JSON of contract section 5, its keys in that order
    steps          json NOT NULL DEFAULT '[]',       -- name, seconds, peak memory of each step
    owed           bigint,                           -- deliveries owed, computed again from the recorded revisions
    first_event_id bigint NOT NULL DEFAULT 0,        -- the newest delivery event before this run
    last_event_id  bigint,                           -- the newest delivery event that this run counted
    last_institution_version_id bigint NOT NULL DEFAULT 0 -- the newest master data before this run
);
CREATE UNIQUE INDEX run_one_at_work ON ledger.run (kind) WHERE state = 'running';

-- feeds ------------------------------------------------------------------------------------------------------
CREATE TABLE ledger.feed (
    feed_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text,                              -- null where the name says none
    file_name     text NOT NULL,
    feed_date     date,
    number        int,
    sha256        text,
    size_bytes    bigint,
    records       int,
    score_total   numeric,                           -- of cells that may be as long as a sender likes
    parts         int,
    state         text NOT NULL,
    code          text,                              -- why it was refused
    detail        text,                              -- line, column and code; never a value
    history       boolean NOT NULL DEFAULT false,
    new           int NOT NULL DEFAULT 0,
    corrected     int NOT NULL DEFAULT 0,
    duplicate     int NOT NULL DEFAULT 0,
    held          int NOT NULL DEFAULT 0,
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_at   timestamptz,
    put_away      boolean NOT NULL DEFAULT false,    -- its files left the inbox; a killed run leaves that to the next
    withdrawn_at  timestamptz,
    withdrawn_reason text,
    counted_by_run text REFERENCES ledger.run        -- the finished run whose balance holds it
);
CREATE UNIQUE INDEX feed_recorded_name ON ledger.feed (file_name) WHERE state = 'recorded';
CREATE UNIQUE INDEX feed_recorded_bytes ON ledger.feed (sha256) WHERE state = 'recorded';

-- results ----------------------------------------------------------------------------------------------------
-- One row per revision of a result, for ever. Empty text = the feed gave no value.
CREATE TABLE ledger.result_version (
    academic_year   smallint NOT NULL,               -- of the test date, as the year in which it began
    result_id       text NOT NULL,
    revision        int NOT NULL,
    status          text NOT NULL,
    candidate_id    text NOT NULL,
    last_name       text NOT NULL,
    first_name      text NOT NULL DEFAULT '',
    middle_name     text NOT NULL DEFAULT '',
    birth_date      date NOT NULL,
    gender          text NOT NULL DEFAULT '',
    exam_code       text NOT NULL,
    test_date       date NOT NULL,
    scored_on       date,
    scaled_score    smallint,
    funding         text NOT NULL,
    voucher_order_id text NOT NULL DEFAULT '',
    attending_code  text NOT NULL DEFAULT '',
    recipient_1     text NOT NULL DEFAULT '',
    recipient_2     text NOT NULL DEFAULT '',
    test_center_code text NOT NULL DEFAULT '',
    email           text NOT NULL DEFAULT '',
    postal_code     text NOT NULL DEFAULT '',
    college_student_id text NOT NULL DEFAULT '',
    local_student_id text NOT NULL DEFAULT '',
    grade           text NOT NULL DEFAULT '',
    extra           jsonb,                           -- the x_… columns, as they came
    kind            text NOT NULL,                   -- new | corrected
    latest          boolean NOT NULL DEFAULT true,   -- no higher revision is on file
    history         boolean NOT NULL DEFAULT false,  -- owed to schools only
    withdrawn       boolean NOT NULL DEFAULT false,  -- its feed was withdrawn
    feed_id         bigint NOT NULL,                 -- a foreign key would look each of a million rows up alone
    line            int NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (result_id, revision, academic_year),
    CHECK ((status = 'scored') = (scaled_score IS NOT NULL))
) PARTITION BY RANGE (academic_year);

DO $$
BEGIN
    FOR year IN 2005..2032 LOOP
        EXECUTE format('CREATE TABLE ledger.result_version_%s PARTITION OF ledger.result_version FOR VALUES FROM (%s) TO (%s)',
                       year, year, year + 1);
    END LOOP;
END $$;
CREATE TABLE ledger.result_version_other PARTITION OF ledger.result_version DEFAULT;
CREATE INDEX result_version_candidate ON ledger.result_version (candidate_id, exam_code);
CREATE INDEX result_version_attending ON ledger.result_version (attending_code) WHERE attending_code <> '';
CREATE INDEX result_version_order ON ledger.result_version (voucher_order_id) WHERE voucher_order_id <> '';
-- Feeds are recorded one after another, so a block range tells them apart at a hundredth of a tree's cost.
CREATE INDEX result_version_feed ON ledger.result_version USING brin (feed_id) WITH (pages_per_range = 16, autosummarize = on);

-- Results with a revision that no routing has looked at yet; filled by whoever records one, emptied by the routing.
CREATE TABLE ledger.to_route (result_id text NOT NULL);
CREATE FUNCTION ledger.note_results_to_route() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.to_route (result_id) SELECT result_id FROM arrived;
    RETURN NULL;
END $$;
CREATE TRIGGER result_version_arrives AFTER INSERT ON ledger.result_version
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION ledger.note_results_to_route();
CREATE INDEX result_version_unsettled ON ledger.result_version (result_id) WHERE latest AND status <> 'scored';

-- master data ------------------------------------------------------------------------------------------------
CREATE TABLE ledger.institution_version (
    institution_version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code            text NOT NULL,
    name            text NOT NULL,
    kind            text NOT NULL,
    district_code   text NOT NULL DEFAULT '',
    delivery_method text NOT NULL DEFAULT '',
    attention       text NOT NULL DEFAULT '',
    address_1       text NOT NULL DEFAULT '',
    address_2       text NOT NULL DEFAULT '',
    city            text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT '',
    postal_code     text NOT NULL DEFAULT '',
    country         text NOT NULL DEFAULT '',
    status          text NOT NULL,
    successor_code  text NOT NULL DEFAULT '',
    time_zone       text NOT NULL DEFAULT '',
    valid_from      date NOT NULL,
    extra           jsonb,                           -- the x_… columns, as they came
    feed_id         bigint REFERENCES ledger.feed,
    line            int,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    replaced_at     timestamptz                      -- set where the same valid_from came again with other content
);
CREATE UNIQUE INDEX institution_version_in_force ON ledger.institution_version (code, valid_from)
    WHERE replaced_at IS NULL;
CREATE INDEX institution_version_district ON ledger.institution_version (district_code)
    WHERE replaced_at IS NULL AND district_code <> '';

CREATE TABLE ledger.contact (
    contact_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_code text NOT NULL,
    role            text NOT NULL,
    name            text NOT NULL,
    email           text NOT NULL,
    valid_from      date NOT NULL,
    valid_to        date,
    extra           jsonb,                           -- the x_… columns, as they came
    feed_id         bigint REFERENCES ledger.feed,
    line            int,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX contact_organization ON ledger.contact (organization_code, role);
CREATE INDEX contact_email ON ledger.contact (lower(email)) WHERE role IN ('coordinator', 'alternate');

CREATE TABLE ledger.voucher_order (
    order_id        text PRIMARY KEY,
    organization_code text NOT NULL,
    ordered_on      date NOT NULL,
    quantity        int NOT NULL,
    status          text NOT NULL,
    extra           jsonb,                           -- the x_… columns, as they came
    feed_id         bigint REFERENCES ledger.feed,
    line            int,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX voucher_order_organization ON ledger.voucher_order (organization_code, ordered_on);

CREATE TABLE ledger.transcript_request (
    request_id      text PRIMARY KEY,
    candidate_id    text NOT NULL,
    recipient       text NOT NULL,
    requested_on    date NOT NULL,
    extra           jsonb,                           -- the x_… columns, as they came
    feed_id         bigint REFERENCES ledger.feed,
    line            int,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    routed_at       timestamptz                      -- results first recorded after it are not part of the request
);
CREATE INDEX transcript_request_candidate ON ledger.transcript_request (candidate_id);

CREATE TABLE ledger.endpoint_version (
    endpoint_version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code            text NOT NULL,
    settings        jsonb NOT NULL,                  -- the YAML shape of contract section 3; never a secret
    loaded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    loaded_by       text NOT NULL,
    confirmed_at    timestamptz,                     -- null = waits for a second person (four eyes)
    confirmed_by    text
);
CREATE INDEX endpoint_version_code ON ledger.endpoint_version (code, endpoint_version_id DESC);

-- What a connection test of an institution found, step by step.
CREATE TABLE ledger.connection_test (
    connection_test_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code            text NOT NULL,
    tested_at       timestamptz NOT NULL,
    tested_by       text NOT NULL,
    passed          boolean NOT NULL,
    steps           jsonb NOT NULL                   -- step, state, seconds, says
);
CREATE INDEX connection_test_code ON ledger.connection_test (code, connection_test_id DESC);

-- Institutions that get paper for a time although their method is electronic.
CREATE TABLE ledger.paper_fallback (
    paper_fallback_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code            text NOT NULL,
    reason          text NOT NULL,
    begun_at        timestamptz NOT NULL,
    begun_by        text NOT NULL,
    ended_at        timestamptz,
    ended_by        text
);
CREATE UNIQUE INDEX paper_fallback_one ON ledger.paper_fallback (code) WHERE ended_at IS NULL;

-- While one is open nothing leaves, on any channel.
CREATE TABLE ledger.sending_pause (
    sending_pause_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason          text NOT NULL,
    paused_at       timestamptz NOT NULL,
    paused_by       text NOT NULL,
    until_at        timestamptz,                     -- null = until somebody resumes
    resumed_at      timestamptz,
    resumed_by      text
);

-- what is owed, and its way out --------------------------------------------------------------------------------
CREATE TABLE ledger.batch (
    batch_id        text PRIMARY KEY,                -- PB-20261123-A
    business_date   date NOT NULL,
    run_id          text REFERENCES ledger.run,
    stock           text NOT NULL,                   -- envelope stock: no10-window | flat-9x12
    sheets_per_piece int NOT NULL,                   -- 0 = pieces differ (flats)
    international   boolean NOT NULL DEFAULT false,
    pieces          int NOT NULL,
    sheets          int NOT NULL,
    pages           int NOT NULL,
    state           text NOT NULL DEFAULT 'ready',
    created_at      timestamptz NOT NULL,            -- printed into the document: frozen when the batch is planned
    mail_by         timestamptz,                     -- the carrier's collection that it should reach
    proved_at       timestamptz,                     -- its files stand in the outbox under their final names
    pdf_sha256      text,
    pdf_bytes       bigint,
    cover_sha256    text,
    manifest_sha256 text,
    printed_at      timestamptz,
    inserted_at     timestamptz,
    mailed_at       timestamptz
);

CREATE TABLE ledger.piece (
    batch_id        text NOT NULL REFERENCES ledger.batch,
    piece           int NOT NULL,                    -- counts from 1 in its batch
    di              text NOT NULL,
    sheets          int NOT NULL,
    first_page      int,
    last_page       int,
    reports         int NOT NULL,                    -- deliveries in it
    state           text NOT NULL DEFAULT 'ready',
    generation      int NOT NULL DEFAULT 0,          -- reprints: R1, R2 …
    returned_at     timestamptz,                     -- the carrier brought it back: its address is not used again
    imb             text NOT NULL DEFAULT '',
    address         jsonb NOT NULL,                  -- model.PostalAddress as it was on the day
    PRIMARY KEY (batch_id, piece)
);
CREATE INDEX piece_di ON ledger.piece (di);
CREATE SEQUENCE ledger.imb_serial;                   -- of Intelligent Mail barcodes: unique for 45 days and more
CREATE INDEX piece_returned ON ledger.piece (di) WHERE state = 'returned';

-- Pieces of a batch that were printed again: planned with their new generation, proved when their file stands.
CREATE TABLE ledger.reprint (
    name            text PRIMARY KEY,                -- its PDF's: PB-20261123-A-R1-0118.pdf
    batch_id        text NOT NULL REFERENCES ledger.batch,
    number          int NOT NULL,                    -- counts from 1 in its batch
    pieces          int[] NOT NULL,
    generations     int[] NOT NULL,                  -- of these pieces, in their order
    reason          text NOT NULL,
    actor           text NOT NULL,
    planned_at      timestamptz NOT NULL,
    proved_at       timestamptz,
    pdf_sha256      text,
    pdf_bytes       bigint,
    UNIQUE (batch_id, number)
);

-- What the mailroom said of a batch, step by step.
CREATE TABLE ledger.batch_event (
    event_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id        text NOT NULL REFERENCES ledger.batch,
    event           text NOT NULL,                   -- printed | inserted | mailed | spoiled | reprinted | returned | mailed-again
    pieces          int[] NOT NULL DEFAULT '{}',     -- empty = all of them
    reason          text NOT NULL DEFAULT '',
    actor           text NOT NULL,
    happened_at     timestamptz NOT NULL
);
CREATE INDEX batch_event_batch ON ledger.batch_event (batch_id);

CREATE TABLE ledger.di_sequence (
    di              text NOT NULL,
    test            boolean NOT NULL DEFAULT false,
    last_sequence   int NOT NULL DEFAULT 0,
    PRIMARY KEY (di, test)
);

CREATE TABLE ledger.score_file (
    file_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    di              text NOT NULL,
    sequence        int NOT NULL,
    previous_sequence int NOT NULL,
    kind            text NOT NULL DEFAULT 'NEW',
    test            boolean NOT NULL DEFAULT false,
    business_date   date NOT NULL,
    created_at      timestamptz NOT NULL,            -- stands in H: frozen when the number is given
    run_id          text REFERENCES ledger.run,
    layout          text NOT NULL,
    layout_version  int NOT NULL,
    encoding        text NOT NULL,
    newline         text NOT NULL,
    control         text NOT NULL,                   -- inline | sidecar | both
    sidecar_name    text,
    original_name   text,                            -- RESEND: the file that it sends again; test: the live file in a second layout
    asked_by        text,                            -- RESEND: who asked for it, and why
    asked_because   text,
    state           text NOT NULL DEFAULT 'built',
    details         int NOT NULL DEFAULT 0,
    score_total     bigint NOT NULL DEFAULT 0,
    sha256          text,                            -- of the data file's bytes
    size_bytes      bigint,
    sidecar_sha256  text,
    may_have_left   boolean NOT NULL DEFAULT false,  -- publishing began: from here on it never changes
    closing_attempt int,                             -- this attempt's upload may stand whole under its temporary name
    renaming_attempt int,                            -- the rename of this attempt's upload may have happened
    sidecar_renaming_attempt int,
    attempt         int NOT NULL DEFAULT 0,          -- fences off a late sender; stands in the temporary name
    failure         text,                            -- model.FailureCode
    failure_detail  text,
    last_attempt_at timestamptz,
    leased_until    timestamptz,                     -- a sender that was stopped past this may be overtaken
    delivered_at    timestamptz,
    plain_sha256    text,                            -- of what a loader reads: differs from sha256 where it is encrypted
    encrypted_for   text,                            -- fingerprint of the institution's PGP key
    outside_policy  text,                            -- RESEND: which rule an operator overrode
    collected_at    timestamptz,                     -- a note: a delivered file was seen to be gone from the folder
    acknowledged_at timestamptz,
    purged_at       timestamptz,
    UNIQUE (di, test, sequence)
);
-- However often it is tried, a live file is written once in a second layout.
CREATE UNIQUE INDEX score_file_parallel ON ledger.score_file (original_name) WHERE test AND original_name IS NOT NULL;
CREATE INDEX score_file_open ON ledger.score_file (di, sequence) WHERE state IN ('built', 'publishing', 'failed');

CREATE TABLE ledger.delivery (
    delivery_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    result_id       text NOT NULL,
    revision        int NOT NULL,
    academic_year   smallint NOT NULL,
    recipient       text NOT NULL,                   -- whom it goes to (a successor's code where one took over)
    designated      text NOT NULL,                   -- the code as it was chosen
    occasion        text NOT NULL DEFAULT 'first',   -- first | transcript:<request> | resend:<file or piece>
    action          text NOT NULL,                   -- N | C | X
    reasons         text[] NOT NULL,
    channel         text,                            -- null while it is held for want of one
    state           text NOT NULL,
    state_reason    text,                            -- why held, failed or withdrawn
    owed_on         date NOT NULL,
    owed_by_run     text REFERENCES ledger.run,
    batch_id        text,
    piece           int,
    file_id         bigint REFERENCES ledger.score_file,
    left_at         timestamptz,                     -- it may have left: the recipient counts as having got it
    delivered_at    timestamptz,
    UNIQUE (result_id, revision, recipient, occasion),
    FOREIGN KEY (batch_id, piece) REFERENCES ledger.piece DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX delivery_open ON ledger.delivery (state, channel) WHERE state IN ('pending', 'claimed', 'failed', 'held', 'returned');
CREATE INDEX delivery_recipient ON ledger.delivery (recipient);
CREATE INDEX delivery_piece ON ledger.delivery (batch_id, piece) WHERE batch_id IS NOT NULL;
CREATE INDEX delivery_file ON ledger.delivery (file_id) WHERE file_id IS NOT NULL;

-- Every change of a delivery's state; the carried-forward line is summed from here.
CREATE TABLE ledger.delivery_event (
    event_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id     bigint NOT NULL,
    happened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_state      text,
    to_state        text NOT NULL,
    channel         text,
    reason          text
);
CREATE INDEX delivery_event_delivery ON ledger.delivery_event (delivery_id);

CREATE FUNCTION ledger.note_new_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.delivery_event (delivery_id, from_state, to_state, channel, reason)
    SELECT delivery_id, NULL, state, channel, state_reason FROM arrived ORDER BY delivery_id;
    RETURN NULL;
END $$;
CREATE FUNCTION ledger.note_moved_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.delivery_event (delivery_id, from_state, to_state, channel, reason)
    SELECT now_.delivery_id, was.state, now_.state, now_.channel, now_.state_reason
    FROM now_ JOIN was USING (delivery_id)
    WHERE now_.state IS DISTINCT FROM was.state
    ORDER BY now_.delivery_id;
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_arrives AFTER INSERT ON ledger.delivery
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION ledger.note_new_deliveries();
CREATE TRIGGER delivery_moves AFTER UPDATE ON ledger.delivery
    REFERENCING OLD TABLE AS was NEW TABLE AS now_ FOR EACH STATEMENT EXECUTE FUNCTION ledger.note_moved_deliveries();

CREATE TABLE ledger.hold (
    hold_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL,                   -- row | delivery
    reason          text NOT NULL,
    column_name     text,
    feed_id         bigint REFERENCES ledger.feed,   -- rows
    feed_kind       text,
    line            int,
    row_key         text,                            -- result_id, code, order_id … where it could be read
    revision        int,
    cells           jsonb,                           -- the row as it came
    delivery_id     bigint REFERENCES ledger.delivery,
    state           text NOT NULL DEFAULT 'open',
    since           timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at       timestamptz,
    closed_by       text,
    closing_note    text
);
CREATE UNIQUE INDEX hold_one_per_delivery ON ledger.hold (delivery_id) WHERE state = 'open' AND delivery_id IS NOT NULL;
CREATE INDEX hold_open_rows ON ledger.hold (feed_kind, row_key) WHERE state = 'open' AND kind = 'row';
CREATE INDEX hold_feed ON ledger.hold (feed_id);

-- proof ------------------------------------------------------------------------------------------------------
CREATE TABLE ledger.receipt (
    receipt_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel         text NOT NULL,
    subject         text NOT NULL,                   -- batch id, file name, staging:<run>
    event           text NOT NULL DEFAULT 'delivered', -- placed (a batch stands in the outbox) | delivered | acknowledged
    records         int NOT NULL,                    -- counted from the artefact
    sha256          text NOT NULL,
    size_bytes      bigint NOT NULL,
    remote_name     text NOT NULL DEFAULT '',
    received_at     timestamptz NOT NULL,
    run_id          text,
    UNIQUE (channel, subject, event)
);

-- What an institution said of a file that it took in; the same file with the same bytes is booked once.
CREATE TABLE ledger.acknowledgement (
    acknowledgement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    di              text NOT NULL,
    name            text NOT NULL,
    sha256          text NOT NULL,
    size_bytes      bigint NOT NULL,
    read_at         timestamptz NOT NULL,
    file_id         bigint REFERENCES ledger.score_file,
    details         bigint,
    score_total     bigint,
    not_loaded      int NOT NULL DEFAULT 0,          -- rows that it did not load
    outcome         text NOT NULL,                   -- agrees | differs | not-loaded | unknown-file | unreadable
    stated          jsonb,                           -- the rows: result_id, revision, status
    settled_at      timestamptz,                     -- a person dealt with it
    UNIQUE (di, name, sha256)
);
CREATE INDEX acknowledgement_open ON ledger.acknowledgement (di) WHERE outcome <> 'agrees' AND settled_at IS NULL;

CREATE TABLE ledger.disclosure (
    disclosure_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    result_id       text NOT NULL,
    revision        int NOT NULL,
    candidate_id    text NOT NULL,
    recipient       text NOT NULL,
    channel         text NOT NULL,
    basis           text NOT NULL,                   -- the reasons that stand on the delivery
    artefact        text NOT NULL,                   -- file name, batch and piece, staging run
    actor           text NOT NULL
);
CREATE INDEX disclosure_candidate ON ledger.disclosure (candidate_id);

CREATE TABLE ledger.access_log (
    access_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor           text NOT NULL,                   -- system user
    command         text NOT NULL,
    result_ids      text[] NOT NULL
);

-- access codes and mail --------------------------------------------------------------------------------------
CREATE TABLE ledger.access_code (
    code_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_code text NOT NULL,
    academic_year   smallint NOT NULL,
    state           text NOT NULL DEFAULT 'issued',
    lookup          bytea NOT NULL UNIQUE,           -- HMAC of the code; the code itself is nowhere in clear
    cipher          bytea NOT NULL,                  -- AES-GCM, bound to organisation and year
    nonce           bytea NOT NULL,
    key_id          text NOT NULL,
    issued_at       timestamptz NOT NULL,
    approved_by     text NOT NULL DEFAULT '',        -- the person who approved the mailing
    mailed_at       timestamptz,
    redeemed_at     timestamptz,
    revoked_at      timestamptz,
    reason          text
);
CREATE UNIQUE INDEX access_code_one_live ON ledger.access_code (organization_code, academic_year)
    WHERE state NOT IN ('revoked', 'expired');

CREATE TABLE ledger.mail (
    mail_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id      text NOT NULL UNIQUE,            -- stable: a repeat carries the same one
    kind            text NOT NULL,                   -- access-code | correction-notice | mailroom-volumes …
    organization_code text NOT NULL DEFAULT '',
    code_id         bigint REFERENCES ledger.access_code,
    to_address      text NOT NULL,
    subject         text NOT NULL,
    body            text NOT NULL,                   -- where it holds a code, a mark stands for it until the mail leaves
    state           text NOT NULL DEFAULT 'planned', -- planned | sending | sent | outbox | bounced
    attempts        int NOT NULL DEFAULT 0,
    last_error      text,
    planned_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at         timestamptz,
    returned_at     timestamptz                      -- a server took it, and sent it back later
);
CREATE INDEX mail_returned ON ledger.mail (organization_code) WHERE returned_at IS NOT NULL;
CREATE INDEX mail_code ON ledger.mail (code_id, mail_id) WHERE code_id IS NOT NULL;
CREATE INDEX mail_waiting ON ledger.mail (mail_id) WHERE state IN ('planned', 'sending', 'outbox');

-- the portal -------------------------------------------------------------------------------------------------
-- One row per delivered revision; `shown` marks the newest, the only one a school sees.
CREATE TABLE portal.staged_score (
    academic_year   smallint NOT NULL,
    school_code     text NOT NULL,
    delivery_id     bigint NOT NULL,
    result_id       text NOT NULL,
    revision        int NOT NULL,
    action          text NOT NULL,
    status          text NOT NULL,
    shown           boolean NOT NULL DEFAULT true,
    score_hidden    boolean NOT NULL DEFAULT false,  -- withheld after delivery
    withdrawn_reason text,                           -- confirmed as no student of this school: never shown again
    candidate_id    text NOT NULL,
    last_name       text NOT NULL,
    first_name      text NOT NULL,
    middle_name     text NOT NULL,
    birth_date      date NOT NULL,
    gender          text NOT NULL,
    exam_code       text NOT NULL,
    exam_title      text NOT NULL,
    test_date       date NOT NULL,
    scaled_score    smallint,
    former_score    smallint,                        -- of the revision that this one corrects; never after a cancellation
    recommended_credits smallint,
    funding         text NOT NULL,
    voucher_order_id text NOT NULL,
    seen_because    text NOT NULL,                   -- the delivery's reasons, parted by a space
    local_student_id text NOT NULL DEFAULT '',
    grade           text NOT NULL DEFAULT '',
    released_on     date NOT NULL,
    reportable_until date NOT NULL,                  -- readers leave out what is older: 10 or 20 years from the test
    staged_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (school_code, academic_year, delivery_id)
) PARTITION BY RANGE (academic_year);
DO $$
BEGIN
    FOR year IN 2005..2032 LOOP
        EXECUTE format('CREATE TABLE portal.staged_score_%s PARTITION OF portal.staged_score FOR VALUES FROM (%s) TO (%s)',
                       year, year, year + 1);
        EXECUTE format('ALTER TABLE portal.staged_score_%s ENABLE ROW LEVEL SECURITY', year);
        EXECUTE format('ALTER TABLE portal.staged_score_%s FORCE ROW LEVEL SECURITY', year);
    END LOOP;
END $$;
CREATE TABLE portal.staged_score_other PARTITION OF portal.staged_score DEFAULT;
ALTER TABLE portal.staged_score_other ENABLE ROW LEVEL SECURITY;
ALTER TABLE portal.staged_score_other FORCE ROW LEVEL SECURITY;
CREATE INDEX staged_score_names ON portal.staged_score (school_code, academic_year, last_name, first_name, result_id) WHERE shown;
CREATE INDEX staged_score_result ON portal.staged_score (result_id, school_code);
CREATE INDEX staged_score_hidden ON portal.staged_score (result_id) WHERE score_hidden;

ALTER TABLE portal.staged_score ENABLE ROW LEVEL SECURITY;
ALTER TABLE portal.staged_score FORCE ROW LEVEL SECURITY;
-- nullif: after a transaction that set it, the setting is '' and not null; without one nobody sees a row.
-- shown: a revision that was replaced, cancelled or taken back is out of the portal's reach altogether.
CREATE POLICY own_schools ON portal.staged_score FOR SELECT TO distribution_portal
    USING (shown AND school_code = ANY (string_to_array(nullif(current_setting('distribution.organizations', true), ''), ',')));
CREATE POLICY pipeline ON portal.staged_score TO distribution_app USING (true) WITH CHECK (true);

-- people of the portal: who signed in, for whom, and what they agreed to; no student's record is here -------------
-- A person is known by issuer and subject, whatever the address says later.
CREATE TABLE portal.person (
    person_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer          text NOT NULL,
    subject         text NOT NULL,
    name            text NOT NULL DEFAULT '',
    email           text NOT NULL,                   -- as the issuer gave it last
    first_signed_in_at timestamptz NOT NULL,
    last_signed_in_at timestamptz NOT NULL,
    UNIQUE (issuer, subject)
);

-- A person stands for an organisation while a contact of this address is in force there.
CREATE TABLE portal.binding (
    binding_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id       bigint NOT NULL REFERENCES portal.person,
    organization_code text NOT NULL,
    email           text NOT NULL,                   -- the contact's address in small letters
    bound_at        timestamptz NOT NULL,
    ended_at        timestamptz,                     -- the contact ended
    released_at     timestamptz,                     -- operations gave the address free for another person
    released_by     text
);
CREATE UNIQUE INDEX binding_one_per_person ON portal.binding (person_id, organization_code) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX binding_one_per_contact ON portal.binding (organization_code, email) WHERE ended_at IS NULL;
CREATE INDEX binding_email ON portal.binding (email) WHERE released_at IS NULL;

-- Contacts that no feed brought: alternates whom the coordinator named, coordinators whom operations confirmed.
CREATE TABLE portal.named_contact (
    named_contact_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_code text NOT NULL,
    role            text NOT NULL,                   -- coordinator | alternate
    name            text NOT NULL,
    email           text NOT NULL,
    valid_from      date NOT NULL,
    named_at        timestamptz NOT NULL,
    named_by        text NOT NULL,                   -- person:<person_id>, or the system user of operations
    reason          text NOT NULL DEFAULT '',
    told_at         timestamptz,                     -- the mail that says so is planned
    ended_at        timestamptz
);
CREATE UNIQUE INDEX named_contact_one ON portal.named_contact (organization_code, role) WHERE ended_at IS NULL;
CREATE INDEX named_contact_email ON portal.named_contact (lower(email)) WHERE ended_at IS NULL;

CREATE TABLE portal.redemption (
    person_id       bigint NOT NULL REFERENCES portal.person,
    organization_code text NOT NULL,
    academic_year   smallint NOT NULL,
    code_id         bigint NOT NULL REFERENCES ledger.access_code,
    redeemed_at     timestamptz NOT NULL,
    PRIMARY KEY (person_id, organization_code, academic_year)
);
CREATE INDEX redemption_code ON portal.redemption (code_id);

CREATE TABLE portal.agreement (
    person_id       bigint NOT NULL REFERENCES portal.person,
    organization_code text NOT NULL,
    academic_year   smallint NOT NULL,
    agreed_at       timestamptz NOT NULL,
    PRIMARY KEY (person_id, organization_code, academic_year)
);

-- A person asks for a code, or a second person comes with an address that is bound already.
CREATE TABLE portal.code_request (
    request_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference       text NOT NULL UNIQUE,
    kind            text NOT NULL,                   -- code | sign-in
    way             text NOT NULL,                   -- sent | referred | operations
    school_code     text NOT NULL,
    person_id       bigint,
    name            text NOT NULL,
    email           text NOT NULL,
    role            text NOT NULL,
    message         text NOT NULL,                   -- for operations alone: it goes into no mail
    asked_at        timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'open',    -- open | answered | confirmed | refused
    settled_at      timestamptz,
    settled_by      text,
    reason          text
);
CREATE INDEX code_request_open ON portal.code_request (request_id) WHERE state = 'open';

CREATE TABLE portal.notice_preference (
    person_id       bigint NOT NULL REFERENCES portal.person,
    organization_code text NOT NULL,
    frequency       text NOT NULL,                   -- daily | weekly | none
    chosen_at       timestamptz NOT NULL,
    PRIMARY KEY (person_id, organization_code)
);

-- Scores that a coordinator says belong to no student of the school: they leave its view, operations decide.
CREATE TABLE portal.not_our_student (
    mark_id         bigint GENERATED ALWAYS AS IDENTITY,
    school_code     text NOT NULL,
    result_id       text NOT NULL,
    person_id       bigint NOT NULL REFERENCES portal.person,
    marked_at       timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'open',    -- model.MarkState
    settled_at      timestamptz,
    settled_by      text,
    reason          text NOT NULL DEFAULT '',        -- what the coordinator reads about it
    PRIMARY KEY (mark_id, school_code)
);
-- One mark at a time hides a score; refused ones stay as a record.
CREATE UNIQUE INDEX not_our_student_hides ON portal.not_our_student (school_code, result_id) WHERE state <> 'refused';
CREATE INDEX not_our_student_school ON portal.not_our_student (school_code, marked_at);

-- Append-only: sign-ins, codes tried, everything that was refused. Limits are counted from here.
CREATE TABLE portal.access_event (
    event_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at     timestamptz NOT NULL,
    kind            text NOT NULL,                   -- model.AccessKind
    outcome         text NOT NULL,                   -- model.AccessOutcome
    reason          text NOT NULL DEFAULT '',
    person_id       bigint,
    organization_code text NOT NULL DEFAULT '',
    account         text NOT NULL DEFAULT '',        -- issuer and subject, or the asker's address
    address         text NOT NULL DEFAULT '',        -- of the network, where the web gave one
    page            text NOT NULL DEFAULT '',        -- the kind of address that was asked for, ids left out
    academic_year   text NOT NULL DEFAULT '',        -- year and result as they stood in it
    result_id       text NOT NULL DEFAULT ''
);
CREATE INDEX access_event_wrong ON portal.access_event (kind, happened_at, person_id, address) WHERE outcome = 'wrong';
CREATE INDEX access_event_asked ON portal.access_event (address, happened_at) WHERE kind = 'request';

-- How far the notices of new scores have counted, by contact.
CREATE TABLE ledger.notice (
    organization_code text NOT NULL,
    email           text NOT NULL,
    counted_through timestamptz NOT NULL,
    noticed_on      date NOT NULL,
    PRIMARY KEY (organization_code, email)
);

-- The portal's role writes these rows before anyone is known to be anyone, so it sees them all; every other role
-- but the pipeline sees none. A new table of the portal without such a line is closed to the portal.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['person', 'binding', 'named_contact', 'redemption', 'agreement', 'code_request',
                                'notice_preference', 'access_event'] LOOP
        EXECUTE format('ALTER TABLE portal.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE portal.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY sign_in ON portal.%I TO distribution_portal USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY pipeline ON portal.%I TO distribution_app USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
ALTER TABLE portal.not_our_student ENABLE ROW LEVEL SECURITY;
ALTER TABLE portal.not_our_student FORCE ROW LEVEL SECURITY;
CREATE POLICY own_schools ON portal.not_our_student TO distribution_portal
    USING (school_code = ANY (string_to_array(nullif(current_setting('distribution.organizations', true), ''), ',')))
    WITH CHECK (state = 'open'
                AND school_code = ANY (string_to_array(nullif(current_setting('distribution.organizations', true), ''), ',')));
CREATE POLICY pipeline ON portal.not_our_student TO distribution_app USING (true) WITH CHECK (true);

-- Of codes the portal finds one by its keyed hash and marks it as redeemed; it can do nothing else to it.
ALTER TABLE ledger.access_code ENABLE ROW LEVEL SECURITY;
CREATE POLICY pipeline ON ledger.access_code TO distribution_app USING (true) WITH CHECK (true);
CREATE POLICY look_up ON ledger.access_code FOR SELECT TO distribution_portal USING (true);
CREATE POLICY redeem ON ledger.access_code FOR UPDATE TO distribution_portal
    USING (state IN ('issued', 'mailed', 'bounced', 'redeemed')) WITH CHECK (state = 'redeemed');

-- What a school sees: its newest delivered revisions. A view runs with its reader's rights, or it would show every school.
CREATE VIEW portal.score WITH (security_invoker = true) AS
SELECT academic_year, school_code, delivery_id, result_id, revision, status, candidate_id, last_name, first_name,
       middle_name, birth_date, gender, exam_code, exam_title, test_date,
       CASE WHEN score_hidden OR status <> 'scored' THEN NULL ELSE scaled_score END AS scaled_score,
       CASE WHEN score_hidden OR status <> 'scored' THEN NULL ELSE recommended_credits END AS recommended_credits,
       CASE WHEN score_hidden THEN 'withheld' ELSE status END AS shown_status,
       funding, voucher_order_id, seen_because, local_student_id, grade, released_on, reportable_until,
       action, staged_at,
       CASE WHEN score_hidden OR status <> 'scored' THEN NULL ELSE former_score END AS former_score
FROM portal.staged_score AS s
WHERE shown
  AND NOT EXISTS (SELECT FROM portal.not_our_student AS n
                  WHERE n.school_code = s.school_code AND n.result_id = s.result_id AND n.state <> 'refused');

-- sign-in to the portal ----------------------------------------------------------------------------------------
-- Accounts of the demo and of tests; production signs in by OpenID Connect.
CREATE TABLE ledger.portal_account (
    email           text PRIMARY KEY CHECK (email = lower(email)),
    name            text NOT NULL,
    password_hash   text NOT NULL,                   -- argon2id
    made_at         timestamptz NOT NULL
);

CREATE TABLE ledger.portal_session (
    session_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash      bytea NOT NULL UNIQUE,           -- the token itself is in the browser alone
    person_id       bigint NOT NULL,
    address         text NOT NULL DEFAULT '',
    began_at        timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    ended_at        timestamptz,
    ended_because   text                             -- signed-out | everywhere | timed-out | rights-ended
);
CREATE INDEX portal_session_person ON ledger.portal_session (person_id) WHERE ended_at IS NULL;

-- What a coordinator typed to find a student: kept here so that it stands in no URL; gone with the session.
CREATE TABLE ledger.portal_search (
    search_id       text PRIMARY KEY,
    session_id      bigint NOT NULL,
    words           text NOT NULL,
    made_at         timestamptz NOT NULL
);
CREATE INDEX portal_search_session ON ledger.portal_search (session_id);

-- When somebody last looked at an organisation's scores, by session: what came later is new to the next one.
CREATE TABLE ledger.portal_visit (
    person_id       bigint NOT NULL,
    organization_code text NOT NULL,
    session_id      bigint NOT NULL,
    last_at         timestamptz NOT NULL,
    PRIMARY KEY (person_id, organization_code, session_id)
);

CREATE TABLE ledger.portal_export (
    export_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id       bigint NOT NULL,
    organization_code text NOT NULL,
    academic_year   smallint NOT NULL,
    whole_year      boolean NOT NULL,                -- false: only what was shown
    form            text NOT NULL,                   -- csv | xlsx
    rows            int NOT NULL,
    exported_at     timestamptz NOT NULL
);
CREATE INDEX portal_export_person ON ledger.portal_export (person_id, organization_code, exported_at);
DO $$
DECLARE own text;
BEGIN
    FOREACH own IN ARRAY ARRAY['portal_account', 'portal_session', 'portal_search', 'portal_visit', 'portal_export'] LOOP
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', own);
        EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', own);
        EXECUTE format('CREATE POLICY sign_in ON ledger.%I TO distribution_portal, distribution_app USING (true) WITH CHECK (true)', own);
    END LOOP;
END $$;

-- who may do what ------------------------------------------------------------------------------------------------
GRANT USAGE ON SCHEMA ledger, portal TO distribution_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ledger, portal TO distribution_app;
GRANT USAGE ON SEQUENCE ledger.imb_serial TO distribution_app;
-- Append-only, whoever runs the pipeline.
REVOKE UPDATE, DELETE ON ledger.disclosure, ledger.access_log, ledger.delivery_event, ledger.batch_event, ledger.receipt FROM distribution_app;
REVOKE UPDATE, DELETE ON portal.access_event, portal.redemption, portal.agreement FROM distribution_app;
REVOKE DELETE ON ledger.result_version, ledger.delivery, ledger.feed, ledger.run, ledger.score_file, ledger.batch, ledger.reprint FROM distribution_app;

GRANT USAGE ON SCHEMA portal, ledger TO distribution_portal;
GRANT SELECT ON portal.staged_score, portal.score TO distribution_portal;
GRANT INSERT ON ledger.disclosure, ledger.access_log TO distribution_portal;
GRANT SELECT, INSERT ON portal.person, portal.binding, portal.named_contact, portal.redemption, portal.agreement,
    portal.code_request, portal.notice_preference, portal.access_event, portal.not_our_student
    TO distribution_portal;
GRANT UPDATE (name, email, last_signed_in_at) ON portal.person TO distribution_portal;
GRANT UPDATE (ended_at) ON portal.binding, portal.named_contact TO distribution_portal;
GRANT UPDATE (frequency, chosen_at) ON portal.notice_preference TO distribution_portal;
GRANT SELECT (code, name, kind, district_code, status, time_zone, valid_from, replaced_at)
    ON ledger.institution_version TO distribution_portal;
GRANT SELECT (contact_id, organization_code, role, name, email, valid_from, valid_to) ON ledger.contact
    TO distribution_portal;
GRANT SELECT (code_id, organization_code, academic_year, state, lookup, redeemed_at), UPDATE (state, redeemed_at)
    ON ledger.access_code TO distribution_portal;
GRANT SELECT (kind, organization_code, code_id, to_address, state, sent_at) ON ledger.mail TO distribution_portal;
GRANT SELECT ON ledger.portal_account TO distribution_portal;
GRANT SELECT, INSERT ON ledger.portal_session, ledger.portal_search, ledger.portal_visit, ledger.portal_export
    TO distribution_portal;
GRANT UPDATE (seen_at, ended_at, ended_because) ON ledger.portal_session TO distribution_portal;
GRANT UPDATE (last_at) ON ledger.portal_visit TO distribution_portal;
GRANT DELETE ON ledger.portal_search TO distribution_portal;

GRANT USAGE ON SCHEMA ledger TO distribution_console;
GRANT SELECT ON ledger.run, ledger.feed, ledger.delivery, ledger.batch, ledger.piece, ledger.score_file,
    ledger.receipt, ledger.institution_version, ledger.delivery_event TO distribution_console;
