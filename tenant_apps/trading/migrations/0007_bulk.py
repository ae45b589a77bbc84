import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    """Bulk changes of accounts: two new tables, nothing else is touched."""

    dependencies = [
        ('trading', '0006_ctrader'),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkChange',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
                ('what', models.CharField(choices=[('leverage', 'Leverage'), ('type', 'Account type')], max_length=8)),
                ('purpose', models.CharField(choices=[('change', 'Change'), ('undo', 'Undoing'), ('retry', 'Second try')], default='change', max_length=6)),
                ('leverage', models.PositiveIntegerField(blank=True, null=True)),
                ('query', models.TextField(blank=True)),
                ('state', models.CharField(choices=[('planned', 'Preview'), ('waiting', 'Waits for a second person'), ('running', 'Running'), ('done', 'Finished'), ('stopped', 'Stopped'), ('dropped', 'Dropped')], default='planned', max_length=8)),
                ('actor', models.JSONField(default=dict)),
                ('proposer_id', models.CharField(max_length=40)),
                ('proposer_label', models.CharField(max_length=160)),
                ('approver_label', models.CharField(blank=True, max_length=160)),
                ('stopper_label', models.CharField(blank=True, max_length=160)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('accounts', models.PositiveIntegerField(default=0)),
                ('changing', models.PositiveIntegerField(default=0)),
                ('done', models.PositiveIntegerField(default=0)),
                ('refused', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('account_type', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trading.accounttype')),
                ('origin', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='followers', to='trading.bulkchange')),
            ],
            options={
                'db_table': 'trading_bulk',
            },
        ),
        migrations.CreateModel(
            name='BulkChangeRow',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('before', models.CharField(max_length=36)),
                ('after', models.CharField(max_length=36)),
                ('state', models.CharField(choices=[('waiting', 'To be changed'), ('sent', 'On its way'), ('done', 'Changed'), ('refused', 'Refused by the server'), ('skipped', 'Left as it is')], default='waiting', max_length=8)),
                ('reason', models.CharField(blank=True, max_length=60)),
                ('command_id', models.UUIDField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='bulk_rows', to='trading.tradingaccount')),
                ('change', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='trading.bulkchange')),
                ('server', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trading.tradingserver')),
            ],
            options={
                'db_table': 'trading_bulk_row',
            },
        ),
        migrations.AddIndex(
            model_name='bulkchange',
            index=models.Index(fields=['-created_at', '-id'], name='trading_bulk_newest'),
        ),
        migrations.AddIndex(
            model_name='bulkchange',
            index=models.Index(condition=models.Q(('finished_at', None), ('state__in', ['planned', 'running', 'stopped'])), fields=['created_at'], name='trading_bulk_open'),
        ),
        migrations.AddConstraint(
            model_name='bulkchange',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['planned', 'dropped']), models.Q(('started_at__isnull', False), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='trading_bulk_reasoned'),
        ),
        migrations.AddIndex(
            model_name='bulkchangerow',
            index=models.Index(fields=['change', 'state', 'id'], name='trading_bulk_row_state'),
        ),
        migrations.AddIndex(
            model_name='bulkchangerow',
            index=models.Index(fields=['change', 'id'], name='trading_bulk_row_order'),
        ),
        migrations.AddIndex(
            model_name='bulkchangerow',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['server', 'change', 'id'], name='trading_bulk_row_next'),
        ),
        migrations.AddIndex(
            model_name='bulkchangerow',
            index=models.Index(condition=models.Q(('state', 'sent')), fields=['server'], name='trading_bulk_row_under_way'),
        ),
        migrations.AddConstraint(
            model_name='bulkchangerow',
            constraint=models.UniqueConstraint(fields=('account', 'change'), name='trading_bulk_row_once'),
        ),
        migrations.AddConstraint(
            model_name='bulkchangerow',
            constraint=models.UniqueConstraint(fields=('command_id',), name='trading_bulk_row_command'),
        ),
        migrations.AddConstraint(
            model_name='bulkchangerow',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'skipped']), ('command_id__isnull', False), _connector='OR'), name='trading_bulk_row_sent'),
        ),
    ]
