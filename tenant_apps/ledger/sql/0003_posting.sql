-- Posting in two statements instead of nine, posting many transfers at once, and closing a period.
-- SECURITY DEFINER: every relation is named in full, and so is every type that is not a keyword of the grammar.
--
-- Order, in both posting functions: a shared lock that a close waits for; the running accounts in the order of their ids;
-- the verdict on the locked rows; the writes. The key decides last: of two that ask for the same, one writes and the other
-- finds it. Whoever is refused looks whether its key was used meanwhile: then the winner's effect is the answer.
DROP FUNCTION {schema}.ledger_post(
    text, text, text, bigint[], bigint[], timestamptz, timestamptz, jsonb, jsonb, bigint, uuid
);

CREATE FUNCTION {schema}.ledger_key(p_key text, p_hash text, OUT result text, OUT transfer bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    SELECT CASE WHEN t.request_hash = p_hash THEN 'exists' ELSE 'conflict' END, t.id INTO result, transfer
      FROM {schema}.ledger_transfer t WHERE t.key = p_key;
END $$;

-- What a capture needs to know: the hold, locked after its account, and what the legs take of it. NULL: no such open hold.
CREATE FUNCTION {schema}.ledger_hold_taken(
    p_hold uuid, p_accounts bigint[], p_amounts bigint[], OUT account bigint, OUT amount bigint, OUT taken bigint
) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM 1 FROM {schema}.ledger_account a
      WHERE a.id = ANY (p_accounts) AND a.running ORDER BY a.id FOR NO KEY UPDATE;
    SELECT h.account_id, h.amount INTO account, amount
      FROM {schema}.ledger_hold h WHERE h.id = p_hold AND h.state = 'open' FOR UPDATE;
    SELECT -sum(l.amount) INTO taken
      FROM unnest(p_accounts, p_amounts) AS l (account_id, amount) WHERE l.account_id = account;
    IF taken IS NULL OR taken <= 0 OR taken > amount THEN
        account := NULL; amount := NULL;
    END IF;
END $$;

-- 'posted', or a code with which nothing was written.
CREATE FUNCTION {schema}.ledger_post(
    p_key text, p_hash text, p_kind text, p_accounts bigint[], p_amounts bigint[],
    p_now timestamptz, p_effective timestamptz, p_data jsonb, p_actor jsonb, p_reverses bigint, p_hold uuid,
    OUT result text, OUT transfer bigint
) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_hold bigint;
    v_held bigint;
    v_taken bigint;
    v_known pg_catalog.text;
BEGIN
    IF coalesce(array_length(p_accounts, 1), 0) < 2 OR array_length(p_accounts, 1) <> array_length(p_amounts, 1)
       OR 0 = ANY (p_amounts) THEN
        result := 'unbalanced'; RETURN;
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtextextended('{schema}.ledger', 0));
    IF p_hold IS NOT NULL THEN
        SELECT h.account, h.amount, h.taken INTO v_hold, v_held, v_taken
          FROM {schema}.ledger_hold_taken(p_hold, p_accounts, p_amounts) h;
        IF v_hold IS NULL THEN
            result := 'hold';
        END IF;
    ELSIF p_reverses IS NOT NULL
          AND EXISTS (SELECT 1 FROM {schema}.ledger_transfer t WHERE t.reverses_id = p_reverses) THEN
        result := 'reversed';
    END IF;
    IF result IS NULL THEN
        WITH locked AS MATERIALIZED (
            SELECT a.id, a.balance, a.held, a.overdraft, a.frozen, a.closed_at FROM {schema}.ledger_account a
             WHERE a.id = ANY (p_accounts) AND a.running ORDER BY a.id FOR NO KEY UPDATE
        ), found AS (
            SELECT * FROM locked
            UNION ALL
            SELECT a.id, 0, 0, true, false, a.closed_at FROM {schema}.ledger_account a
             WHERE a.id = ANY (p_accounts) AND NOT a.running
        )
        SELECT CASE
                 WHEN bool_or(f.id IS NULL) THEN 'unbalanced'
                 WHEN bool_or(f.closed_at IS NOT NULL) THEN 'closed'
                 WHEN bool_or(n.net < 0 AND f.frozen) THEN 'frozen'
                 WHEN bool_or(n.net < 0 AND NOT f.overdraft
                              AND f.balance + n.net < f.held - CASE WHEN f.id = v_hold THEN v_held ELSE 0 END)
                     THEN 'insufficient'
                 WHEN p_now < (SELECT max(p.until) FROM {schema}.ledger_period p) THEN 'period'
               END
          INTO result
          FROM (SELECT l.account_id, sum(l.amount) AS net
                  FROM unnest(p_accounts, p_amounts) AS l (account_id, amount) GROUP BY l.account_id) n
          LEFT JOIN found f ON f.id = n.account_id;
    END IF;
    IF result IS NOT NULL THEN
        SELECT k.result, k.transfer INTO v_known, transfer FROM {schema}.ledger_key(p_key, p_hash) k;
        result := coalesce(v_known, result);
        RETURN;
    END IF;

    WITH made AS (
        INSERT INTO {schema}.ledger_transfer
               (key, request_hash, kind, created_at, effective_at, data, actor, reverses_id)
        VALUES (p_key, p_hash, p_kind, p_now, p_effective, p_data, p_actor, p_reverses)
        ON CONFLICT (key) DO NOTHING RETURNING id
    ), legs AS (
        SELECT m.id AS transfer_id, l.account_id, l.amount, l.place
          FROM made m, unnest(p_accounts, p_amounts) WITH ORDINALITY AS l (account_id, amount, place)
    ), moved AS (
        UPDATE {schema}.ledger_account a
           SET balance = a.balance + n.net, seq = a.seq + n.legs,
               held = a.held - CASE WHEN a.id = v_hold THEN v_held ELSE 0 END
          FROM (SELECT account_id, sum(amount)::bigint AS net, count(*) AS legs FROM legs GROUP BY account_id) n
         WHERE a.id = n.account_id AND a.running
        RETURNING a.id, a.balance - n.net AS before, a.seq - n.legs AS seq_before
    ), written AS (
        INSERT INTO {schema}.ledger_entry (transfer_id, account_id, amount, balance_after, seq, created_at)
        SELECT l.transfer_id, l.account_id, l.amount,
               m.before + sum(l.amount) OVER (PARTITION BY l.account_id ORDER BY l.place),
               m.seq_before + row_number() OVER (PARTITION BY l.account_id ORDER BY l.place),
               p_now
          FROM legs l LEFT JOIN moved m ON m.id = l.account_id ORDER BY l.place
    )
    SELECT m.id INTO transfer FROM made m;
    IF transfer IS NULL THEN
        SELECT k.result, k.transfer INTO result, transfer FROM {schema}.ledger_key(p_key, p_hash) k;
        RETURN;
    END IF;
    IF v_hold IS NOT NULL THEN
        UPDATE {schema}.ledger_hold h SET state = 'captured', captured = v_taken, resolved_at = p_now
         WHERE h.id = p_hold;
    END IF;
    result := 'posted';
