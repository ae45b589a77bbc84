from django.db import migrations, models


class Migration(migrations.Migration):
    """Another kind of server, with a longer name."""

    dependencies = [("trading", "0009_exposure")]

    operations = [
        migrations.AlterField(
            "tradingserver",
            "kind",
            models.CharField(
                choices=[
                    ("mt5", "MetaTrader 5"),
                    ("ctrader", "cTrader"),
                    ("mt5_manager", "MetaTrader 5 (Manager bridge)"),
                ],
                default="mt5",
                max_length=20,
            ),
        ),
    ]
