"""How figures are written, once for every format."""

from __future__ import annotations

from decimal import Context, Decimal

from reports.model.money import NANO_PER_UNIT, cents

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
NONE = "–"
"""What stands where there is no evidence."""
MANY_TIMES = 10
"""From here on a percentage says less than how many times it is."""
_CENT_NANO = NANO_PER_UNIT // 100
_LEAST_NANO = NANO_PER_UNIT // 1_000_000


def money(nano: int | None, currency: str) -> str:
    """Cents: `$1,204.50`, `-$3.07`; two digits below a cent: `$0.0042`, `<$0.000001`; an en dash for None."""
    if nano is None:
        return NONE
    symbol = SYMBOLS.get(currency, f"{currency} ")
    if 0 < abs(nano) < _LEAST_NANO:
        return f"<{symbol}0.000001"
    text = _digits(nano, 2) if 0 < abs(nano) < _CENT_NANO else f"{cents(abs(nano)):,.2f}"
    return f"{'-' if nano < 0 else ''}{symbol}{text}"


def headline(nano: int | None, currency: str) -> str:
    """Whole units from 100 on, as `money` below: `$412`, `$3.07`, `$0.0042`."""
    if nano is None:
        return NONE
    rounded = cents(abs(nano))
    if rounded < 100:
        return money(nano, currency)
    return f"{'-' if nano < 0 else ''}{SYMBOLS.get(currency, f'{currency} ')}{rounded:,.0f}"


def unit_price(nano: float | None, currency: str) -> str:
    """Four significant digits where cents say nothing: `$0.0004217`."""
    if nano is None:
        return NONE
    symbol = SYMBOLS.get(currency, f"{currency} ")
    if not nano or abs(nano) >= NANO_PER_UNIT:
        return money(round(nano), currency)
    return f"{'-' if nano < 0 else ''}{symbol}{_digits(nano, 4)}"


def _digits(nano: float, most: int) -> str:
    """The first digits that say something, without a sign: 421_700 with two → `0.00042`."""
    value = Context(prec=most).create_decimal(Decimal(abs(nano)).scaleb(-9))
    return f"{value:f}".rstrip("0").rstrip(".")


def signed(nano: int, currency: str) -> str:
    """A difference: `+$3.07`, `-$0.50`, `±0`."""
    if not nano:
        return "±0"
    return f"{'+' if nano > 0 else ''}{money(nano, currency)}"


def share(value: float | None) -> str:
    """Whole percents from 10 on, a tenth below, `<0.1%` for what is something; an en dash for None."""
    if value is None:
        return NONE
    if 0 < abs(value) < 0.0005:
        return "<0.1%"
    return f"{value:.0%}" if abs(value) >= 0.0995 or not value else f"{value:.1%}"


def sentence_case(text: str) -> str:
    """With a capital at its beginning; the rest as it is."""
    return text[:1].upper() + text[1:]


def change(now: int | None, before: int | None) -> str:
    """`+8%`, `×12` from ten times on, `new` after nothing; an en dash without evidence and where there is no proportion
    to an amount below zero."""
    if before is None or now is None or before < 0 or now < 0:
        return NONE
    if not before:
        return "new" if now else "±0%"
    if now >= MANY_TIMES * before:
        return f"×{now / before:,.0f}"
    text = f"{now / before - 1:+.0%}"
    return "±0%" if text in ("+0%", "-0%") else text


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `44 min`, `2 h 05 min`."""
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10:
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    if seconds < 3600 - 30:
        return f"{seconds / 60:.0f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min"


def memory(mib: float | None) -> str:
    """MiB below 10 GiB, GiB above."""
    if mib is None:
        return NONE
    return f"{mib:,.0f} MiB" if mib < 10 * 1024 else f"{mib / 1024:,.1f} GiB"


def count(number: int) -> str:
    return f"{number:,}"
