from django.db import migrations, models


class Migration(migrations.Migration):
    """What is asked every minute, and of each line of a statement, no longer reads all there ever was."""

    dependencies = [("payments", "0026_approved_goes")]

    operations = [
        migrations.AddIndex(
            model_name="bankline",
            index=models.Index(fields=["counterparty_iban", "-booked_on"], name="payments_line_payer"),
        ),
        migrations.AddIndex(
            model_name="withdrawalpart",
            index=models.Index(
                fields=["updated_at"], name="payments_part_sending", condition=models.Q(("state", "sending"))
            ),
        ),
        migrations.AddIndex(
            model_name="withdrawalpart",
            index=models.Index(
                fields=["updated_at"],
                name="payments_part_doubted",
                condition=models.Q(("doubted_at__isnull", False)),
            ),
        ),
    ]
