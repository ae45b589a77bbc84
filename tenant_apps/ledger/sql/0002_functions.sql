-- SECURITY DEFINER: every relation is named in full, and so is every type that is not a keyword of the grammar, because
-- a session's temporary schema is searched before pg_catalog for both.
CREATE FUNCTION {schema}.ledger_account_ensure(
    p_owner text, p_kind text, p_currency text, p_running boolean, p_overdraft boolean, p_now timestamptz
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_id bigint;
BEGIN
    SELECT id INTO v_id FROM {schema}.ledger_account
     WHERE owner = p_owner AND kind = p_kind AND currency = p_currency;
    IF v_id IS NOT NULL THEN
        RETURN v_id;
    END IF;
    INSERT INTO {schema}.ledger_account (owner, kind, currency, running, overdraft, balance, held, seq, frozen, created_at)
    VALUES (p_owner, p_kind, p_currency, p_running, p_overdraft, 0, 0, 0, false, p_now)
    ON CONFLICT (owner, kind, currency) DO NOTHING
    RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM {schema}.ledger_account
         WHERE owner = p_owner AND kind = p_kind AND currency = p_currency;
    END IF;
    RETURN v_id;
END $$;

-- The one way in. Returns a result code and the transfer's id; a code other than 'posted' has written nothing.
-- Order: known key, sorted locks, known key again (the winner of a race has committed by now), checks, writes.
CREATE FUNCTION {schema}.ledger_post(
    p_key text, p_hash text, p_kind text, p_accounts bigint[], p_amounts bigint[],
    p_now timestamptz, p_effective timestamptz, p_data jsonb, p_actor jsonb, p_reverses bigint, p_hold uuid
) RETURNS TABLE (result text, transfer bigint) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_id bigint;
    v_hash pg_catalog.text;
    v_hold {schema}.ledger_hold%ROWTYPE;
    v_captured bigint := 0;
    v_found integer;
BEGIN
    IF coalesce(array_length(p_accounts, 1), 0) < 2 OR array_length(p_accounts, 1) <> array_length(p_amounts, 1)
       OR 0 = ANY (p_amounts) THEN
        RETURN QUERY SELECT 'unbalanced', NULL::bigint; RETURN;
    END IF;

    FOR attempt IN 1..2 LOOP
        SELECT t.id, t.request_hash INTO v_id, v_hash FROM {schema}.ledger_transfer t WHERE t.key = p_key;
        IF v_id IS NOT NULL THEN
            RETURN QUERY SELECT CASE WHEN v_hash = p_hash THEN 'exists' ELSE 'conflict' END, v_id; RETURN;
        END IF;
        IF attempt = 1 THEN
            PERFORM 1 FROM {schema}.ledger_account a
              WHERE a.id = ANY (p_accounts) AND a.running ORDER BY a.id FOR NO KEY UPDATE;
        END IF;
    END LOOP;

    SELECT count(*) INTO v_found FROM {schema}.ledger_account a WHERE a.id = ANY (p_accounts);
    IF v_found <> (SELECT count(DISTINCT x) FROM unnest(p_accounts) x) THEN
        RETURN QUERY SELECT 'unbalanced', NULL::bigint; RETURN;
    END IF;
    IF EXISTS (
        SELECT 1 FROM unnest(p_accounts, p_amounts) AS l (account_id, amount)
          JOIN {schema}.ledger_account a ON a.id = l.account_id
         GROUP BY a.currency HAVING sum(l.amount) <> 0
    ) THEN
        RETURN QUERY SELECT 'unbalanced', NULL::bigint; RETURN;
    END IF;
    IF EXISTS (SELECT 1 FROM {schema}.ledger_account a WHERE a.id = ANY (p_accounts) AND a.closed_at IS NOT NULL) THEN
        RETURN QUERY SELECT 'closed', NULL::bigint; RETURN;
    END IF;

    IF p_reverses IS NOT NULL
       AND EXISTS (SELECT 1 FROM {schema}.ledger_transfer t WHERE t.reverses_id = p_reverses) THEN
        RETURN QUERY SELECT 'reversed', NULL::bigint; RETURN;
    END IF;

    IF p_hold IS NOT NULL THEN
        SELECT * INTO v_hold FROM {schema}.ledger_hold h WHERE h.id = p_hold FOR UPDATE;
        SELECT -sum(l.amount) INTO v_captured FROM unnest(p_accounts, p_amounts) AS l (account_id, amount)
         WHERE l.account_id = v_hold.account_id;
        IF v_hold.id IS NULL OR v_hold.state <> 'open' OR v_captured IS NULL
           OR v_captured <= 0 OR v_captured > v_hold.amount THEN
            RETURN QUERY SELECT 'hold', NULL::bigint; RETURN;
        END IF;
    END IF;

    IF EXISTS (
        SELECT 1 FROM (
            SELECT l.account_id, sum(l.amount) AS net
              FROM unnest(p_accounts, p_amounts) AS l (account_id, amount) GROUP BY l.account_id
        ) n JOIN {schema}.ledger_account a ON a.id = n.account_id
        WHERE a.running AND n.net < 0 AND a.frozen
    ) THEN
        RETURN QUERY SELECT 'frozen', NULL::bigint; RETURN;
    END IF;
    IF EXISTS (
        SELECT 1 FROM (
            SELECT l.account_id, sum(l.amount) AS net
              FROM unnest(p_accounts, p_amounts) AS l (account_id, amount) GROUP BY l.account_id
        ) n JOIN {schema}.ledger_account a ON a.id = n.account_id
        WHERE a.running AND NOT a.overdraft AND n.net < 0
          AND a.balance + n.net < a.held - CASE WHEN a.id = v_hold.account_id THEN v_hold.amount ELSE 0 END
    ) THEN
        RETURN QUERY SELECT 'insufficient', NULL::bigint; RETURN;
    END IF;

    INSERT INTO {schema}.ledger_transfer (key, request_hash, kind, created_at, effective_at, data, actor, reverses_id)
    VALUES (p_key, p_hash, p_kind, p_now, p_effective, p_data, p_actor, p_reverses)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT t.id, t.request_hash INTO v_id, v_hash FROM {schema}.ledger_transfer t WHERE t.key = p_key;
        RETURN QUERY SELECT CASE WHEN v_hash = p_hash THEN 'exists' ELSE 'conflict' END, v_id; RETURN;
    END IF;

    IF v_hold.id IS NOT NULL THEN
        UPDATE {schema}.ledger_hold h SET state = 'captured', captured = v_captured, resolved_at = p_now
         WHERE h.id = v_hold.id;
    END IF;
    WITH legs AS (
        SELECT l.account_id, l.amount, l.place
          FROM unnest(p_accounts, p_amounts) WITH ORDINALITY AS l (account_id, amount, place)
    ), moved AS (
        UPDATE {schema}.ledger_account a
           SET balance = a.balance + n.net, seq = a.seq + n.legs,
               held = a.held - CASE WHEN a.id = v_hold.account_id THEN v_hold.amount ELSE 0 END
          FROM (SELECT account_id, sum(amount)::bigint AS net, count(*) AS legs FROM legs GROUP BY account_id) n
         WHERE a.id = n.account_id AND a.running
        RETURNING a.id, a.balance - n.net AS before, a.seq - n.legs AS seq_before
    )
    INSERT INTO {schema}.ledger_entry (transfer_id, account_id, amount, balance_after, seq, created_at)
    SELECT v_id, l.account_id, l.amount,
           m.before + sum(l.amount) OVER (PARTITION BY l.account_id ORDER BY l.place),
           m.seq_before + row_number() OVER (PARTITION BY l.account_id ORDER BY l.place),
           p_now
      FROM legs l LEFT JOIN moved m ON m.id = l.account_id ORDER BY l.place;
    RETURN QUERY SELECT 'posted', v_id;
END $$;

CREATE FUNCTION {schema}.ledger_hold_place(
    p_id uuid, p_key text, p_hash text, p_account bigint, p_amount bigint, p_now timestamptz, p_data jsonb, p_actor jsonb
) RETURNS TABLE (result text, hold uuid) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_id pg_catalog.uuid;
    v_hash pg_catalog.text;
    v_account {schema}.ledger_account%ROWTYPE;
BEGIN
    FOR attempt IN 1..2 LOOP
        SELECT h.id, h.request_hash INTO v_id, v_hash FROM {schema}.ledger_hold h WHERE h.key = p_key;
        IF v_id IS NOT NULL THEN
            RETURN QUERY SELECT CASE WHEN v_hash = p_hash THEN 'exists' ELSE 'conflict' END, v_id; RETURN;
        END IF;
        IF attempt = 1 THEN
            SELECT * INTO v_account FROM {schema}.ledger_account a WHERE a.id = p_account FOR NO KEY UPDATE;
        END IF;
    END LOOP;
    IF v_account.id IS NULL OR NOT v_account.running OR p_amount <= 0 THEN
        RETURN QUERY SELECT 'unbalanced', NULL::pg_catalog.uuid; RETURN;
    ELSIF v_account.closed_at IS NOT NULL THEN
        RETURN QUERY SELECT 'closed', NULL::pg_catalog.uuid; RETURN;
    ELSIF v_account.frozen THEN
        RETURN QUERY SELECT 'frozen', NULL::pg_catalog.uuid; RETURN;
    ELSIF NOT v_account.overdraft AND v_account.balance - v_account.held < p_amount THEN
        RETURN QUERY SELECT 'insufficient', NULL::pg_catalog.uuid; RETURN;
    END IF;
    INSERT INTO {schema}.ledger_hold (id, account_id, amount, captured, state, key, request_hash, data, actor, created_at)
    VALUES (p_id, p_account, p_amount, 0, 'open', p_key, p_hash, p_data, p_actor, p_now)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT h.id, h.request_hash INTO v_id, v_hash FROM {schema}.ledger_hold h WHERE h.key = p_key;
        RETURN QUERY SELECT CASE WHEN v_hash = p_hash THEN 'exists' ELSE 'conflict' END, v_id; RETURN;
    END IF;
    UPDATE {schema}.ledger_account a SET held = a.held + p_amount WHERE a.id = p_account;
    RETURN QUERY SELECT 'placed', v_id;
END $$;

-- Releasing goes through on frozen accounts too: setting aside must never become keeping.
CREATE FUNCTION {schema}.ledger_hold_void(p_hold uuid, p_now timestamptz)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_hold {schema}.ledger_hold%ROWTYPE;
    v_account bigint;
BEGIN
    SELECT h.account_id INTO v_account FROM {schema}.ledger_hold h WHERE h.id = p_hold;
    PERFORM 1 FROM {schema}.ledger_account a WHERE a.id = v_account FOR NO KEY UPDATE;
    SELECT * INTO v_hold FROM {schema}.ledger_hold h WHERE h.id = p_hold FOR UPDATE;
    IF v_hold.id IS NULL OR v_hold.state = 'captured' THEN
        RETURN 'hold';
    ELSIF v_hold.state = 'voided' THEN
        RETURN 'exists';
    END IF;
    UPDATE {schema}.ledger_hold h SET state = 'voided', resolved_at = p_now WHERE h.id = p_hold;
    UPDATE {schema}.ledger_account a SET held = a.held - v_hold.amount WHERE a.id = v_hold.account_id;
    RETURN 'voided';
END $$;

CREATE FUNCTION {schema}.ledger_account_flag(p_account bigint, p_frozen boolean, p_close boolean, p_now timestamptz)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_account {schema}.ledger_account%ROWTYPE;
BEGIN
    SELECT * INTO v_account FROM {schema}.ledger_account a WHERE a.id = p_account FOR NO KEY UPDATE;
    IF p_close AND (v_account.balance <> 0 OR v_account.held <> 0) THEN
        RETURN 'not_empty';
    END IF;
    UPDATE {schema}.ledger_account a
       SET frozen = p_frozen, closed_at = CASE WHEN p_close THEN coalesce(a.closed_at, p_now) END
     WHERE a.id = p_account;
    RETURN 'done';
END $$;

-- Whoever writes, by whatever way: a statement that leaves a transfer unbalanced is refused. Per statement, not per row:
-- a per-row check is quadratic in the legs of a transfer.
CREATE FUNCTION {schema}.ledger_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM fresh e JOIN {schema}.ledger_account a ON a.id = e.account_id
         GROUP BY e.transfer_id, a.currency HAVING sum(e.amount) <> 0
    ) THEN
        RAISE EXCEPTION 'entries of a transfer do not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_balance AFTER INSERT ON {schema}.ledger_entry
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ledger_entries_balance();
ALTER TABLE {schema}.ledger_entry ENABLE ALWAYS TRIGGER ledger_entry_balance;

CREATE FUNCTION {schema}.ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ledger_append_only();
ALTER TABLE {schema}.ledger_entry ENABLE ALWAYS TRIGGER ledger_entry_append_only;
CREATE TRIGGER ledger_transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ledger_append_only();
ALTER TABLE {schema}.ledger_transfer ENABLE ALWAYS TRIGGER ledger_transfer_append_only;

ALTER TABLE {schema}.ledger_account SET (fillfactor = 50);
