import django.db.models.deletion
from django.db import migrations, models

LEVEL = {"blank": True, "decimal_places": 2, "max_digits": 20, "null": True}


class Migration(migrations.Migration):
    """Margin calls and stop-outs are told once each, so what was told is kept; and the levels they are measured by."""

    dependencies = [("trading", "0007_bulk")]

    operations = [
        migrations.AddField("accounttype", "margin_call", models.DecimalField(**LEVEL)),
        migrations.AddField("accounttype", "stop_out", models.DecimalField(**LEVEL)),
        migrations.AddField(
            "accounttype", "stop_out_unit", models.CharField(blank=True, db_default="", default="", max_length=8)
        ),
        migrations.CreateModel(
            name="MarginAlert",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("margin_call", "Margin call"), ("stop_out", "Stop-out")], max_length=12
                    ),
                ),
                ("at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("value", models.DecimalField(decimal_places=2, max_digits=20, null=True)),
                ("threshold", models.DecimalField(decimal_places=2, max_digits=20, null=True)),
                ("unit", models.CharField(max_length=8)),
                ("deals", models.PositiveIntegerField(default=0)),
                ("recovered_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="margin_alerts",
                        to="trading.tradingaccount",
                    ),
                ),
            ],
            options={"db_table": "trading_margin_alert"},
        ),
        migrations.AddConstraint(
            model_name="marginalert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("recovered_at__isnull", True)),
                fields=("account", "kind"),
                name="trading_margin_alert_open",
            ),
        ),
        migrations.AddIndex(
            model_name="marginalert",
            index=models.Index(fields=["account", "kind", "-at"], name="trading_margin_alert_account"),
        ),
        migrations.AddIndex(
            model_name="marginalert",
            index=models.Index(fields=["-at", "-id"], name="trading_margin_alert_newest"),
        ),
    ]
