"""Rights over clients. Scoped ones reach own, team or all clients by `owner_id` and `team_id`."""

from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register("clients.view", pgettext_lazy("permission", "See clients and leads"), writes=False, scoped=True)
CREATE = register("clients.create", pgettext_lazy("permission", "Create leads by hand"))
EDIT = register("clients.edit", pgettext_lazy("permission", "Change clients' profiles and tags"), scoped=True)
NOTE = register("clients.note", pgettext_lazy("permission", "Write notes about clients"), scoped=True)
TASK = register("clients.task", pgettext_lazy("permission", "Make and finish tasks"), scoped=True)
ASSIGN = register("clients.assign", pgettext_lazy("permission", "Make somebody responsible for clients"), scoped=True)
IDENTITY = register(
    "clients.identity",
    pgettext_lazy("permission", "Change and confirm the identity of verified clients"),
    critical=True,
)
MONEY_TAGS = register(
    "clients.money_tags", pgettext_lazy("permission", "Set tags that rules of money ask for"), critical=True
)
RISK = register("clients.risk", pgettext_lazy("permission", "Set clients' risk and close clients"), critical=True)
DOCUMENTS = register("clients.documents", pgettext_lazy("permission", "Publish legal documents"), critical=True)
ENTITIES = register("clients.entities", pgettext_lazy("permission", "Set up legal entities"), critical=True)
ENTITY_MOVE = register(
    "clients.entity.move", pgettext_lazy("permission", "Move clients to another legal entity"), critical=True
)
