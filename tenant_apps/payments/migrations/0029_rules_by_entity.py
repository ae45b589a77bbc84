from django.db import migrations, models


class Migration(migrations.Migration):
    """Rules of money in and out may be for the clients of some legal entities only; those of before are for all."""

    dependencies = [
        ('payments', '0028_part_ask_wanted'),
    ]

    operations = [
        migrations.AddField(
            model_name='methodrule',
            name='entities',
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name='payoutrule',
            name='entities',
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
    ]
