from django.db import migrations, models


class Migration(migrations.Migration):
    """Another kind of server. Nothing changes in the database: choices are the application's."""

    dependencies = [("trading", "0005_whole")]

    operations = [
        migrations.AlterField(
            "tradingserver",
            "kind",
            models.CharField(
                choices=[("mt5", "MetaTrader 5"), ("ctrader", "cTrader")], default="mt5", max_length=10
            ),
        ),
    ]
