from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0004_legal_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name=name,
            field=models.DateTimeField(blank=True, null=True),
        )
        for name in ("identity_changed_at", "identity_confirmed_at")
    ]
