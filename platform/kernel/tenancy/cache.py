"""Cache keys carry the scope. A key asked for outside a scope is an error, not a shared key (tenancy.md, L3)."""

from kernel.tenancy import context


def make_key(key: str, key_prefix: str, version: int) -> str:
    scope = context.scope()
    owner = str(scope.tenant.id) if scope.tenant else scope.kind
    return f"{key_prefix}:{owner}:{version}:{key}"
