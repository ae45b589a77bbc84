"""What may leave for Sentry in a message: enough to mend the defect, nothing about people."""

from __future__ import annotations

import pytest

from kernel.defects import masked


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ('duplicate key "x"\nDETAIL:  Key (email)=(a@b.example) already exists.', 'duplicate key "x"'),
        ("no mailbox for lena.vogt+fx@example.org, giving up", "no mailbox for <e-mail>, giving up"),
        ("{'password': 'wooden harbour', 'n': 3}", "{'password': ***, 'n': 3}"),
        ("Authorization: Bearer sk_live_1", "Authorization: Bearer ***"),
        ("call +49 170 1234567 back", "call <number> back"),
        ("card 4111 1111 1111 1111 refused", "card <number> refused"),
        ("to DE89 3704 0044 0532 0130 00 now", "to <iban> now"),
        ("link ImEi:1vKx9Z:4f9c-LQe2p7TtXw0 is bad", "link <token> is bad"),
        ("row 018f0000-0000-7000-8000-000000000001 is gone", "row 018f0000-0000-7000-8000-000000000001 is gone"),
        ("no module tenant_apps.accounts.office.flows", "no module tenant_apps.accounts.office.flows"),
        ("'NoneType' object has no attribute 'balance'", "'NoneType' object has no attribute 'balance'"),
    ],
)
def test_a_message_keeps_its_sense_and_loses_its_people(said: str, left: str) -> None:
    assert masked(said) == left


def test_a_message_is_cut() -> None:
    assert len(masked("word " * 5000)) <= 500
