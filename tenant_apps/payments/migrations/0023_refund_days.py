from django.db import migrations, models


class Migration(migrations.Migration):
    """A brokerage may have money go back for a shorter time than the adapter's limit."""

    dependencies = [
        ('payments', '0022_withdrawal_fees'),
    ]

    operations = [
        migrations.AddField(
            model_name='provideraccount',
            name='refund_days',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]
