"""Runs scripted IMAP tests in the format of ``../shared/suites/imaptest/scripted_test.md`` against any server.

A script is a header, then commands with the replies they must (``*``), must not (``!``) or may (``?``) bring.
Variables take their value from the first reply they meet.  Only what the scripts at hand use is understood; a line
that is not understood is an error of the run, never passed over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPLY_S = 10.0
"""Longest wait for a reply."""

STATUS_WORDS = frozenset({"ok", "no", "bad", '""'})
SEQUENCES = 1000
"""Sequence numbers that ``$n`` can name."""


class ScriptError(Exception):
    """The script itself cannot be understood."""


class Mismatch(Exception):
    """The server did not do what the script says."""


# --- values: a server's reply and a script's pattern have the same shape ----------------------------------------------
@dataclass(frozen=True)
class Text:
    """An atom, a string or a literal; ``quoted`` patterns are never variables."""

    octets: bytes
    quoted: bool = False


@dataclass(frozen=True)
class Group:
    """A list in parentheses or, for response codes, in brackets."""

    items: tuple[Value, ...]
    bracket: bool = False


Value = Text | Group

_ATOM_END = frozenset(b' ()"\r\n')


class Tokens:
    """Reads values from a line with its literals in place (``{n}`` CRLF octets, or ``{{{`` … ``}}}`` in scripts)."""

    def __init__(self, text: bytes, script: bool) -> None:
        self.text = text
        self.script = script
        self.pos = 0

    def all(self) -> tuple[Value, ...]:
        values = self._until(b"")
        return tuple(values)

    def _until(self, end: bytes) -> Iterator[Value]:
        text = self.text
        while True:
            while self.pos < len(text) and text[self.pos : self.pos + 1] in (b" ", b"\r", b"\n"):
                self.pos += 1
            if self.pos >= len(text):
                if end:
                    raise ScriptError(f"a list without end: {text!r}")
                return
            if end and text.startswith(end, self.pos):
                self.pos += 1
                return
            yield self._value(end)

    def _value(self, end: bytes) -> Value:
        text = self.text
        if text.startswith(b"(", self.pos):
            self.pos += 1
            return Group(tuple(self._until(b")")))
        if text.startswith(b"[", self.pos):
            start = self.pos
            self.pos += 1
            try:
                return Group(tuple(self._until(b"]")), bracket=True)
            except ScriptError:
                self.pos = start
        if text.startswith(b'"', self.pos):
            return self._quoted()
        literal = self._literal()
        return literal if literal is not None else self._atom(end)

    def _quoted(self) -> Text:
        match = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(self.text, self.pos)
        if match is None:
            raise ScriptError(f"a quoted string without end: {self.text[self.pos :]!r}")
        self.pos = match.end()
        return Text(re.sub(rb"\\(.)", rb"\1", match[1]), quoted=True)

    def _literal(self) -> Text | None:
        if self.script:
            match = re.compile(rb"(~?)\{\{\{\n(.*?)\n\}\}\}", re.DOTALL).match(self.text, self.pos)
            if match is None:
                return None
            self.pos = match.end()
            return Text(match[2] if match[1] else with_crlf(match[2]), quoted=False)
        match = re.compile(rb"~?\{(\d+)\}\r\n").match(self.text, self.pos)
        if match is None:
            return None
        self.pos = match.end() + int(match[1])
        return Text(self.text[match.end() : self.pos], quoted=True)

    def _atom(self, end: bytes) -> Text:
        """Up to a space or parenthesis; what is in brackets belongs to it (``BODY[HEADER.FIELDS (To)]<0>``)."""
        text, start = self.text, self.pos
        depth = 0
        while self.pos < len(text):
            octet = text[self.pos]
            if self.script and text.startswith(b"${", self.pos):
                self.pos = text.index(b"}", self.pos) + 1
                continue
            if self.script and text.startswith(b"${", self.pos):
                self.pos = text.index(b"}", self.pos)
            elif octet == ord("["):
                depth += 1
            elif octet == ord("]"):
                if depth == 0 and end == b"]":
                    break
                depth = max(0, depth - 1)
            elif depth == 0 and octet in _ATOM_END:
                break
            self.pos += 1
        if self.pos == start:
            raise ScriptError(f"nothing to read at {text[start:]!r}")
        return Text(text[start : self.pos])


def with_crlf(text: bytes) -> bytes:
    """Line ends of a script as they go over the wire; those that are CRLF already stay."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", text)


