from django.db import migrations, models


class Migration(migrations.Migration):
    """A deposit's page asks what its provider sent since; without this it reads every message of that provider."""

    dependencies = [("kernel", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="inboxmessage", index=models.Index(fields=["source", "received_at"], name="kernel_inbox_source")
        ),
    ]
