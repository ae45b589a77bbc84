from django.db import migrations

REFOLD = """
WITH one AS (
    SELECT id, client_id, state, created_at, details->>'network' AS network, details->>'address' AS address
    FROM payments_destination WHERE method = 'crypto'
), folded AS (
    SELECT id, client_id, state, created_at, encode(sha256(convert_to(
        'crypto' || chr(31)
        || CASE WHEN network = 'ethereum' OR (network = 'bitcoin' AND lower(left(address, 3)) IN ('bc1', 'tb1'))
           THEN lower(address) ELSE address END
        || chr(31) || lower(network), 'UTF8')), 'hex') AS mark
    FROM one WHERE address IS NOT NULL AND network IS NOT NULL
), ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY client_id, mark, state = 'retired' ORDER BY state <> 'refused', created_at, id
    ) AS place FROM folded
)
UPDATE payments_destination AS kept SET fingerprint = ranked.mark FROM ranked
WHERE ranked.id = kept.id AND (ranked.place = 1 OR ranked.state = 'retired')
"""


class Migration(migrations.Migration):
    """One address is one account: neither a tag nor the case of letters that carry no meaning makes it another.

    Where a client has an address several times by the old reckoning, one that was refused stands for it, else the oldest;
    the others keep their old fingerprints and are nobody's match.
    """

    dependencies = [("payments", "0013_closed_at")]

    operations = [migrations.RunSQL(REFOLD, migrations.RunSQL.noop)]
