import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """All that a payment in another currency was credited as knows it, not the first alone."""

    dependencies = [("payments", "0018_limits_by_pack")]

    operations = [
        migrations.AddField(
            model_name="deposit",
            name="out_of",
            field=models.ForeignKey(
                blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT,
                related_name="credited_as", to="payments.suspensepayment",
            ),
        ),
        migrations.AddIndex(
            model_name="deposit",
            index=models.Index(
                condition=models.Q(("out_of__isnull", False)), fields=["out_of"], name="payments_deposit_out_of"
            ),
        ),
    ]  # fmt: skip
