from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("operators", "0002_breakglassentry_ip_and_more"),
    ]

    operations = [
        migrations.AddField(
            model_name="operator",
            name="factor_failures",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="operator",
            name="factor_locked_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
