"""Changes that wait for a second person are wallets' now (wallets.0006). The table stays as it is."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0016_ask_wanted'),
        ('wallets', '0006_proposed_changes'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name='ProposedChange')],
        ),
    ]