END $$;

-- Many transfers, all or none. `p_of[i]` is the place (from 1) of the transfer that leg i belongs to; legs are in the order
-- in which they count, and at no point of it may an account be short. Keys that are known with the same request are
-- passed over; one with another request refuses all. `refused` is the place of the transfer at fault.
CREATE FUNCTION {schema}.ledger_post_many(
    p_keys text[], p_hashes text[], p_kinds text[], p_data jsonb[],
    p_of integer[], p_accounts bigint[], p_amounts bigint[], p_now timestamptz, p_actor jsonb,
    OUT result text, OUT refused integer, OUT posted integer
) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_known integer[];
BEGIN
    IF 0 = ANY (p_amounts) OR array_length(p_accounts, 1) <> array_length(p_amounts, 1)
       OR array_length(p_accounts, 1) <> array_length(p_of, 1) THEN
        result := 'unbalanced'; RETURN;
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtextextended('{schema}.ledger', 0));
    PERFORM 1 FROM {schema}.ledger_account a
      WHERE a.id = ANY (p_accounts) AND a.running ORDER BY a.id FOR NO KEY UPDATE;
    SELECT array_agg(k.place), min(k.place) FILTER (WHERE t.request_hash <> k.hash) INTO v_known, refused
      FROM unnest(p_keys, p_hashes) WITH ORDINALITY AS k (key, hash, place)
      JOIN {schema}.ledger_transfer t ON t.key = k.key;
    IF refused IS NOT NULL THEN
        result := 'conflict'; RETURN;
    END IF;

    SELECT v.verdict, v.of_transfer INTO result, refused FROM (
        SELECT r.of_transfer, r.place, CASE
                 WHEN a.id IS NULL THEN 'unbalanced'
                 WHEN a.closed_at IS NOT NULL THEN 'closed'
                 WHEN a.running AND r.amount < 0 AND a.frozen THEN 'frozen'
                 WHEN a.running AND r.amount < 0 AND NOT a.overdraft AND a.balance + r.so_far < a.held
                     THEN 'insufficient'
               END AS verdict
          FROM (SELECT l.account_id, l.amount, l.of_transfer, l.place,
                       sum(l.amount) OVER (PARTITION BY l.account_id ORDER BY l.place) AS so_far
                  FROM unnest(p_accounts, p_amounts, p_of) WITH ORDINALITY AS l (account_id, amount, of_transfer, place)
                 WHERE v_known IS NULL OR NOT l.of_transfer = ANY (v_known)) r
          LEFT JOIN {schema}.ledger_account a ON a.id = r.account_id
    ) v WHERE v.verdict IS NOT NULL ORDER BY v.place LIMIT 1;
    IF result IS NULL AND p_now < (SELECT max(p.until) FROM {schema}.ledger_period p) THEN
        result := 'period'; refused := 1;
    END IF;
    IF result IS NOT NULL THEN
        RETURN;
    END IF;

    WITH made AS (
        INSERT INTO {schema}.ledger_transfer (key, request_hash, kind, created_at, effective_at, data, actor)
        SELECT k.key, k.hash, k.kind, p_now, p_now, k.data, p_actor
          FROM unnest(p_keys, p_hashes, p_kinds, p_data) WITH ORDINALITY AS k (key, hash, kind, data, place)
         WHERE v_known IS NULL OR NOT k.place::integer = ANY (v_known)
         ORDER BY k.place
        RETURNING id, key
    ), places AS (
        SELECT m.id, k.place FROM made m
          JOIN unnest(p_keys) WITH ORDINALITY AS k (key, place) ON k.key = m.key
    ), legs AS (
        SELECT p.id AS transfer_id, l.account_id, l.amount, l.place
          FROM unnest(p_accounts, p_amounts, p_of) WITH ORDINALITY AS l (account_id, amount, of_transfer, place)
          JOIN places p ON p.place = l.of_transfer
    ), moved AS (
        UPDATE {schema}.ledger_account a
           SET balance = a.balance + n.net, seq = a.seq + n.legs
          FROM (SELECT account_id, sum(amount)::bigint AS net, count(*) AS legs FROM legs GROUP BY account_id) n
         WHERE a.id = n.account_id AND a.running
        RETURNING a.id, a.balance - n.net AS before, a.seq - n.legs AS seq_before
    ), written AS (
        INSERT INTO {schema}.ledger_entry (transfer_id, account_id, amount, balance_after, seq, created_at)
        SELECT l.transfer_id, l.account_id, l.amount,
               m.before + sum(l.amount) OVER (PARTITION BY l.account_id ORDER BY l.place),
               m.seq_before + row_number() OVER (PARTITION BY l.account_id ORDER BY l.place),
               p_now
          FROM legs l LEFT JOIN moved m ON m.id = l.account_id ORDER BY l.place
    )
    SELECT count(*) INTO posted FROM made;
    result := 'posted';
