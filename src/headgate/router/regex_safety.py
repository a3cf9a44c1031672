"""How long may a regular expression take? An answer from its structure, before it sees a request.

Python's ``re`` backtracks: an expression can take time exponential in the length of what it looks at, and that is the client's to
choose. MOSN's RE2 cannot. So an expression is judged when the configuration is loaded:

- Every character matcher in the expression is a *position*. After each position stands a set of positions that may match the next
  character (Glushkov's construction). Where two of them accept a common character, the matcher has to try both.
- If that happens inside a loop, between two ways that stay in the loop, the number of ways doubles with each round: **exponential**.
- If it happens between going round once more and leaving a loop, the loop's end has to be guessed: each such loop contributes a
  factor n (or the number of its rounds, if that is small). With each guess all other loops are gone through: together one more
  factor. A search that is not anchored with ``^`` tries every start: one more, unless a loop that was entered cannot fail any more.
- Anywhere else it is a factor of two.

The judgement errs on the side of refusing.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Final

EXPONENTIAL: Final = 99
"""Exponent of an expression whose time grows exponentially."""
_SMALL_LOOP: Final = 64
"""A loop of at most so many rounds is a constant factor, not a factor n."""
_USUAL_BITS: Final = 6
"""Binary logarithm of the size, written out, up to which an expression is no slower for it."""
_ALL: Final = (1 << 129) - 1
"""A set of characters: bits 0 to 127 are ASCII, bit 128 stands for all others."""

# The parser behind re.compile, so that what is judged is what runs. It is not public, and has kept this form since Python 1.6.
_parser: Final = importlib.import_module("re._parser")


_Items = list[tuple[Any, Any]]
"""Parse tree: (operation, argument) after each other; what an argument is depends on the operation."""


class UnsafeConstruct(Exception):
    """Something that RE2 does not have, or that cannot be judged; the message says what."""


def _mask(characters: str) -> int:
    result = 0
    for character in characters:
        result |= 1 << min(ord(character), 128)
    return result


_DIGIT: Final = _mask("0123456789")
_SPACE: Final = _mask(" \t\n\r\f\v")
_WORD: Final = _mask("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_CATEGORIES: Final[dict[str, int]] = {
    "CATEGORY_DIGIT": _DIGIT,
    "CATEGORY_NOT_DIGIT": _ALL ^ _DIGIT,
    "CATEGORY_SPACE": _SPACE,
    "CATEGORY_NOT_SPACE": _ALL ^ _SPACE,
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": _ALL ^ _WORD,
}
_BEGINNINGS: Final = ("AT_BEGINNING", "AT_BEGINNING_STRING")
_FOREIGN: Final[dict[str, str]] = {
    "ASSERT": "look-ahead and look-behind",
    "ASSERT_NOT": "look-ahead and look-behind",
    "GROUPREF": "a back-reference",
    "GROUPREF_EXISTS": "a conditional group",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive quantifier",
}


class _Part:
    """A piece of the expression: where it may begin and end, all its positions, and whether it may be empty."""

    def __init__(self, first: list[int], last: list[int], positions: list[int], nullable: bool) -> None:
        self.first = first
        self.last = last
        self.positions = positions
        self.nullable = nullable


class _Loop:
    def __init__(self, positions: list[int], least: int, most: int) -> None:
        self.positions = frozenset(positions)
        self.long = most > _SMALL_LOOP and least != most
        self.choices = most - least + 1


class _Analysis:
    """Walks the parse tree once, collecting positions, their followers and the loops."""

    def __init__(self, ignore_case: bool) -> None:
        self.ignore_case = ignore_case
        self.sets: list[int] = []
        self.sizes: list[int] = []
        """For each position: how often it stands there when counted repetitions are written out."""
        self.follow: list[dict[int, bool]] = []
        """For each position: follower -> whether a loop of variable length leads there."""
        self.loops: list[_Loop] = []
        self.exponential = False
        self.depth = 0
        """Loops around the present place."""
        self.empty_choices = 0
        """Places outside of loops where what is empty can be matched in two ways."""
        self.can_fail_late = False
        """There is an assertion other than the beginning's: a loop at the end may still have matched in vain."""

    def sequence(self, items: _Items) -> _Part:
        whole = _Part([], [], [], True)
        for operation, argument in items:
            part = self.item(str(operation), argument)
            self.connect(whole.last, part.first, False)
            if whole.nullable:
                whole.first = whole.first + part.first
            whole.last = whole.last + part.last if part.nullable else part.last
            whole.positions = whole.positions + part.positions
            whole.nullable = whole.nullable and part.nullable
        return whole

    def item(self, operation: str, argument: Any) -> _Part:
        if operation in _FOREIGN:
            raise UnsafeConstruct(f"{_FOREIGN[operation]} is not supported (nor is it by RE2, which MOSN uses)")
        if operation == "AT":
            self.can_fail_late = self.can_fail_late or str(argument) not in _BEGINNINGS
            return _Part([], [], [], True)
        if operation == "SUBPATTERN":
            _group, added, _removed, content = argument
            return self.scoped(content, bool(added & 2))
        if operation == "BRANCH":
            _none, branches = argument
            return self.branch(branches)
        if operation in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, content = argument
            return self.repeat(int(least), int(most), content)
        return self.position(self.characters(operation, argument))

    def scoped(self, content: _Items, ignore_case: bool) -> _Part:
        outside = self.ignore_case
        self.ignore_case = outside or ignore_case
        part = self.sequence(list(content))
        self.ignore_case = outside
        return part

    def branch(self, branches: list[_Items]) -> _Part:
        whole = _Part([], [], [], False)
        for branch in branches:
            part = self.sequence(list(branch))
            if whole.nullable and part.nullable:
                self.choose_empty()
            whole.first = whole.first + part.first
            whole.last = whole.last + part.last
            whole.positions = whole.positions + part.positions
            whole.nullable = whole.nullable or part.nullable
        return whole

    def repeat(self, least: int, most: int, content: _Items) -> _Part:
        self.depth += most > 1
        part = self.sequence(list(content))
        self.depth -= most > 1
        if part.nullable and least == 0:
            self.choose_empty()  # (a?)?, (a*)*: entered or not
        if most > 1 and part.positions:
            if part.nullable:
                self.exponential = True  # (a?){n}, (a*)+: each round can be empty or not
            self.connect(part.last, part.first, least != most)
            self.loops.append(_Loop(part.positions, least, most))
            written_out = most if most <= _SMALL_LOOP or least == most else max(least, 1)
            for position in part.positions:
                self.sizes[position] *= written_out
        part.nullable = part.nullable or least == 0
        return part

    def choose_empty(self) -> None:
        """Nothing can be matched in two ways here: ``(|)``, ``(a?)?``."""
        if self.depth:
            self.exponential = True
        else:
            self.empty_choices += 1

    def connect(self, last: list[int], first: list[int], variable: bool) -> None:
        for position in last:
            followers = self.follow[position]
            for follower in first:
                if followers.get(follower, False):
                    self.exponential = True  # (a+)+, (a+){5}: two loops lead the same way
                followers[follower] = variable or followers.get(follower, False)

    def position(self, characters: int) -> _Part:
        index = len(self.sets)
        self.sets.append(characters)
        self.sizes.append(1)
        self.follow.append({})
        return _Part([index], [index], [index], False)

    def characters(self, operation: str, argument: Any) -> int:
        if operation == "ANY":
            return _ALL ^ _mask("\n")
        if operation == "LITERAL":
            return self.cases(1 << min(argument, 128))
        if operation == "NOT_LITERAL":
            return _ALL if argument > 127 else _ALL ^ self.cases(1 << argument)
        if operation == "IN":
            return self.members(argument)
        raise UnsafeConstruct(f"{operation.lower()} is not supported")

    def members(self, argument: Any) -> int:
        result = 0
        negated = False
        for operation, value in argument:
            kind = str(operation)
            if kind == "NEGATE":
                negated = True
            elif kind == "LITERAL":
                result |= 1 << min(int(value), 128)
            elif kind == "RANGE":
                low, high = value
                for code in range(low, min(high, 128) + 1):
                    result |= 1 << code
                if high >= 128:
                    result |= 1 << 128
            else:
                result |= _CATEGORIES[str(value)]
        result = self.cases(result)
        # What a negated class leaves of the non-ASCII characters cannot be told from one bit: all of them.
        return (_ALL ^ result) | (1 << 128) if negated else result

    def cases(self, characters: int) -> int:
        if not self.ignore_case:
            return characters
        for lower in range(97, 123):
            both = (1 << lower) | (1 << (lower - 32))
            if characters & both:
                characters |= both
        return characters

    def clash(self, position: int, loop: frozenset[int]) -> tuple[bool, bool]:
        """Whether two followers within the loop, or one within and one outside, accept a common character."""
        inside = 0
        outside = 0
        twice = False
        for follower in self.follow[position]:
            characters = self.sets[follower]
            if follower in loop:
                twice = twice or bool(inside & characters)
                inside |= characters
            else:
                outside |= characters
        return twice, bool(inside & outside)

    def ambiguous(self, followers: Iterable[int], but: set[int]) -> bool:
        """Whether two of these positions, but for some, accept a common character."""
        seen = 0
        for follower in followers:
            if follower in but:
                continue
            if seen & self.sets[follower]:
                return True
            seen |= self.sets[follower]
        return False


