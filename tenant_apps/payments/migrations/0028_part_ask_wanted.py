from django.db import migrations, models


class Migration(migrations.Migration):
    """News of a payout that is believed only when asked about is kept with the part until an answer came."""

    dependencies = [("payments", "0027_sweep_indexes")]

    operations = [
        migrations.AddField(
            model_name="withdrawalpart",
            name="ask_wanted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="withdrawalpart",
            index=models.Index(
                fields=["ask_wanted_at"],
                name="payments_part_ask_wanted",
                condition=models.Q(("ask_wanted_at__isnull", False)),
            ),
        ),
    ]
