from django.db import migrations, models


class Migration(migrations.Migration):
    """What is on its way is found without reading every transfer there ever was."""

    dependencies = [("trading", "0002_comparison")]

    operations = [
        migrations.AddIndex(
            model_name="transfer",
            index=models.Index(
                condition=models.Q(state="pending"), fields=["created_at"], name="trading_transfer_pending"
            ),
        ),
    ]
