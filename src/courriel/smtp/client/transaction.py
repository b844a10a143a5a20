"""One message's transaction: what each reply means for each recipient.

RFC 5321 §4.2.1 (the first digit decides), §4.5.3.1.10; LMTP RFC 2033 §4.2.  Pure: replies in, Attempts out.  Whatever
comes, and wherever it ends, every recipient has exactly one Attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.model.attempt import Attempt, Result, Stage
from courriel.smtp.client.errors import Broken
from courriel.smtp.client.plan import Plan, Server, no_room
from courriel.smtp.wire.reply import Answer

_RESULTS: Final = {2: Result.DELIVERED, 4: Result.DEFERRED, 5: Result.FAILED}

_TOO_MANY: Final = frozenset({"4.5.3", "5.5.3"})
"""RFC 3463 §3.6: too many recipients."""


class Transaction:
    """Told of replies in the order of the plan's commands, then of DATA and of the content."""

    def __init__(self, plan: Plan, server: Server) -> None:
        self._plan = plan
        self._server = server
        self._next = 0
        self.is_open = False
        """MAIL was accepted and nothing has ended the transaction: another message needs RSET before."""
        self.accepted: list[int] = []
        """Recipients (indices) that the server took and whose message is not answered for yet."""
        self.content_begun = False
        """Octets of the message are on their way: without a reply it may have arrived."""

    @property
    def stage(self) -> Stage:
        """Which reply is missing."""
        if self.content_begun:
            return Stage.CONTENT
        if self._next == 0:
            return Stage.MAIL
        return Stage.RCPT if self._next <= len(self._plan.going) else Stage.DATA

    @property
    def is_done(self) -> bool:
        """Whether every recipient has its outcome."""
        return None not in self._plan.attempts

    def attempts(self) -> list[Attempt]:
        """One for each recipient, in order; call it at the end."""
        done = [one for one in self._plan.attempts if one is not None]
        assert len(done) == len(self._plan.attempts), "a recipient without an outcome"
        return done

    def hear_commands(self, answers: Sequence[Answer]) -> None:
        """Replies to MAIL and RCPTs, all or the first of them.  Raises FormatError for a 3yz reply."""
        for answer in answers:
            if self._next == 0:
                self._hear_mail(answer)
            else:
                self._hear_rcpt(self._plan.going[self._next - 1], answer)
            self._next += 1

    def _hear_mail(self, answer: Answer) -> None:
        if _is_positive(answer):
            self.is_open = True
        else:
            self._settle(self._plan.going, self._meaning(answer, Stage.MAIL))

    def _hear_rcpt(self, number: int, answer: Answer) -> None:
        if _is_positive(answer):
            if self.is_open:
                self.accepted.append(number)
            return
        attempt = self._meaning(answer, Stage.RCPT)
        if self.is_open:  # else refused with MAIL, whatever is said now
            self._plan.attempts[number] = no_room(attempt) if self._is_room_elsewhere(answer) else attempt

    def _is_room_elsewhere(self, answer: Answer) -> bool:
        """Whether a recipient was refused only because there were enough before it.

        RFC 5321 §4.5.3.1.10: 452, and 552 from servers of old.  A mailbox that is full (x.2.2) is none of them, nor
        is a 452 that no accepted recipient came before: that server has no room at all.
        """
        return bool(self.accepted) and (
            answer.status in _TOO_MANY or (answer.code in (452, 552) and answer.status.endswith(".0.0"))
        )

    def hear_data(self, answer: Answer) -> bool:
        """The reply to DATA: True for 354.  Raises FormatError for one that is neither that nor a refusal."""
        if answer.code == 354:
            return True
        if answer.code < 400:
            raise FormatError("SMTP reply", -1, "RFC 5321 §4.1.1.4: 354 or a refusal")
        self.refuse(self._meaning(answer, Stage.DATA))
        return False

    def hear_content(self, answers: Sequence[Answer]) -> None:
        """Replies to the whole message: one for all, with LMTP one for each accepted recipient (RFC 2033 §4.2).

        Raises FormatError for a 3yz reply; recipients whose reply is missing stay in ``accepted``.
        """
        for answer in answers:
            attempt = self._meaning(answer, Stage.CONTENT)
            if self._server.lmtp or attempt.result is Result.DELIVERED:
                self.is_open = False
            if not self._server.lmtp:
                self.refuse(attempt)
            elif self.accepted:
                self._plan.attempts[self.accepted.pop(0)] = attempt

    def hear_chunk(self, answer: Answer) -> bool:
        """The reply to a chunk that is not the last: whether to go on.  Raises FormatError for a 3yz reply."""
        attempt = self._meaning(answer, Stage.CONTENT)
        if attempt.result is Result.DELIVERED:
            return True
        self.refuse(attempt)
        return False

    def refuse(self, attempt: Attempt) -> None:
        """One outcome for all that were accepted."""
        self._settle(self.accepted, attempt)
        self.accepted = []

    def lose(self, why: Broken) -> None:
        """The conversation is over: whoever has no outcome yet is deferred."""
        attempt = self._server.attempt(Result.DEFERRED, why.status, str(why), self.stage)
        attempts = self._plan.attempts
        self._settle([number for number, one in enumerate(attempts) if one is None], attempt)
        self.accepted = []

    def _settle(self, numbers: Iterable[int], attempt: Attempt) -> None:
        for number in numbers:
            self._plan.attempts[number] = attempt

    def _meaning(self, answer: Answer, stage: Stage) -> Attempt:
        result = _RESULTS.get(answer.code // 100)
        if result is None:
            raise FormatError("SMTP reply", 0, f"{answer.code} where it has no meaning")
        passed_dsn = result is Result.DELIVERED and "DSN" in self._server.offer
        reply = f"{answer.code} {answer.text}"
        return self._server.attempt(result, answer.status, reply, stage, passed_dsn=passed_dsn)


def _is_positive(answer: Answer) -> bool:
    return answer.code // 100 == 2
