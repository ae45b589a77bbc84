from pathlib import Path

from django.db import migrations

from kernel.tenancy.operations import TenantSQL

SQL = (Path(__file__).parent.parent / "sql" / "0002_functions.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [TenantSQL(SQL, migrations.RunSQL.noop)]
