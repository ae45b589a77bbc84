import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a withdrawal costs the client, and what providers charge payers and payees on top. No row: nothing, as before."""

    dependencies = [
        ('clients', '0005_identity_changed'),
        ('payments', '0021_part_fees_of_before'),
    ]

    operations = [
        migrations.CreateModel(
            name='WithdrawalFee',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
                ('method', models.CharField(max_length=40)),
                ('currency', models.CharField(max_length=8)),
                ('countries', models.JSONField(blank=True, default=list)),
                ('kyc_level', models.PositiveSmallIntegerField(default=0)),
                ('percent', models.DecimalField(decimal_places=3, default=0, max_digits=6)),
                ('fixed_minor', models.BigIntegerField(default=0)),
                ('minimum_minor', models.BigIntegerField(default=0)),
                ('maximum_minor', models.BigIntegerField(blank=True, null=True)),
                ('passed_on_percent', models.DecimalField(decimal_places=3, default=0, max_digits=6)),
                ('passed_on_fixed_minor', models.BigIntegerField(default=0)),
                ('position', models.PositiveSmallIntegerField(default=10)),
                ('enabled', models.BooleanField(default=True)),
            ],
            options={
                'db_table': 'payments_withdrawal_fee',
            },
        ),
        migrations.AddField(
            model_name='deposit',
            name='passed_on_minor',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='methodrule',
            name='passed_on_fixed_minor',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='methodrule',
            name='passed_on_percent',
            field=models.DecimalField(db_default=0, decimal_places=3, default=0, max_digits=6),
        ),
        migrations.AddField(
            model_name='withdrawal',
            name='fee_minor',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='withdrawal',
            name='fee_taken_minor',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='withdrawal',
            name='passed_on_minor',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='withdrawalpart',
            name='fee_minor',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='withdrawalpart',
            name='passed_on_minor',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name='methodrule',
            constraint=models.CheckConstraint(condition=models.Q(('passed_on_fixed_minor__gte', 0), ('passed_on_percent__gte', 0), ('passed_on_percent__lt', 100)), name='payments_rule_passed_on'),
        ),
        migrations.AddConstraint(
            model_name='withdrawal',
            constraint=models.CheckConstraint(condition=models.Q(('fee_minor__gte', 0), ('fee_minor__lt', models.F('amount_minor')), ('fee_taken_minor__gte', 0), ('fee_taken_minor__lte', models.F('fee_minor'))), name='payments_withdrawal_fee_within'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalpart',
            constraint=models.CheckConstraint(condition=models.Q(('fee_minor__gte', 0), ('passed_on_minor__gte', 0)), name='payments_part_fee'),
        ),
        migrations.AddField(
            model_name='withdrawalfee',
            name='provider_account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawal_fees', to='payments.provideraccount'),
        ),
        migrations.AddIndex(
            model_name='withdrawalfee',
            index=models.Index(fields=['currency', 'enabled', 'position'], name='payments_wdfee_currency'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalfee',
            constraint=models.CheckConstraint(condition=models.Q(('fixed_minor__gte', 0), ('minimum_minor__gte', 0), ('percent__gte', 0), ('percent__lt', 100)), name='payments_withdrawal_fee_sound'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalfee',
            constraint=models.CheckConstraint(condition=models.Q(('maximum_minor__isnull', True), ('maximum_minor__gte', models.F('minimum_minor')), _connector='OR'), name='payments_withdrawal_fee_maximum'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalfee',
            constraint=models.CheckConstraint(condition=models.Q(('passed_on_fixed_minor__gte', 0), ('passed_on_percent__gte', 0), ('passed_on_percent__lt', 100)), name='payments_withdrawal_fee_passed_on'),
        ),
    ]
