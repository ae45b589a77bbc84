"""What a rule may say: triggers and actions as checked JSON.

Triggers
    {"kind": "event", "event": "payments.deposit_credited", "where": {"first": true}}
    {"kind": "absence", "event": "clients.registered", "hours": 24, "unless": ["kyc.submitted", "kyc.approved"]}
    {"kind": "schedule", "every": "day" | "week" | "month", "hour": 9}       full hour in the brokerage's zone
Actions
    {"do": "task", "title": "Call {name}", "kind": "call", "due_hours": 4, "to": "owner"}
    {"do": "notify", "title": "…", "to": "owner"}
    {"do": "mail", "mail": "kyc_reminder"}     {"do": "tag", "tag": "vip"}     {"do": "status", "status": "contacted"}
`to` is "owner" (who is responsible, else somebody of retention, else the brokerage's owner) or "role:<code>".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import pgettext_lazy

from kernel.errors import Invalid
from tenant_apps.clients import facts

MAX_ACTIONS = 6
MAX_HOURS = 24 * 365

EVENTS: dict[str, Any] = {
    "clients.lead_created": pgettext_lazy("event", "A lead was created"),
    "clients.lead_assigned": pgettext_lazy("event", "Somebody became responsible"),
    "clients.registered": pgettext_lazy("event", "A client registered"),
    "clients.email_verified": pgettext_lazy("event", "An e-mail address was verified"),
    "clients.stage_changed": pgettext_lazy("event", "A client reached a new stage"),
    "clients.active_day": pgettext_lazy("event", "A client had one more active day"),
    "kyc.submitted": pgettext_lazy("event", "Documents were handed in"),
    "kyc.more_needed": pgettext_lazy("event", "More documents were asked for"),
    "kyc.approved": pgettext_lazy("event", "An identity was approved"),
    "kyc.rejected": pgettext_lazy("event", "An identity was rejected"),
    "trading.account_opened": pgettext_lazy("event", "A trading account was opened"),
    "trading.deal_closed": pgettext_lazy("event", "A trade was closed"),
    "trading.margin_call": pgettext_lazy("event", "An account got a margin call"),
    "trading.stopped_out": pgettext_lazy("event", "An account was stopped out"),
    "payments.deposit_credited": pgettext_lazy("event", "A deposit was credited"),
    "payments.deposit_failed": pgettext_lazy("event", "A deposit failed"),
    "payments.withdrawal_requested": pgettext_lazy("event", "A withdrawal was requested"),
    "payments.withdrawal_paid": pgettext_lazy("event", "A withdrawal was paid"),
    "bonuses.offered": pgettext_lazy("event", "A bonus was offered"),
    "bonuses.granted": pgettext_lazy("event", "A bonus was given"),
    "bonuses.released": pgettext_lazy("event", "A bonus was paid out"),
    "bonuses.burnt": pgettext_lazy("event", "A bonus was taken back"),
    "bonuses.ended": pgettext_lazy("event", "A bonus ended without being given"),
    "campaigns.segment_entered": pgettext_lazy("event", "A client entered a segment"),
    "campaigns.segment_left": pgettext_lazy("event", "A client left a segment"),
    "campaigns.unsubscribed": pgettext_lazy("event", "A client unsubscribed"),
}
# What an event may be narrowed by: payload key → kind of value.
FIELDS: dict[str, dict[str, str]] = {
    "clients.stage_changed": {"stage": "text"},
    "clients.active_day": {"active_days": "number"},
    "trading.margin_call": {"live": "flag"},
    "trading.stopped_out": {"live": "flag"},
    "payments.deposit_credited": {"first": "flag", "method": "text"},
    "bonuses.burnt": {"reason": "text"},
    "bonuses.ended": {"reason": "text"},
    "campaigns.segment_entered": {"segment_key": "text"},
    "campaigns.segment_left": {"segment_key": "text"},
}
FIELD_WORDS = {
    "first": pgettext_lazy("trigger field", "First one"),
    "live": pgettext_lazy("trigger field", "Live account"),
    "active_days": pgettext_lazy("trigger field", "Active days"),
    "stage": pgettext_lazy("trigger field", "Stage"),
    "method": pgettext_lazy("trigger field", "Payment method"),
    "reason": pgettext_lazy("trigger field", "Reason"),
    "segment_key": pgettext_lazy("trigger field", "Segment"),
}
PERIODS = {
    "day": pgettext_lazy("schedule", "Every day"),
    "week": pgettext_lazy("schedule", "Every Monday"),
    "month": pgettext_lazy("schedule", "On the first of every month"),
}
MAILS = {
    "kyc_reminder": pgettext_lazy("mail", "Reminder to confirm the identity"),
    "registered": pgettext_lazy("mail", "Welcome after registration"),
}
TASK_KINDS = {
    "call": pgettext_lazy("task kind", "Call"),
    "follow_up": pgettext_lazy("task kind", "Follow up"),
    "kyc": pgettext_lazy("task kind", "Identity check"),
    "retention": pgettext_lazy("task kind", "Retention"),
    "task": pgettext_lazy("task kind", "Task"),
}
RECEIVERS = {
    "owner": pgettext_lazy("receiver", "Who is responsible"),
    "role:retention": pgettext_lazy("receiver", "Somebody of retention"),
    "role:desk_manager": pgettext_lazy("receiver", "A desk manager"),
    "role:compliance": pgettext_lazy("receiver", "Somebody of compliance"),
    "role:finance": pgettext_lazy("receiver", "Somebody of finance"),
}


class RuleInvalid(Invalid):
    """A trigger or an action is incomplete, unknown or contradicts itself."""

    code = "rule_invalid"
    message = pgettext_lazy("automation", "This rule is incomplete: look at the trigger and the actions.")


def trigger_parse(raw: Any) -> dict[str, Any]:
    """A checked trigger. Raises RuleInvalid."""
    if not isinstance(raw, Mapping):
        raise RuleInvalid(field="trigger")
    kind = raw.get("kind")
    if kind == "event":
        return {"kind": kind, "event": _event(raw.get("event")), "where": _where(raw.get("event"), raw.get("where"))}
    if kind == "absence":
        unless = [_event(name) for name in raw.get("unless") or []]
        if not unless:
            raise RuleInvalid(field="unless")
        hours = _number(raw.get("hours"), 1, MAX_HOURS, "hours")
        return {"kind": kind, "event": _event(raw.get("event")), "hours": hours, "unless": unless}
    if kind == "schedule" and raw.get("every") in PERIODS:
        return {"kind": kind, "every": raw["every"], "hour": _number(raw.get("hour"), 0, 23, "hour")}
    raise RuleInvalid(field="trigger")


def _event(name: Any) -> str:
    if name not in EVENTS:
        raise RuleInvalid(field="event")
    return str(name)


def _where(name: Any, where: Any) -> dict[str, Any]:
    known = FIELDS.get(str(name), {})
    checked: dict[str, Any] = {}
    for key, value in (where or {}).items():
        kind = known.get(key)
        if kind is None or value in ("", None):
            raise RuleInvalid(field="where")
        if kind == "number":
            checked[key] = _number(value, 0, 1_000_000, "where")
        elif kind == "flag":
            checked[key] = value in (True, "true", "yes", "1", "on")
        else:
            checked[key] = str(value)[:120]
    return checked


def _number(value: Any, least: int, most: int, field: str) -> int:
    if isinstance(value, bool) or not str(value).strip().isdecimal() or not least <= int(value) <= most:
        raise RuleInvalid(field=field)
    return int(value)


def actions_parse(raw: Any) -> list[dict[str, Any]]:
    """Checked actions, one at least. Raises RuleInvalid."""
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_ACTIONS:
        raise RuleInvalid(field="actions")
    return [_action(item) for item in raw]


def _action(item: Any) -> dict[str, Any]:
    do = item.get("do") if isinstance(item, Mapping) else None
    if do == "task" and item.get("kind") in TASK_KINDS:
        hours = _number(item.get("due_hours"), 0, MAX_HOURS, "due_hours")
        return {"do": do, "title": _text(item, "title"), "kind": item["kind"], "due_hours": hours, "to": _to(item)}
    if do == "notify":
        return {"do": do, "title": _text(item, "title"), "to": _to(item)}
    if do == "mail" and item.get("mail") in MAILS:
        return {"do": do, "mail": item["mail"]}
    if do == "tag":
        return {"do": do, "tag": _text(item, "tag")[:30].lower()}
    if do == "status":
        return {"do": do, "status": _text(item, "status")[:30]}
    raise RuleInvalid(field="actions")


def _text(item: Mapping[str, Any], key: str) -> str:
    text = str(item.get(key) or "").strip()
    if not text:
        raise RuleInvalid(field="actions")
    return text[:160]


def _to(item: Mapping[str, Any]) -> str:
    to = str(item.get("to") or "owner")
    if to not in RECEIVERS:
        raise RuleInvalid(field="actions")
    return to


def conditions_parse(raw: Any, trigger: Mapping[str, Any]) -> dict[str, Any] | None:
    """Checked conditions or None. A schedule without any would mean everybody and is refused."""
    if raw:
        return facts.parse(raw).as_json()
    if trigger["kind"] == "schedule":
        raise RuleInvalid(field="conditions")
    return None


def fits(trigger: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """Whether an event's payload has what the trigger's `where` asks."""
    return all(payload.get(key) == value for key, value in trigger.get("where", {}).items())
