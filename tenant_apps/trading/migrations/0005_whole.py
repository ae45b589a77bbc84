from django.db import migrations, models


class Migration(migrations.Migration):
    """A night is done by a comparison of everything only. Rows from before count as none: the last night is compared again."""

    dependencies = [("trading", "0004_cases")]

    operations = [
        migrations.AddField("comparison", "whole", models.BooleanField(db_default=False, default=False)),
    ]