# --- matching ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Directives:
    """How a list is compared: ``chain`` 0 is in order, n is in any order by chains of n elements."""

    chain: int = 0
    extra: bool = True
    ignore: frozenset[bytes] = frozenset()
    ban: frozenset[bytes] = frozenset()


ORDERED = Directives(0, extra=False)
UNORDERED = Directives(1)
PAIRS = Directives(2)
FLAGS = Directives(1, extra=False, ignore=frozenset({b"\\recent"}))


def take_directives(items: tuple[Value, ...], default: Directives) -> tuple[tuple[Value, ...], Directives]:
    """The ``$!…`` at the beginning of a list, and the rest."""
    chain, extra, ignore, ban = 0, True, set[bytes](), set[bytes]()
    count = 0
    for item in items:
        if not (isinstance(item, Text) and item.octets.startswith(b"$!")):
            break
        name, _, value = item.octets[2:].partition(b"=")
        if name == b"unordered":
            chain = int(value or b"1")
        elif name == b"noextra":
            extra = False
        elif name == b"ignore":
            ignore.add(value.lower())
        elif name == b"ban":
            ban.add(value.lower())
        elif name not in (b"ordered", b"extra"):
            raise ScriptError(f"unknown directive {item.octets!r}")
        count += 1
    if not count:
        return items, default
    return items[count:], Directives(chain or (1 if ban else 0), extra, frozenset(ignore), frozenset(ban))


class Matcher:
    """Compares replies with patterns and keeps the variables."""

    def __init__(self, variables: dict[str, bytes]) -> None:
        self.variables = variables
        self.sequences: list[int] = list(range(1, SEQUENCES + 1))

    def line(self, pattern: tuple[Value, ...], reply: tuple[Value, ...], prefix: bool) -> bool:
        """Whether a reply matches; variables are bound only if all of it does."""
        bound = dict(self.variables)
        if self._sequence(pattern, reply, prefix, self._context(pattern), bound):
            self.variables.update(bound)
            return True
        return False

    def _context(self, pattern: tuple[Value, ...]) -> str:
        words = [item.octets.lower() for item in pattern if isinstance(item, Text)]
        for name in (b"fetch", b"list", b"lsub", b"status"):
            if name in words[:2]:
                return name.decode()
        return ""

    def _sequence(
        self, pattern: tuple[Value, ...], reply: tuple[Value, ...], prefix: bool, context: str, bound: dict[str, bytes]
    ) -> bool:
        if len(pattern) > len(reply) or (len(pattern) < len(reply) and not prefix):
            return False
        for at, (one, other) in enumerate(zip(pattern, reply, strict=False)):
            inner = "flags" if at and _word(pattern[at - 1]) == b"flags" else context
            if not self._value(one, other, inner, bound):
                return False
        return True

    def _value(self, pattern: Value, reply: Value, context: str, bound: dict[str, bytes]) -> bool:
        if isinstance(pattern, Group):
            if not isinstance(reply, Group) or pattern.bracket != reply.bracket:
                return False
            return self._group(pattern, reply, context, bound)
        if pattern.octets == b"$" and not pattern.quoted:
            return True
        if isinstance(reply, Group):
            return False
        return self._text(pattern.octets, reply.octets, bound)

    def _group(self, pattern: Group, reply: Group, context: str, bound: dict[str, bytes]) -> bool:
        default = ORDERED
        inner = ""
        if context == "fetch" or context == "status":
            default = PAIRS
        elif context == "flags":
            default = FLAGS
        elif context in ("list", "lsub"):
            default = UNORDERED
        items, how = take_directives(pattern.items, default)
        words = {_word(item) for item in reply.items}
        if any(ban in words for ban in how.ban):
            return False
        if how.chain == 0:
            return self._sequence(items, reply.items, how.extra, inner, bound)
        return self._chains(items, reply.items, how, bound)

    def _chains(
        self, items: tuple[Value, ...], replies: tuple[Value, ...], how: Directives, bound: dict[str, bytes]
    ) -> bool:
        size = how.chain
        left = [replies[at : at + size] for at in range(0, len(replies), size)]
        for at in range(0, len(items), size):
            chain = items[at : at + size]
            for candidate in left:
                trial = dict(bound)
                if self._sequence(chain, candidate, False, "", trial):
                    bound.update(trial)
                    left.remove(candidate)
                    break
            else:
                return False
        return how.extra or all(_word(chain[0]) in how.ignore for chain in left)

    def _text(self, pattern: bytes, reply: bytes, bound: dict[str, bytes]) -> bool:
        """Literal pieces without case; the first meeting binds a variable."""
        pieces: list[bytes] = []
        names: list[str] = []
        for literal, name, case in split_variables(pattern):
            if case is not None:
                if case not in reply:
                    return False
                pieces.append(re.escape(case))
            elif name:
                value = self._known(name, bound)
                if value is None:
                    pieces.append(b"(.*)")
                    names.append(name)
                else:
                    pieces.append(re.escape(value))
            else:
                pieces.append(re.escape(literal))
        if b"\0" in pattern:  # the scripts' own program compares such text as C strings, without line ends behind it
            pieces.append(rb"[\r\n]*")
        match = re.fullmatch(b"".join(pieces), reply, re.IGNORECASE | re.DOTALL)
        if match is None:
            return False
        bound.update({name: match[at] for at, name in enumerate(names, 1)})
        return True

    def _known(self, name: str, bound: dict[str, bytes]) -> bytes | None:
        if name.isdigit():
            wanted = int(name)
            return b"%d" % (self.sequences.index(wanted) + 1) if wanted in self.sequences else b"(gone)"
        return bound.get(name)


