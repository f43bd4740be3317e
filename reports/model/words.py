"""How figures are written, once for every format."""

from __future__ import annotations

from reports.model.money import cents

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
NONE = "–"
"""What stands where there is no evidence."""


def money(nano: int | None, currency: str) -> str:
    """Cents: `$1,204.50`, `-$3.07`; an en dash for None; `<$0.01` for what is less than half a cent but something."""
    if nano is None:
        return NONE
    symbol = SYMBOLS.get(currency, f"{currency} ")
    rounded = cents(abs(nano))
    if nano and not rounded:
        return f"<{symbol}0.01"
    return f"{'-' if nano < 0 else ''}{symbol}{rounded:,.2f}"


def headline(nano: int, currency: str) -> str:
    """Whole units from 100 on, cents below: `$412`, `$3.07`."""
    rounded = cents(abs(nano))
    text = f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:,.2f}"
    return f"{'-' if nano < 0 and rounded else ''}{SYMBOLS.get(currency, f'{currency} ')}{text}"


def unit_price(nano: int | None, currency: str) -> str:
    """Four significant digits where cents say nothing: `$0.0004217`."""
    if nano is None:
        return NONE
    symbol = SYMBOLS.get(currency, f"{currency} ")
    value = nano / 1e9
    if not nano or abs(value) >= 1:
        return money(nano, currency)
    digits = f"{abs(value):.4g}"
    return f"{'-' if value < 0 else ''}{symbol}{float(digits):.9f}".rstrip("0").rstrip(".")


def signed(nano: int, currency: str) -> str:
    """A difference: `+$3.07`, `-$0.50`, `±0`."""
    if not cents(nano):
        return "±0"
    return f"{'+' if nano > 0 else ''}{money(nano, currency)}"


def share(value: float | None) -> str:
    return NONE if value is None else f"{value:.0%}" if value >= 0.0995 or not value else f"{value:.1%}"


def change(now: int, before: int | None) -> str:
    """`+8 %`-like, `new` after nothing, an en dash without evidence."""
    if before is None:
        return NONE
    if not before:
        return "new" if now else "±0%"
    return f"{now / before - 1:+.0%}"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def memory(mib: float | None) -> str:
    """MiB below 10 GiB, GiB above."""
    if mib is None:
        return NONE
    return f"{mib:,.0f} MiB" if mib < 10 * 1024 else f"{mib / 1024:,.1f} GiB"


def count(number: int) -> str:
    return f"{number:,}"
