"""Access codes: how they are drawn, written, and read back from what a person typed."""

import secrets
import unicodedata
from dataclasses import dataclass, field

from distribution.errors import PermanentError

# Crockford's base 32: no I, L, O (read as 1, 1, 0) and no U (no accidental words).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# 13 characters are 65 bits: more than the 64 below which OWASP ASVS 5.0 (6.6.3) asks for a rate limit.
RANDOM_CHARACTERS = 13
LENGTH = RANDOM_CHARACTERS + 1
_GROUP = 4
_READ_AS = str.maketrans("ILO", "110")


class NotAnAccessCode(PermanentError):
    """What was typed is no access code. The message never repeats it: it may be one but for a slip."""

    code = "no-access-code"


@dataclass(frozen=True, slots=True)
class AccessCode:
    """A code in memory; nothing but `written()` ever shows it, so it cannot slip into a log."""

    characters: str = field(repr=False)

    def written(self) -> str:
        """`XXXX-XXXX-XXXX-XX`, as the mail gives it."""
        groups = (self.characters[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))
        return "-".join(groups)


# Stands for whatever cannot be a code: it is looked up like any other, and nobody's.
NO_CODE = AccessCode("")


def mint() -> AccessCode:
    """A new code: 13 characters from the system's randomness and their check character."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return AccessCode(drawn + check_character(drawn))


def reference() -> str:
    """A reference for people to quote, `XXXX-XXXX`: not a secret, but it tells no count either."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(2 * _GROUP))
    return f"{drawn[:_GROUP]}-{drawn[_GROUP:]}"


def parse(typed: str) -> AccessCode:
    """The code that was typed; case, spaces, dashes and I, L, O for 1, 1, 0 do not matter.

    Raises NotAnAccessCode for another length, a character outside the alphabet, and a wrong check character.
    """
    plain = unicodedata.normalize("NFKC", typed).upper().translate(_READ_AS)
    characters = "".join(
        letter for letter in plain if not letter.isspace() and unicodedata.category(letter) != "Pd"
    )
    if len(characters) != LENGTH:
        raise NotAnAccessCode(f"An access code has {LENGTH} letters and digits. Copy it whole from the mail.")
    if not set(characters) <= set(ALPHABET):
        raise NotAnAccessCode("An access code has digits and letters other than U only. Check it.")
    if check_character(characters[:-1]) != characters[-1]:
        raise NotAnAccessCode("A letter or digit of the access code is mistyped. Check it against the mail.")
    return AccessCode(characters)


def check_character(characters: str) -> str:
    """The Luhn mod 32 check character: every single slip and nearly every swap of neighbours shows."""
    total = 0
    for position, letter in enumerate(reversed(characters)):
        weighed = ALPHABET.index(letter) * (1 if position % 2 else 2)
        total += sum(divmod(weighed, len(ALPHABET)))
    return ALPHABET[-total % len(ALPHABET)]