def _word(value: Value) -> bytes:
    return value.octets.lower() if isinstance(value, Text) else b""


_VARIABLE = re.compile(rb"\$\$|\$\{case:([^}]*)\}|\$\{(\w+)\}|\$(\w+)")


def split_variables(text: bytes) -> Iterator[tuple[bytes, str, bytes | None]]:
    """(literal, "", None), (b"", variable, None) or (b"", "", case-sensitive text) pieces."""
    at = 0
    for match in _VARIABLE.finditer(text):
        if match.start() > at:
            yield text[at : match.start()], "", None
        if match[0] == b"$$":
            yield b"$", "", None
        elif match[1] is not None:
            yield b"", "", match[1]
        else:
            yield b"", (match[2] or match[3]).decode(), None
        at = match.end()
    if at < len(text):
        yield text[at:], "", None


# --- scripts ----------------------------------------------------------------------------------------------------------
@dataclass
class Expectation:
    """``sign`` is ``*``, ``!`` or ``?``."""

    sign: str
    pattern: tuple[Value, ...]


@dataclass
class Exchange:
    """Commands sent together on one connection, what comes, and how each ends."""

    line: int
    connection: int
    commands: list[bytes]
    expected: list[Expectation] = field(default_factory=list)
    results: list[tuple[str, tuple[Value, ...]]] = field(default_factory=list)


@dataclass
class Script:
    name: str
    capabilities: tuple[str, ...]
    connections: int
    messages: int | None
    state: str
    exchanges: list[Exchange]
    mails: list[Mail]


def load(path: Path, fallback: Path) -> Script:
    """A script and its mails."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    header: dict[str, str] = {}
    lines = head.decode("utf-8", "surrogateescape").split("\n")
    if not all(re.match(r"([\w ]+:|#|$)", line) for line in lines):
        body, lines = path.read_bytes(), []
    for line in lines:
        if ":" in line and not line.startswith("#"):
            key, _, value = line.partition(":")
            header[key.strip()] = value.strip()
    messages = header.get("messages", "all")
    own = path.with_name(path.name + ".mbox")
    connections = int(header.get("connections", "1"))
    return Script(
        name=path.name,
        capabilities=tuple(header.get("capabilities", "").split()),
        connections=connections,
        messages=None if messages == "all" else int(messages),
        state=header.get("state", "selected"),
        exchanges=parse_exchanges(body, connections),
        mails=read_mbox((own if own.exists() else fallback).read_bytes()),
    )


@dataclass(frozen=True)
class Mail:
    """A message with CRLF line ends, and its IMAP date-time from the mbox's From_ line."""

    received_at: bytes
    content: bytes


