"""Passwords: which are good enough, how they are kept, and how one is compared."""

from __future__ import annotations

from functools import cache
from threading import Semaphore
from typing import TYPE_CHECKING

from carteira.web.languages import marked

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 200
GUESSABLE = 3
OFTEN = ["senha", "minhasenha", "mudar", "trocar", "acesso", "entrar", "carteira", "ploomes", "vendas", "cliente"]
OFTEN += ["empresa", "brasil", "corinthians", "flamengo", "palmeiras", "saopaulo", "vasco", "gremio"]

# A hash takes 19 MB for 20 ms: more at once than there are cores would only cost memory.
_turns = Semaphore(2)


def weakness(password: str, *known: str) -> str | None:
    """Why a password is refused, to be translated, None where it is good; `known` are words that anybody would try."""
    if len(password) < SHORTEST:
        return marked("A senha precisa ter pelo menos 10 caracteres.")
    if len(password) > LONGEST:
        return marked("A senha pode ter no máximo 200 caracteres.")
    # Half a megabyte of lists that only this needs.
    from zxcvbn import zxcvbn

    words = [word for text in known for word in (text, *text.replace("@", " ").replace(".", " ").split())]
    if zxcvbn(password, user_inputs=[*OFTEN, *words], max_length=LONGEST)["score"] < GUESSABLE:
        return marked("Esta senha é fácil de adivinhar. Três ou quatro palavras sem relação entre si são melhores.")
    return None


def hashed(password: str) -> str:
    with _turns:
        return _hasher().hash(password.encode("utf-8", "surrogatepass"))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the password; without a hash it takes as long, so that time does not tell who has an account."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _turns:
        try:
            _hasher().verify(password_hash or _nobodys(), password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False
    return bool(password_hash)


@cache
def _nobodys() -> str:
    return _hasher().hash("the password of nobody")


@cache
def _hasher() -> PasswordHasher:
    # Most requests are made by people who are in already.
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
