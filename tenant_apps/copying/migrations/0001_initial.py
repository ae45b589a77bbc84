import django.db.models.deletion
import django.db.models.functions.text
import kernel.clock
import kernel.ids
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('trading', '0009_exposure'),
    ]

    operations = [
        migrations.CreateModel(
            name='Strategy',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
                ('name', models.CharField(max_length=40)),
                ('description', models.CharField(max_length=600)),
                ('performance_fee', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5)),
                ('management_fee', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5)),
                ('volume_fee_minor', models.BigIntegerField(default=0)),
                ('minimum_minor', models.BigIntegerField(default=0)),
                ('show_capital', models.BooleanField(default=False)),
                ('visible', models.BooleanField(default=True)),
                ('state', models.CharField(choices=[('waiting', 'Waits for release'), ('listed', 'Released'), ('rejected', 'Not released'), ('suspended', 'Suspended'), ('ended', 'Ended')], default='waiting', max_length=10)),
                ('wanted', models.JSONField(blank=True, null=True)),
                ('consented_at', models.DateTimeField()),
                ('released_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='strategies', to='trading.tradingaccount')),
            ],
            options={
                'db_table': 'copying_strategy',
            },
        ),
        migrations.CreateModel(
            name='StrategyStats',
            fields=[
                ('strategy', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='stats', serialize=False, to='copying.strategy')),
                ('as_of', models.DateTimeField()),
                ('since', models.DateTimeField(null=True)),
                ('growth', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('growth_year', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('growth_quarter', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('growth_month', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('growth_shown', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('drawdown', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('worst_day', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('sharpe', models.DecimalField(decimal_places=2, max_digits=8, null=True)),
                ('win_rate', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('profit_factor', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('trades', models.PositiveIntegerField(default=0)),
                ('age_days', models.PositiveIntegerField(default=0)),
                ('capital_minor', models.BigIntegerField(null=True)),
                ('capital_currency', models.CharField(blank=True, max_length=8)),
                ('copiers', models.PositiveIntegerField(null=True)),
                ('judged', models.BooleanField(default=False)),
                ('standing', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=10)),
                ('months', models.JSONField(default=list)),
                ('curve', models.JSONField(default=list)),
            ],
            options={
                'db_table': 'copying_stats',
            },
        ),
        migrations.AddIndex(
            model_name='strategy',
            index=models.Index(fields=['state', '-created_at'], name='copying_strategy_state'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.UniqueConstraint(fields=('account',), name='copying_strategy_account'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='copying_strategy_name'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('management_fee__gte', 0), ('performance_fee__gte', 0), ('performance_fee__lte', 100), ('management_fee__lte', 100), ('minimum_minor__gte', 0), ('volume_fee_minor__gte', 0)), name='copying_strategy_terms'),
        ),
    ]
