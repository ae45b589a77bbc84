from django.db import migrations, models


class Migration(migrations.Migration):
    """What a position is worth, in which book its account is, and a symbol's positions without reading all others."""

    dependencies = [("trading", "0008_margin")]

    operations = [
        migrations.AddField(
            "accounttype",
            "book",
            models.CharField(
                choices=[("a", "A-book: passed on"), ("b", "B-book: kept")], db_default="b", default="b", max_length=1
            ),
        ),
        migrations.AddField("position", "notional_minor", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            model_name="position", index=models.Index(fields=["symbol", "id"], name="trading_position_symbol")
        ),
    ]
