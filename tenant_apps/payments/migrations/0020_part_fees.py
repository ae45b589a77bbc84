from django.db import migrations, models


class Migration(migrations.Migration):
    """What providers take for paying out is booked when they tell. Defaults stand in the database too, for the release
    that does not know these columns."""

    dependencies = [("payments", "0019_credited_out_of")]

    operations = [
        migrations.AddField(
            model_name="withdrawalpart",
            name="provider_fee_minor",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="withdrawalpart",
            name="provider_fee_currency",
            field=models.CharField(blank=True, db_default="", default="", max_length=8),
        ),
        migrations.AddField(
            model_name="withdrawalpart",
            name="provider_fee_told",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="withdrawalpart",
            name="provider_fee_settled_at",
            field=models.DateTimeField(null=True),
        ),
    ]
