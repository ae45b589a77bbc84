"""Prices keep the decimals their server gave. Dropping a column's scale changes the catalogue only: no row is written."""

from django.db import migrations

from tenant_apps.trading.models import PriceField

COLUMNS = {
    "deal": ("price", "position_price"),
    "position": ("price_open", "price_current"),
}


class Migration(migrations.Migration):
    dependencies = [("trading", "0011_last_problem")]

    operations = [
        *[
            migrations.AlterField(model, column, PriceField(decimal_places=8, max_digits=24))
            for model, columns in COLUMNS.items()
            for column in columns
        ],
        migrations.AlterField("position", "stop_loss", PriceField(decimal_places=8, max_digits=24, null=True)),
        migrations.AlterField("position", "take_profit", PriceField(decimal_places=8, max_digits=24, null=True)),
    ]
