"""The desk of changes is wallets' now. The table stays as it is, under its name: only who knows it moves."""

import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0004_legal_words'),
        ('payments', '0014_crypto_fingerprints'),
        ('wallets', '0005_banking_days'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='ProposedChange',
                    fields=[
                        ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                        ('updated_at', models.DateTimeField(default=kernel.clock.now)),
                        ('kind', models.CharField(max_length=30)),
                        ('object_id', models.UUIDField()),
                        ('title', models.CharField(max_length=200)),
                        ('before', models.JSONField(default=dict)),
                        ('after', models.JSONField(default=dict)),
                        ('values', models.JSONField(default=dict)),
                        ('note', models.CharField(blank=True, max_length=300)),
                        ('state', models.CharField(choices=[('waiting', 'Waits for a second person'), ('approved', 'In force'), ('refused', 'Refused'), ('withdrawn', 'Taken back')], default='waiting', max_length=10)),
                        ('alone', models.BooleanField(default=False)),
                        ('proposer_id', models.CharField(max_length=40)),
                        ('proposer_label', models.CharField(max_length=160)),
                        ('decider_id', models.CharField(blank=True, max_length=40)),
                        ('decider_label', models.CharField(blank=True, max_length=160)),
                        ('decided_at', models.DateTimeField(null=True)),
                        ('refusal', models.CharField(blank=True, max_length=300)),
                        ('client', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clients.client')),
                    ],
                    options={
                        'db_table': 'payments_change',
                        'indexes': [models.Index(fields=['state', '-created_at'], name='payments_change_state')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('kind', 'object_id'), name='payments_change_one_waits'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), ('alone', True), models.Q(('decider_id', models.F('proposer_id')), _negated=True), _connector='OR'), name='payments_change_four_eyes')],
                    },
                ),
            ],
        ),
    ]
