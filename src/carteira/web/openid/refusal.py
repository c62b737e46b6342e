"""Why somebody is not let in, in the words of the page and in those of the audit log."""

from __future__ import annotations

from carteira.web.languages import marked

LOST = marked("Este pedido de entrada venceu, ou começou em outra janela. Comece de novo por aqui.")
DENIED = marked("A entrada foi cancelada na conta da empresa. Tente de novo, ou entre com e-mail e senha.")
AWAY = marked("O provedor da conta da empresa não respondeu. Tente de novo em instantes, ou entre com e-mail e senha.")
UNPROVEN = marked(
    "A resposta do provedor da conta da empresa não passou na conferência. Tente de novo; se continuar, avise o"
    " administrador."
)
UNVERIFIED = marked(
    "O provedor da conta da empresa não confirma que o e-mail é seu. Confirme-o lá, ou entre com e-mail e senha."
)
UNKNOWN = marked("Nenhum usuário ativo daqui tem o e-mail da sua conta da empresa. Peça um ao administrador.")
ANOTHERS = marked(
    "O usuário com este e-mail já entrou aqui com outra conta da empresa. Peça ao administrador que o desative e ative"
    " de novo."
)
TOO_OFTEN = marked("Espere um pouco antes de tentar de novo.")


class NotLetIn(Exception):
    """A sign-in that came to nothing: `failure` is for the page, to be translated; `reason` for whoever looks after it.

    `guess`: it may have been somebody who tries, and has to wait longer each time.
    """

    def __init__(self, failure: str, reason: str, status: int = 401, *, guess: bool = False) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason
        self.status = status
        self.guess = guess


def away(reason: str) -> NotLetIn:
    """The provider is at fault, or the way to it."""
    return NotLetIn(AWAY, reason, 503)


def unproven(reason: str) -> NotLetIn:
    """What came back is not worth believing."""
    return NotLetIn(UNPROVEN, reason, guess=True)
