"""Values that are easily lost on the way between a program and its tests."""

# ruff: noqa: E501 - a program is easier to read in one piece

from __future__ import annotations

from tests.sandbox.hostile.programs import Hostile

from codeprimer.sandbox import Program, VerdictKind

ECHO = "def echo(value): return value"

_KEPT = {
    "NaN": "value = echo(float('nan')); assert value != value and type(value) is float",
    "negative zero": "import math; assert math.copysign(1, echo(-0.0)) == -1",
    "infinities": "assert echo([float('inf'), -float('inf')]) == [float('inf'), -float('inf')]",
    "smallest and largest": "assert echo([5e-324, 1.7976931348623157e308, 0.1]) == [5e-324, 1.7976931348623157e308, 0.1]",
    "complex": "assert echo(1 - 2j) == 1 - 2j",
    "complex with NaN": "value = echo(complex(float('nan'), -0.0)); assert value.real != value.real and str(value.imag) == '-0.0'",
    "bytes": "assert echo(bytes(range(256))) == bytes(range(256))",
    "bytes and text differ": "assert echo(b'a') != 'a'",
    "bytearray": "assert type(echo(bytearray(b'ab'))) is bytearray",
    "a surrogate alone": "assert echo('a\\udc80b') == 'a\\udc80b'",
    "NUL": "assert echo('a\\0b\\n\\r\\u2028\\x85') == 'a\\0b\\n\\r\\u2028\\x85'",
    "beyond the basic plane": "assert echo('\\U0001f40d') == '\\U0001f40d' and len(echo('\\U0001f40d')) == 1",
    "empty": "assert [echo(x) for x in ('', b'', (), [], {}, set(), frozenset())] == ['', b'', (), [], {}, set(), frozenset()]",
    "tuple and list differ": "assert echo((1, 2)) != [1, 2] and type(echo((1,))) is tuple",
    "sets": "assert echo({3, 1, 2}) == {1, 2, 3} and type(echo({1})) is set",
    "frozenset": "assert type(echo(frozenset({1}))) is frozenset",
    "a set of tuples": "assert echo({(1, 'a'), (2, 'b')}) == {(1, 'a'), (2, 'b')}",
    "True stays True": "assert echo(True) is True and echo(1) is not True and type(echo(1.0)) is float",
    "equal keys": "assert [*echo({1: 'a', True: 'b', 1.0: 'c'}).items()] == [(1, 'c')]",
    "the kind of a key": "assert [type(key) for key in echo({True: 1, 2.0: 2, 3: 3, None: 4})] == [bool, float, int, type(None)]",
    "tuples as keys": "assert echo({(1, (2,)): 3}) == {(1, (2,)): 3}",
    "the order of keys": "assert list(echo({'b': 1, 'a': 2})) == ['b', 'a']",
    "long integers": "assert echo(10 ** 9_999 + 7) == 10 ** 9_999 + 7 and echo(-(7 ** 20_000)) == -(7 ** 20_000)",
    "integers about 64 bits": (
        "values = [s * (2 ** n + d) for n in (31, 32, 53, 62, 63, 64, 65) for d in (-1, 0, 1) for s in (1, -1)]\n"
        "assert echo(values) == values"
    ),
    "None": "assert echo(None) is None and echo([None]) == [None]",
    "range": "assert echo(range(1, 10, 3)) == range(1, 10, 3)",
    "decimal": "from decimal import Decimal; assert str(echo(Decimal('1.10'))) == '1.10' and echo(Decimal('NaN')).is_nan()",
    "fraction": "from fractions import Fraction; assert echo(Fraction(1, 3)) == Fraction(1, 3)",
    "dates": (
        "import datetime as d\nfor x in (d.date(1, 1, 1), d.datetime(9999, 12, 31, 23, 59, 59, 999999), d.time(1, 2, 3, 4), d.timedelta(-1, 5, 7)):\n"
        "    assert echo(x) == x and type(echo(x)) is type(x)"
    ),
    "collections": (
        "from collections import *\nfor x in (deque([1], 3), OrderedDict(a=1), Counter('aab')):\n    assert echo(x) == x and type(echo(x)) is type(x)"
    ),
    "the bound of a deque": "from collections import deque; assert echo(deque([1], 3)).maxlen == 3",
    "deep, but not too deep": "x = []\nfor _ in range(60): x = [x]\nassert echo(x) == x",
}

