from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0002_numbers_and_consents"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="email_changed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