_FROM = re.compile(
    rb"(?m)^From .*? +\w{3} (?P<month>\w{3}) +(?P<day>\d+) (?P<time>[\d:]{8}) (?P<year>\d{4})"
    rb"(?: (?P<zone>[-+]\d{4}))?\r?\n"
)


def read_mbox(content: bytes) -> list[Mail]:
    heads = list(_FROM.finditer(content))
    ends = [head.start() for head in heads[1:]] + [len(content)]
    mails = []
    for head, end in zip(heads, ends, strict=True):
        month, year, time, zone = head["month"], head["year"], head["time"], head["zone"] or b"+0000"
        lines = content[head.end() : end].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        mails.append(Mail(b"%2d-%b-%b %b %b" % (int(head["day"]), month, year, time, zone), lines))
    return mails


def _logical_lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines with ``{{{`` blocks kept in one piece."""
    lines = iter(enumerate(body.split(b"\n"), 1))
    for number, line in lines:
        while line.count(b"{{{") > line.count(b"\n}}}"):
            _, more = next(lines)
            line += b"\n" + more
        if line.strip() and not line.startswith(b"#"):
            yield number, line


def parse_exchanges(body: bytes, connections: int) -> list[Exchange]:
    exchanges: list[Exchange] = []
    current: Exchange | None = None
    tags: list[bytes] = []
    for number, line in _logical_lines(body):
        sign = line[:2]
        if sign in (b"* ", b"! ", b"? "):
            if current is None:
                raise ScriptError(f"line {number}: a reply without a command")
            current.expected.append(Expectation(sign[:1].decode(), Tokens(line[2:], script=True).all()))
            continue
        connection, rest = 1, line
        match = re.match(rb"(\d+) (.*)", line, re.DOTALL)
        if match:
            connection, rest = int(match[1]), match[2]
        word, _, arguments = rest.partition(b" ")
        status = word.decode("ascii", "replace").lower()
        if re.fullmatch(rb"tag\d+", word):
            verb = arguments.partition(b" ")[0].decode("ascii", "replace").lower()
            if verb in STATUS_WORDS and current is not None and word in tags:
                prefix = Tokens(arguments.partition(b" ")[2], script=True).all()
                current.results[tags.index(word)] = (verb, prefix)
                continue
            if current is None or not tags or any(status for status, _ in current.results):
                current, tags = Exchange(number, connection, []), []
                exchanges.append(current)
            tags.append(word)
            current.commands.append(arguments)
            current.results.append(("", ()))
        elif status in STATUS_WORDS and current is not None and not current.results:
            current.results.append((status, Tokens(arguments, script=True).all()))
        elif status in STATUS_WORDS:
            current, tags = Exchange(number, connection, [arguments], results=[(status, ())]), []
            exchanges.append(current)
        else:
            current, tags = Exchange(number, connection, [rest]), []
            exchanges.append(current)
    return exchanges


# --- playing ----------------------------------------------------------------------------------------------------------
class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tags = 0

    @classmethod
    async def connect(cls, host: str, port: int) -> Client:
        client = cls(*await asyncio.open_connection(host, port, limit=1 << 26))
        await client.reply()
        return client

    async def reply(self) -> bytes:
        """One reply with its literals."""
        whole = b""
        while True:
            async with asyncio.timeout(REPLY_S):
                line = await self._reader.readuntil(b"\n")
            whole += line
            match = re.search(rb"\{(\d+)\}\r\n\Z", line)
            if match is None:
                return whole
            whole += await self._reader.readexactly(int(match[1]))

    def tag(self) -> bytes:
        self._tags += 1
        return b"t%d" % self._tags

    async def send(self, pieces: list[bytes]) -> list[bytes]:
        """A command; ``pieces`` after the first are literals and the text behind them.  Untagged replies that come
        while we wait for a continuation are returned."""
        early: list[bytes] = []
        for at in range(0, len(pieces) - 1, 2):
            self._writer.write(pieces[at] + b"{%d}\r\n" % len(pieces[at + 1]))
            while True:
                reply = await self.reply()
                if reply.startswith(b"+"):
                    break
                early.append(reply)
                if not reply.startswith(b"*"):
                    return early
            self._writer.write(pieces[at + 1])
        self._writer.write(pieces[-1] + b"\r\n")
        return early

    async def run(self, command: bytes) -> tuple[bytes, list[bytes]]:
        """For the setting up: the tagged reply's rest and the untagged replies."""
        return await self.run_pieces([command])

    async def run_pieces(self, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
        tag = self.tag()
        replies = await self.send([tag + b" " + pieces[0], *pieces[1:]])
        while not (replies and replies[-1].startswith(tag + b" ")):
            replies.append(await self.reply())
        return replies[-1][len(tag) + 1 :], replies[:-1]

    def close(self) -> None:
        self._writer.close()


@dataclass
class Outcome:
    name: str
    failed: str = ""
    skipped: str = ""
    commands: int = 0


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    user: str
    password: str
    mailbox: str = "imaptest"


async def play(script: Script, server: Server) -> Outcome:
    """Run one script.  Mailboxes that begin with the test mailbox's name are deleted first."""
    player = _Player(script, server)
    try:
        return await player.play()
    except Mismatch as error:
        return Outcome(script.name, failed=str(error), commands=player.done)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        where = f"line {player.line}: {type(error).__name__}"
        return Outcome(script.name, failed=where, commands=player.done)
    finally:
        for client in player.clients:
            client.close()


class _Player:
    def __init__(self, script: Script, server: Server) -> None:
        self.script = script
        self.server = server
        self.clients: list[Client] = []
        self.done = 0
        self.line = 0
        self._next_mail = 0
        user = server.user.encode()
        self._variables = {
            "user": user,
            "username": user.partition(b"@")[0],
            "domain": user.partition(b"@")[2],
            "password": server.password.encode(),
            "mailbox": server.mailbox.encode(),
            "mailbox_url": server.mailbox.encode(),
        }

    async def play(self) -> Outcome:
        script = self.script
        for _ in range(script.connections):
            self.clients.append(await Client.connect(self.server.host, self.server.port))
        first = self.clients[0]
        if script.state != "nonauth" or script.capabilities:
            for client in self.clients if script.state != "nonauth" else self.clients[:1]:
                await self._need(client, f'LOGIN "{self.server.user}" "{self.server.password}"'.encode())
            _, replies = await first.run(b"CAPABILITY")
            offered = {word.upper() for reply in replies for word in reply.split()}
            missing = [name for name in script.capabilities if name.upper().encode() not in offered]
            if missing:
                return Outcome(script.name, skipped=f"not announced: {' '.join(missing)}")
        await self._prepare(first)
        for exchange in script.exchanges:
            await self._exchange(exchange)
        return Outcome(script.name, commands=self.done)

    async def _need(self, client: Client, command: bytes) -> list[bytes]:
        status, replies = await client.run(command)
        if not status.upper().startswith(b"OK"):
            raise Mismatch(f"setting up: {command!r}: {status!r}")
        return replies

    async def _prepare(self, client: Client) -> None:
        state, mailbox = self.script.state, self.server.mailbox.encode()
        if state == "nonauth":
            return
        replies = await self._need(client, b'LIST "" "%b*"' % mailbox)
        names = [Tokens(reply, script=False).all()[-1] for reply in replies if b" LIST " in reply.upper()]
        for name in sorted((name.octets for name in names if isinstance(name, Text)), key=len, reverse=True):
            await client.run(b'DELETE "%b"' % name)
        if state == "auth":
            return
        await self._need(client, b"CREATE " + mailbox)
        if state == "created":
            return
        count = self.script.messages
        for _ in range(len(self.script.mails) if count is None else count):
            mail = self._mail()
            pieces = [b'APPEND %b "%b" ' % (mailbox, mail.received_at), mail.content, b""]
            status, _ = await client.run_pieces(pieces)
            if not status.startswith(b"OK"):
                raise Mismatch(f"setting up: APPEND: {status!r}")
        if state == "appended":
            return
        for one in self.clients:
            await self._need(one, b"SELECT " + mailbox)

    def _mail(self) -> Mail:
        mails = self.script.mails
        mail = mails[self._next_mail % len(mails)]
        self._next_mail += 1
        return mail

    def _fill(self, text: bytes) -> bytes:
        out = []
        for literal, name, case in split_variables(text):
            if name:
                if name not in self._variables:
                    raise ScriptError(f"${name} has no value")
                out.append(self._variables[name])
            else:
                out.append(literal if case is None else case)
        return b"".join(out)

    def _pieces(self, command: bytes) -> list[bytes]:
        """Text and literals, alternating; APPEND without a message takes the next mail."""
        pieces: list[bytes] = []
        at = 0
        for match in re.finditer(rb"(~?)\{\{\{\n(.*?)\n\}\}\}", command, re.DOTALL):
            content = match[2] if match[1] else with_crlf(match[2])  # literal8: just these octets
            pieces += [self._fill(command[at : match.start()]) + match[1], content]
            at = match.end()
        pieces.append(self._fill(command[at:]))
        if len(pieces) == 1 and command.partition(b" ")[0].lower() == b"append":
            text = pieces[0] if b" " in pieces[0] else pieces[0] + b" " + self._variables["mailbox"]
            mail = self._mail()
            return [text + b' "%b" ' % mail.received_at, mail.content, b""]
        return pieces

    async def _exchange(self, exchange: Exchange) -> None:
        self.line = exchange.line
        client = self.clients[exchange.connection - 1]
        matcher = Matcher(self._variables)
        tags: list[bytes] = []
        replies: list[bytes] = []
        for command in exchange.commands:
            tag = client.tag()
            tags.append(tag)
            self._variables["tag"] = tag
            pieces = self._pieces(command)
            replies += await client.send([tag + b" " + pieces[0], *pieces[1:]])
            self.done += 1
        ends: dict[bytes, bytes] = {}
        untagged: list[bytes] = []
        while len(ends) < len(tags):
            reply = replies.pop(0) if replies else await client.reply()
            tag, _, rest = reply.partition(b" ")
            if tag == b"*":
                untagged.append(rest)
            elif tag in tags:
                ends[tag] = rest
            else:
                raise Mismatch(f"line {exchange.line}: unexpected {reply!r}")
        self._judge_untagged(exchange, matcher, untagged)
        self._judge_results(exchange, matcher, [ends[tag] for tag in tags])

    def _judge_untagged(self, exchange: Exchange, matcher: Matcher, untagged: list[bytes]) -> None:
        left = list(exchange.expected)
        for raw in untagged:
            reply = Tokens(raw.rstrip(b"\r\n"), script=False).all() if raw.strip() else ()
            for expectation in list(left):  # one reply may be what several lines ask for
                head = expectation.pattern[0]
                prefix = isinstance(head, Text) and head.octets.lower() in (b"ok", b"no", b"bad", b"bye")
                if not matcher.line(expectation.pattern, reply, prefix):
                    continue
                if expectation.sign == "!":
                    raise Mismatch(f"line {exchange.line}: {exchange.commands}: forbidden {raw!r}")
                left.remove(expectation)
            word = raw.split()
            if len(word) >= 2 and word[1].upper() == b"EXPUNGE":
                del matcher.sequences[int(word[0]) - 1]
        missing = [expectation.pattern for expectation in left if expectation.sign == "*"]
        if missing:
            raise Mismatch(f"line {exchange.line}: {exchange.commands}: missing {missing}, got {untagged}")

    def _judge_results(self, exchange: Exchange, matcher: Matcher, ends: list[bytes]) -> None:
        for (status, prefix), end in zip(exchange.results, ends, strict=True):
            word, _, rest = end.rstrip(b"\r\n").partition(b" ")
            if status not in ('""', word.decode().lower()):
                raise Mismatch(f"line {exchange.line}: {exchange.commands}: wanted {status}, got {end!r}")
            if prefix and not matcher.line(prefix, Tokens(rest, script=False).all(), prefix=True):
                raise Mismatch(f"line {exchange.line}: {exchange.commands}: wanted {prefix}, got {end!r}")


def scripts(directory: Path) -> list[Script]:
    """All scripts of a directory, by name."""
    names = sorted(path for path in directory.iterdir() if "." not in path.name)
    return [load(path, directory / "default.mbox") for path in names]


async def play_all(directory: Path, server: Server) -> list[Outcome]:
    return [await play(script, server) for script in scripts(directory)]
