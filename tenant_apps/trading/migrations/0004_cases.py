import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A case is somebody's, and what is written about it is kept."""

    dependencies = [("trading", "0003_pending")]

    operations = [
        migrations.AddField("case", "owner_id", models.CharField(blank=True, db_default="", default="", max_length=40)),
        migrations.AddField(
            "case", "owner_label", models.CharField(blank=True, db_default="", default="", max_length=160)
        ),
        migrations.CreateModel(
            name="CaseNote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("author", models.CharField(max_length=160)),
                ("text", models.CharField(max_length=1000)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="trading.case"
                    ),
                ),
            ],
            options={"db_table": "trading_case_note"},
        ),
        migrations.AddIndex(
            model_name="casenote", index=models.Index(fields=["case", "id"], name="trading_case_note_case")
        ),
    ]
