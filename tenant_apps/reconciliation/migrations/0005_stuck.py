from django.db import migrations, models


def age(default: int) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(default=default, db_default=default)


class Migration(migrations.Migration):
    """More that may be stuck, each with an age of its own, and when it was last told of."""

    dependencies = [("reconciliation", "0004_statement_alarm")]

    operations = [
        migrations.AddField("alarm", "told_at", models.DateTimeField(null=True)),
        migrations.AddField("desksettings", "overdue_hours", age(4)),
        migrations.AddField("desksettings", "transfer_hours", age(2)),
        migrations.AddField("desksettings", "suspense_days", age(3)),
        migrations.AddField("desksettings", "line_days", age(3)),
        migrations.AddField("desksettings", "second_hours", age(24)),
        migrations.AddField("desksettings", "report_hours", age(2)),
        migrations.AddField("desksettings", "trading_case_days", age(3)),
        migrations.AddField("desksettings", "clearing_days", age(14)),
        migrations.AddField("desksettings", "bonus_days", age(3)),
        migrations.AlterField(
            "alarm",
            "kind",
            models.CharField(
                choices=[
                    ("deposit", "A deposit is on its way too long"),
                    ("withdrawal", "A withdrawal is being sent too long"),
                    ("unknown", "It is not known whether a refund was made"),
                    ("message", "A provider's message could not be processed"),
                    ("case", "A case is open too long"),
                    ("transfer", "Money is on its way to or from a trading account too long"),
                    ("overdue", "A withdrawal is past what was promised"),
                    ("suspense", "A payment in another currency waits too long"),
                    ("bank_line", "A bank payment is assigned to nobody"),
                    ("second", "A second person is waited for too long"),
                    ("report", "A provider's report has not been read"),
                    ("trading_case", "A trading case is open too long"),
                    ("clearing", "A provider owes us money too long"),
                    ("statement", "A bank statement is missing"),
                    ("bonus", "An earned bonus has not been paid out"),
                ],
                max_length=12,
            ),
        ),
    ]
