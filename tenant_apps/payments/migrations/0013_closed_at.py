from django.db import migrations, models


class Migration(migrations.Migration):
    """The figures of the last day, on each page of the money inbox, no longer read all payments there ever were."""

    dependencies = [("payments", "0012_proposed_changes")]

    operations = [
        migrations.AddIndex(
            model_name="deposit", index=models.Index(fields=["closed_at"], name="payments_deposit_closed")
        ),
        migrations.AddIndex(
            model_name="withdrawal", index=models.Index(fields=["closed_at"], name="payments_withdrawal_closed")
        ),
    ]
