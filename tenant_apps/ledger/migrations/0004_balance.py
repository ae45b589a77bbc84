from pathlib import Path

from django.db import migrations

from kernel.tenancy.operations import TenantSQL

SQL = (Path(__file__).parent.parent / "sql" / "0004_balance.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_posting")]

    operations = [TenantSQL(SQL, migrations.RunSQL.noop)]