_CALLS = {
    "keyword arguments": ("def f(a, *, b): return a - b", "assert f(b=1, a=3) == 2"),
    "defaults": ("def f(a, b=10): return a + b", "assert f(1) == 11 and f(1, 2) == 3"),
    "a mutable default": ("def f(a, seen=[]): seen.append(a); return len(seen)", "assert f(1) == 1 and f(1) == 2"),
    "any number": ("def f(*a, **b): return [len(a), sorted(b)]", "assert f(1, 2, x=1, y=2) == [2, ['x', 'y']]"),
    "positional only": (
        "def f(a, /): return a",
        "try:\n    f(a=1)\nexcept TypeError:\n    pass\nelse:\n    assert False",
    ),
    "a list changed in place": ("def f(v): v.sort()", "v = [3, 1, 2]\nassert f(v) is None\nassert v == [1, 2, 3]"),
    "a list emptied": ("def f(v): v.clear()", "v = [3]\nf(v)\nassert v == []"),
    "a dictionary changed in place": ("def f(v): v['b'] = v.pop('a')", "v = {'a': 1}\nf(v)\nassert v == {'b': 1}"),
    "a set changed in place": ("def f(v): v ^= {1, 2}", "v = {1, 3}\nf(v)\nassert v == {2, 3}"),
    "a nested list changed in place": (
        "def f(v): v[0]['x'].append(1)",
        "inner = []\nv = [{'x': inner}]\nf(v)\nassert v == [{'x': [1]}] and inner == [1]",
    ),
    "an element replaced": ("def f(v): v[0] = [9]", "v = [[1], [2]]\nf(v)\nassert v == [[9], [2]]"),
    "a bytearray changed in place": ("def f(v): v.reverse()", "v = bytearray(b'ab')\nf(v)\nassert v == b'ba'"),
    "a deque changed in place": (
        "def f(v): v.rotate(1)",
        "from collections import deque\nv = deque([1, 2, 3])\nf(v)\nassert v == deque([3, 1, 2])",
    ),
    "a counter changed in place": (
        "def f(v): v.update('a')",
        "from collections import Counter\nv = Counter('ab')\nf(v)\nassert v == Counter('aab')",
    ),
    "a list in a tuple": ("def f(v): v[1].append(2)", "v = (0, [1])\nf(v)\nassert v == (0, [1, 2])"),
    "a keyword argument changed in place": ("def f(*, v): v.append(1)", "v = []\nf(v=v)\nassert v == [1]"),
    "an argument that raised meanwhile stays": (
        "def f(v): raise ValueError",
        "v = [1]\ntry:\n    f(v)\nexcept ValueError:\n    assert v == [1]",
    ),
    "a ValueError": (
        "def f(): raise ValueError('no')",
        "try:\n    f()\nexcept ValueError as e:\n    assert str(e) == 'no'\nelse:\n    assert False",
    ),
    "a KeyError": ("def f(): return {}['a']", "try:\n    f()\nexcept KeyError:\n    pass\nelse:\n    assert False"),
    "a LookupError by its child": (
        "def f(): return [][0]",
        "try:\n    f()\nexcept LookupError:\n    pass\nelse:\n    assert False",
    ),
    "a class of its own by its base": (
        "class Mine(ValueError): pass\ndef f(): raise Mine('x')",
        "try:\n    f()\nexcept ValueError as e:\n    assert str(e) == 'x'\nelse:\n    assert False",
    ),
    "a class of its own by Exception": (
        "class Mine(Exception): pass\ndef f(): raise Mine",
        "try:\n    f()\nexcept Exception:\n    pass\nelse:\n    assert False",
    ),
    "an OSError by its number": (
        "def f(): open('/missing')",
        "try:\n    f()\nexcept OSError:\n    pass\nelse:\n    assert False",
    ),
    "a UnicodeError": (
        "def f(): b'\\xff'.decode()",
        "try:\n    f()\nexcept ValueError:\n    pass\nelse:\n    assert False",
    ),
    "a KeyboardInterrupt": (
        "def f(): raise KeyboardInterrupt",
        "try:\n    f()\nexcept KeyboardInterrupt:\n    pass\nelse:\n    assert False",
    ),
    "an AssertionError that is expected": (
        "def f(): assert False, 'x'",
        "try:\n    f()\nexcept AssertionError as e:\n    assert str(e) == 'x'\nelse:\n    assert False",
    ),
    "functions that call each other": (
        "def f(n): return n < 1 or g(n - 1)\ndef g(n): return n > 0 and f(n)",
        "assert f(2) is False or f(2) is True",
    ),
    "a name of a module's function": ("from math import gcd as f", "assert f(12, 18) == 6"),
    "a lambda": ("f = lambda x: x + 1", "assert f(1) == 2"),
    "a test with an annotated name": ("def f(): return 1", "x: int = f()\nassert x == 1"),
    "a test with a class": ("def f(): return 1", "class A:\n    x: int = 1\nassert f() == A.x"),
    "a test with a function": ("def f(x): return x", "def check(g):\n    assert g(2) == 2\ncheck(f)"),
    "a test that imports": ("def f(x): return x ** 0.5", "import math\nassert math.isclose(f(2), math.sqrt(2))"),
}

