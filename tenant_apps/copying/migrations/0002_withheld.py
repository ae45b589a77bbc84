from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("copying", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="strategy",
            name="withheld",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
