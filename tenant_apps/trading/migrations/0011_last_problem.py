from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0010_mt5_manager")]

    operations = [
        migrations.AddField(
            "tradingserver", "last_problem", models.CharField(blank=True, default="", db_default="", max_length=20)
        ),
    ]