END $$;

-- Close the books up to an instant: nothing is booked before it any more (`created_at` of a posting; a value date may lie
-- earlier), and each account's balance at it is written down. Waits for postings under way; they wait for nothing but this.
-- Gives up after two seconds of waiting, because all new postings wait behind it.
-- Returns 'closed' or 'exists' (up to there or further already).
CREATE FUNCTION {schema}.ledger_close(
    p_until timestamptz, p_now timestamptz, p_actor jsonb, OUT result text, OUT period bigint
) LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '2s' AS $$
DECLARE
    v_last {schema}.ledger_period%ROWTYPE;
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('{schema}.ledger', 0));
    SELECT * INTO v_last FROM {schema}.ledger_period p ORDER BY p.until DESC LIMIT 1;
    IF v_last.until >= p_until OR p_until > p_now THEN
        result := 'exists'; period := v_last.id; RETURN;
    END IF;
    INSERT INTO {schema}.ledger_period (until, floor_entry, entries, created_at, actor)
    SELECT p_until,
           coalesce(min(e.id) FILTER (WHERE e.created_at >= p_until), max(e.id) + 1, coalesce(v_last.floor_entry, 1)),
           count(*) FILTER (WHERE e.created_at < p_until), p_now, p_actor
      FROM {schema}.ledger_entry e
     WHERE e.id >= coalesce(v_last.floor_entry, 1)
       AND (v_last.until IS NULL OR e.created_at >= v_last.until)
    RETURNING id INTO period;
    INSERT INTO {schema}.ledger_snapshot (period_id, account_id, balance)
    SELECT period, n.account_id, n.moved + coalesce((
               SELECT s.balance FROM {schema}.ledger_snapshot s
                WHERE s.account_id = n.account_id AND s.period_id < period ORDER BY s.period_id DESC LIMIT 1), 0)
      FROM (SELECT e.account_id, sum(e.amount)::bigint AS moved FROM {schema}.ledger_entry e
             WHERE e.id >= coalesce(v_last.floor_entry, 1) AND e.created_at < p_until
               AND (v_last.until IS NULL OR e.created_at >= v_last.until)
             GROUP BY e.account_id) n;
    result := 'closed';
END $$;

CREATE TRIGGER ledger_period_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.ledger_period
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ledger_append_only();
ALTER TABLE {schema}.ledger_period ENABLE ALWAYS TRIGGER ledger_period_append_only;
CREATE TRIGGER ledger_snapshot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.ledger_snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ledger_append_only();
ALTER TABLE {schema}.ledger_snapshot ENABLE ALWAYS TRIGGER ledger_snapshot_append_only;
