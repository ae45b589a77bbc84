from django.db import migrations, models


class Migration(migrations.Migration):
    """News that is believed only when asked about is kept with the deposit until an answer came."""

    dependencies = [("payments", "0015_dispute_amounts")]

    operations = [
        migrations.AddField(
            model_name="deposit",
            name="ask_wanted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="deposit",
            index=models.Index(
                fields=["ask_wanted_at"],
                name="payments_deposit_ask_wanted",
                condition=models.Q(("ask_wanted_at__isnull", False)),
            ),
        ),
    ]
