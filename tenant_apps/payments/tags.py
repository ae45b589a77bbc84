"""Which of clients' tags carry money here: those that enabled rules of approval and of ways in and out ask for."""

from __future__ import annotations

from .models import ApprovalRule, MethodRule, PayoutRule


def tags_of_rules() -> set[str]:
    rows = [*ApprovalRule.objects.filter(enabled=True).values_list("tags", flat=True)]
    for rules in (MethodRule.objects, PayoutRule.objects):
        for pair in rules.filter(enabled=True).values_list("tags_any", "tags_none"):
            rows += pair
    return {tag for tags in rows for tag in tags or ()}
