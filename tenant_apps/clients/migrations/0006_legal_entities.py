import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    """The companies of a brokerage, and whose client somebody is; nobody is with any until there is one."""

    dependencies = [
        ("clients", "0005_identity_changed"),
    ]

    operations = [
        migrations.CreateModel(
            name="LegalEntity",
            fields=[
                ("id", models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=kernel.clock.now, editable=False)),
                ("updated_at", models.DateTimeField(default=kernel.clock.now)),
                ("name", models.CharField(max_length=120)),
                ("registration_number", models.CharField(blank=True, max_length=60)),
                ("licence", models.CharField(blank=True, max_length=120)),
                ("address", models.CharField(blank=True, max_length=300)),
                ("pack", models.CharField(blank=True, max_length=20)),
                ("countries", models.JSONField(blank=True, default=list)),
                ("is_default", models.BooleanField(default=False)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "clients_legal_entity",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("is_default",),
                        name="clients_entity_one_default",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_default", False), ("archived_at", None), _connector="OR"),
                        name="clients_entity_default_lives",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="client",
            name="entity",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clients.legalentity",
            ),
        ),
        migrations.AddIndex(
            model_name="client",
            index=models.Index(
                condition=models.Q(("entity__isnull", False)),
                fields=["entity", "-created_at"],
                name="clients_client_entity",
            ),
        ),
    ]