class Growth:
    """How the time of a search grows with the length n of its subject: about ``2**bits * n**exponent`` steps.

    :ivar exponent: 1 for linear time; :data:`EXPONENTIAL` for anything exponential
    :ivar bits: binary logarithm of the constant factor
    """

    def __init__(self, exponent: int, bits: int) -> None:
        self.exponent = exponent
        self.bits = bits


def growth_of(pattern: str, flags: int) -> Growth:
    """Judge an expression.

    :param pattern: an expression that compiles
    :param flags: the flags that it is compiled with
    :raises UnsafeConstruct: for what RE2 does not have either (back-references, look-around, possessive and atomic groups)
    """
    tree = _parser.parse(pattern, flags)
    items = list(tree)
    analysis = _Analysis(bool(tree.state.flags & 2))
    whole = analysis.sequence(items)
    bits = analysis.empty_choices
    open_loops: set[int] = set()
    late = False
    ends: list[frozenset[int]] = []
    plain: list[frozenset[int]] = []
    for loop in analysis.loops:
        open_end = False
        for position in loop.positions:
            twice, leaving = analysis.clash(position, loop.positions)
            analysis.exponential = analysis.exponential or twice
            open_end = open_end or leaving
        if open_end:
            open_loops.update(loop.positions)
        if loop.long:
            (ends if open_end else plain).append(loop.positions)
            late = late or analysis.can_fail_late or loop.positions.isdisjoint(whole.last)
        elif open_end:
            bits += loop.choices.bit_length()
    if analysis.exponential:
        return Growth(EXPONENTIAL, 0)
    # Whether to enter a loop at all is the same guess as when to leave it: that is counted above.
    bits += sum(analysis.ambiguous(analysis.follow[i], open_loops) for i in range(len(analysis.sets)) if i not in open_loops)
    bits += analysis.ambiguous(whole.first, open_loops)
    bits += max(sum(analysis.sizes).bit_length() - _USUAL_BITS, 0)
    # A loop inside of one whose end is guessed is gone through on the way to the guess, not again after it.
    scanned = any(not any(loop <= end for end in ends) for loop in plain)
    starts = (late or bool(ends)) and not _anchored(items)
    return Growth(max(len(ends) + scanned, 1) + starts, bits)


def _anchored(items: _Items) -> bool:
    if not items:
        return False
    operation, argument = items[0]
    kind = str(operation)
    if kind == "AT":
        return str(argument) in _BEGINNINGS
    if kind == "SUBPATTERN":
        return _anchored(list(argument[3]))
    if kind == "BRANCH":
        return all(_anchored(list(branch)) for branch in argument[1])
    return False
