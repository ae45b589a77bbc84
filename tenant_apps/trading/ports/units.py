"""What figures are made of; NewTypes, so that lots are never taken for money."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NewType

Amount = NewType("Amount", Decimal)  # account currency
Lots = NewType("Lots", Decimal)  # standard lots
Price = NewType("Price", Decimal)  # quote currency per unit of the base currency
Rate = NewType("Rate", Decimal)  # conversion factor between two currencies
Raw = Mapping[str, Any]
