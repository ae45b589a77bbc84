"""The database and Python agree on who fits, whatever the tree; nothing but registered facts gets through."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenant_apps.clients import facts
from tenant_apps.clients.models import Client

from .support import NOON, client_make

OWNERS = [UUID(int=1), UUID(int=2)]
_days = st.integers(0, 60)
_maybe_moment = st.one_of(st.none(), st.integers(0, 60 * 24).map(lambda hours: NOON - timedelta(hours=hours)))
_client = st.fixed_dictionaries(
    {
        "stage": st.sampled_from(["lead", "registered", "verified", "funded", "closed"]),
        "country": st.sampled_from(["DE", "AE", "KZ", ""]),
        "language": st.sampled_from(["de", "ar"]),
        "tags": st.lists(st.sampled_from(["vip", "call", 'a"b']), unique=True, max_size=2),
        "owner_id": st.sampled_from([None, *OWNERS]),
        "source": st.sampled_from([{}, {"utm_source": "google"}, {"utm_source": "google", "utm_campaign": "spring"}]),
        "ftd_at": _maybe_moment,
        "registered_at": _maybe_moment,
        "active_days": st.integers(0, 40),
        "last_active_on": _maybe_moment.map(lambda value: value and value.date()),
    }
)
_condition = st.one_of(
    st.tuples(st.just("stage"), st.sampled_from(["in", "not_in"]), st.just(["funded", "lead"])),
    st.tuples(st.just("country"), st.sampled_from(["in", "not_in"]), st.just(["DE", ""])),
    st.tuples(st.just("owner"), st.sampled_from(["in", "not_in"]), st.just([str(OWNERS[0]), "not-an-id"])),
    st.tuples(st.just("tags"), st.sampled_from(["any_of", "none_of"]), st.just(["vip", 'a"b'])),
    st.tuples(st.just("utm_source"), st.sampled_from(["is", "is_not"]), st.sampled_from(["google", "x' OR 1=1 --"])),
    st.tuples(st.just("utm_campaign"), st.sampled_from(["is", "is_not"]), st.just("spring")),
    st.tuples(st.just("active_days"), st.sampled_from(["at_least", "at_most", "exactly"]), st.integers(0, 40)),
    st.tuples(
        st.sampled_from(["ftd", "registered", "last_active"]),
        st.sampled_from(["within", "longer", "ever", "never"]),
        _days,
    ),
).map(lambda parts: {"fact": parts[0], "test": parts[1], "value": parts[2]})
_tree = st.recursive(
    st.builds(
        lambda op, items: {"op": op, "items": items}, st.sampled_from(["and", "or"]), st.lists(_condition, min_size=1, max_size=3)
    ),
    lambda children: st.builds(
        lambda op, items, child: {"op": op, "items": [*items, child]},
        st.sampled_from(["and", "or"]),
        st.lists(_condition, max_size=2),
        children,
    ),
    max_leaves=3,
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(_client, min_size=1, max_size=8), tree=_tree)
def test_count_in_sql_equals_evaluation_in_python(tenant: Any, people: list[dict[str, Any]], tree: Any) -> None:
    Client.objects.all().delete()
    for values in people:
        client_make(**values)
    node = facts.parse(tree)
    by_database = set(Client.objects.filter(facts.compile_q(node, NOON)).values_list("pk", flat=True))
    in_python = {client.pk for client in Client.objects.all() if facts.matches(node, client, NOON)}
    assert by_database == in_python


@pytest.mark.parametrize(
    "tree",
    [
        None,
        {},
        {"op": "and", "items": []},
        {"op": "xor", "items": [{"fact": "stage", "test": "in", "value": ["lead"]}]},
        {"op": "and", "items": [{"fact": "password", "test": "is", "value": "x"}]},
        {"op": "and", "items": [{"fact": "owner_id__user__password", "test": "in", "value": ["x"]}]},
        {"op": "and", "items": [{"fact": "stage", "test": "regex", "value": ["x"]}]},
        {"op": "and", "items": [{"fact": "active_days", "test": "at_least", "value": "1; DROP TABLE"}]},
        {"op": "and", "items": [{"fact": "active_days", "test": "at_least", "value": -1}]},
        {"op": "and", "items": [{"fact": "active_days", "test": "at_least", "value": True}]},
        {"op": "and", "items": [{"fact": "utm_source", "test": "is", "value": ""}]},
        {"op": "and", "items": [{"fact": "ftd", "test": "within", "value": 10**9}]},
        {"op": "and", "items": [{"fact": "stage", "test": "in", "value": []}]},
        {"op": "and", "items": ["stage"]},
    ],
)
def test_incomplete_or_foreign_definitions_are_refused(tree: Any) -> None:
    with pytest.raises(facts.DefinitionInvalid):
        facts.parse(tree)


def test_nesting_and_size_are_bounded() -> None:
    condition = {"fact": "active_days", "test": "at_least", "value": 1}
    deep: dict[str, Any] = {"op": "and", "items": [condition]}
    for _ in range(facts.MAX_DEPTH):
        deep = {"op": "and", "items": [deep]}
    with pytest.raises(facts.DefinitionInvalid):
        facts.parse(deep)
    with pytest.raises(facts.DefinitionInvalid):
        facts.parse({"op": "and", "items": [condition] * (facts.MAX_CONDITIONS + 1)})


def test_a_definition_survives_being_stored(tenant: Any) -> None:
    tree = {"op": "or", "items": [{"fact": "ftd", "test": "never", "value": None}]}
    assert facts.parse(tree).as_json() == tree
    assert facts.parse(facts.parse(tree).as_json()) == facts.parse(tree)
