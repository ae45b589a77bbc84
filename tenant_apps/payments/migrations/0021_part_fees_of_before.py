from django.db import migrations


class Migration(migrations.Migration):
    """What was paid before this release had its cost from reports alone, which may have told it already: told again by the
    provider it would be booked twice."""

    dependencies = [("payments", "0020_part_fees")]

    operations = [
        migrations.RunSQL(
            "UPDATE payments_withdrawal_part SET provider_fee_settled_at = updated_at"
            " WHERE state = 'paid' AND provider_fee_settled_at IS NULL",
            migrations.RunSQL.noop,
        )
    ]
