"""Appropriateness: what somebody knows of leveraged trading (MiFID II art. 25(3) asks brokers of retail clients to find out)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

QUESTIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "experience": (
        pgettext_lazy("appropriateness", "How long have you traded leveraged products?"),
        {
            "none": pgettext_lazy("appropriateness", "Not yet"),
            "under_1": pgettext_lazy("appropriateness", "Less than a year"),
            "1_to_3": pgettext_lazy("appropriateness", "One to three years"),
            "over_3": pgettext_lazy("appropriateness", "More than three years"),
        },
    ),
    "leverage": (
        pgettext_lazy("appropriateness", "With a leverage of 1:30, a price falls by 1%. What does your position lose?"),
        {
            "1": pgettext_lazy("appropriateness", "One percent of the margin"),
            "30": pgettext_lazy("appropriateness", "30% of the margin"),
            "unknown": pgettext_lazy("appropriateness", "I do not know"),
        },
    ),
    "income": (
        pgettext_lazy("appropriateness", "Where does the money you trade with come from?"),
        {
            "salary": pgettext_lazy("appropriateness", "Salary or own business"),
            "savings": pgettext_lazy("appropriateness", "Savings"),
            "inheritance": pgettext_lazy("appropriateness", "Inheritance or sale of property"),
            "other": pgettext_lazy("appropriateness", "Something else"),
        },
    ),
    "pep": (
        pgettext_lazy("appropriateness", "Do you, or does a close relative, hold a public office?"),
        {
            "no": pgettext_lazy("appropriateness", "No"),
            "yes": pgettext_lazy("appropriateness", "Yes"),
        },
    ),
}


def missing_answers(answers: dict[str, str]) -> list[str]:
    """Questions without a valid answer."""
    return [code for code, (_, choices) in QUESTIONS.items() if answers.get(code) not in choices]


def warnings(answers: dict[str, str]) -> list[Any]:
    """What an officer should notice in the answers."""
    notes = []
    if answers.get("leverage") != "30":
        notes.append(pgettext_lazy("appropriateness", "Does not understand leverage: show the risk warning."))
    if answers.get("pep") == "yes":
        notes.append(pgettext_lazy("appropriateness", "Says to be a politically exposed person (PEP)."))
    return notes
