-- The same refusal as before, at a third of its price for a settlement: currencies are looked up once for each account that
-- was touched, by its id. Joined plainly the planner reads all accounts there are for every batch, which at 100,000 wallets
-- cost as much as the entries themselves.
CREATE OR REPLACE FUNCTION {schema}.ledger_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        WITH touched AS MATERIALIZED (
            SELECT a.id, a.currency FROM {schema}.ledger_account a
             WHERE a.id = ANY (ARRAY(SELECT DISTINCT e.account_id FROM fresh e))
        )
        SELECT 1 FROM fresh e JOIN touched a ON a.id = e.account_id
         GROUP BY e.transfer_id, a.currency HAVING sum(e.amount) <> 0
    ) THEN
        RAISE EXCEPTION 'entries of a transfer do not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
