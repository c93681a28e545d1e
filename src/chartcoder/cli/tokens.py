"""Bearer tokens for a stack that takes them: a command of the user's own prints one, and once it is over the next.

So each sign-in that there is can be used (a device flow, a browser, a machine's client credentials), and no token
stands in a command line, where every process of the machine could read it.
"""

from __future__ import annotations

import re
import shlex
import subprocess

from chartcoder.errors import ChartcoderError

COMMAND = "CHARTCODER_TOKEN_COMMAND"
SECONDS = 300.0  # a person may have to sign in
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1


class Tokens:
    """The tokens that a command prints."""

    def __init__(self, command: str) -> None:
        """Raises ChartcoderError where there is no command."""
        try:
            self._words = shlex.split(command)
        except ValueError:
            self._words = []
        if not self._words:
            raise ChartcoderError(
                f"this stack takes tokens of its issuer (JwtIssuer): set {COMMAND} to a command that prints one"
            )
        self._token: str | None = None

    def current(self) -> str:
        """Raises ChartcoderError where the command fails or prints something else; it repeats nothing of it."""
        if self._token is None:
            self._token = self._ask()
        return self._token

    def forget(self) -> None:
        """The token is over: the next one is asked for."""
        self._token = None

    def _ask(self) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
                self._words, stdout=subprocess.PIPE, timeout=SECONDS, check=False, text=True
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise ChartcoderError(f"the command of {COMMAND} failed: {type(error).__name__}") from None
        token = done.stdout.strip()
        if done.returncode != 0:
            raise ChartcoderError(f"the command of {COMMAND} failed with status {done.returncode}")
        if not TOKEN.fullmatch(token):
            raise ChartcoderError(f"the command of {COMMAND} printed no token; expected one, and nothing else")
        return token