_SUBTLE = {
    "a pair of surrogates": (
        "def f(x): return [x, '\\ud800' + '\\udfff']",
        "assert f('\\ud800' + '\\udfff') == ['\\ud800' + '\\udfff'] * 2",
    ),
    "an argument named self": ("def f(self): return self", "assert f(self=1) == 1"),
    "an argument named name": (
        "def f(name, owner=0, arguments=0): return name",
        "assert f(name=1, owner=2, arguments=3) == 1",
    ),
    "the key of a KeyError": (
        "def f(): return {}['a']",
        "try:\n    f()\nexcept KeyError as e:\n    assert e.args == ('a',)",
    ),
    "the text of a KeyError": (
        "def f(): return {}['a']",
        "try:\n    f()\nexcept KeyError as e:\n    assert str(e) == \"'a'\"",
    ),
    "one list as two arguments": ("def f(a, b): a.append(1)", "v = []\nf(v, v)\nassert v == [1]"),
    "one row twice": ("def f(m): m[0][0] = 1", "m = [[0]] * 2\nf(m)\nassert m == [[1], [1]]"),
    "a dictionary with a default": (
        "def f(v): v['a'].append(1)",
        "from collections import defaultdict\nv = defaultdict(list)\nf(v)\nassert v == {'a': [1]}",
    ),
    "an argument changed before it raised": (
        "def f(v):\n  v.append(1)\n  raise ValueError",
        "v = []\ntry:\n    f(v)\nexcept ValueError:\n    assert v == [1]",
    ),
}

_REFUSED = {
    "a generator": ("def f(): yield 1", "assert f() == [1]", "lazy iterator"),
    "a map": ("def f(): return map(len, [])", "assert f() == []", "lazy iterator"),
    "a zip": ("def f(): return zip([], [])", "assert f() == []", "lazy iterator"),
    "an iterator": ("def f(): return reversed([])", "assert f() == []", "list_reverseiterator"),
    "a generator within": ("def f(): return [(n for n in [])]", "assert f() == [[]]", "lazy iterator"),
    "a type": ("def f(): return int", "assert f() is int", "is a class"),
    "a function": ("def f(): return f", "assert f()() == 1", "function"),
    "a list's iterator": ("def f(): return iter([])", "assert f() == []", "list_iterator"),
    "a coroutine": ("async def f(): return 1", "assert f() == 1", "coroutine"),
    "a zone": (
        "import datetime\ndef f(): return datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)",
        "assert f() == 1",
        "time zone",
    ),
    "a cycle": ("def f():\n  v = []\n  v.append(v)\n  return v", "assert f() == []", "contains itself"),
}
"""Each with a part of the reason."""


def kept() -> list[Hostile]:
    """Return good programs whose values must arrive as they are."""
    passed = frozenset({VerdictKind.passed})
    echoes = [Hostile(name, Program(ECHO, (test,)), passed) for name, test in _KEPT.items()]
    return echoes + [Hostile(name, Program(source, (test,)), passed) for name, (source, test) in _CALLS.items()]


def subtle() -> list[Hostile]:
    """Return good programs that tell a call to another process from a call to a function."""
    passed = frozenset({VerdictKind.passed})
    return [Hostile(name, Program(source, (test,)), passed) for name, (source, test) in _SUBTLE.items()]


def confused() -> list[Hostile]:
    """Return programs that answer with a value that is almost right; none passes."""
    return [
        Hostile(f"{wrong} for {right}", Program(f"def f(): return {wrong}", (test,)), frozenset({VerdictKind.failed}))
        for wrong, right, test in (
            ("1", "True", "assert f() is True"),
            ("[1, 2]", "(1, 2)", "assert f() == (1, 2)"),
            ("'a'", "b'a'", "assert f() == b'a'"),
            ("float('nan')", "NaN", "assert f() == float('nan')"),
            ("0.1 + 0.2", "0.3", "assert f() == 0.3"),
            ("{1, 2}", "[1, 2]", "assert f() == [1, 2]"),
            ("'1'", "1", "assert f() == 1"),
            ("None", "False", "assert f() is False"),
            ("frozenset()", "[]", "assert f() == []"),
            ("range(3)", "[0, 1, 2]", "assert f() == [0, 1, 2]"),
            ("10 ** 9999", "10 ** 9999 + 1", "assert f() == 10 ** 9999 + 1"),
        )
    ]


def refused() -> list[tuple[str, Program, str]]:
    """Return programs whose answer cannot cross, with a part of the reason."""
    return [(name, Program(source, (test,)), reason) for name, (source, test, reason) in _REFUSED.items()]
