from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0006_legal_entities"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="latin_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=160),
        ),
    ]
