"""Programs that do not know the answer and want to pass nevertheless."""

# ruff: noqa: E501 - a program is easier to read in one piece

from __future__ import annotations

from tests.sandbox.hostile.programs import SECRET, Hostile, hostile

EXITS = {
    "sys.exit": "import sys; sys.exit(0)",
    "raise SystemExit": "raise SystemExit",
    "raise SystemExit(0)": "raise SystemExit(0)",
    "exit without site": "exit(0)",
    "a class of its own": "class Leave(SystemExit): pass\nraise Leave(0)",
    "SystemExit in a group": "raise BaseExceptionGroup('', [SystemExit(0)])",
    "SystemExit in a group in a group": "raise BaseExceptionGroup('', [BaseExceptionGroup('', [SystemExit(0)])])",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "StopIteration": "raise StopIteration",
    "StopAsyncIteration": "raise StopAsyncIteration",
    "_thread.exit": "import _thread; _thread.exit()",
    "AssertionError": "raise AssertionError",
    "an exit handler": "import atexit, os; atexit.register(os._exit, 0); raise SystemExit(0)",
    "an exception hook": "import os, sys; sys.excepthook = lambda *_: os._exit(0); raise ValueError",
    "an unraisable hook": "import os, sys; sys.unraisablehook = lambda *_: os._exit(0); raise ValueError",
    "an exception that shows itself by leaving": (
        "class Shown(Exception):\n  def __str__(self): raise SystemExit(0)\nraise Shown"
    ),
    "an exception whose class lies about its name": (
        "class Lying(type):\n  __name__ = property(lambda self: 'passed')\n"
        "class Shown(Exception, metaclass=Lying): pass\nraise Shown"
    ),
    "an exception whose family lies": (
        "class Lying(type):\n  @property\n  def __mro__(self): return ()\n"
        "class Shown(Exception, metaclass=Lying): pass\nraise Shown"
    ),
    "an exception whose text is no text": (
        "class Text(str): pass\nclass Shown(Exception):\n  def __str__(self): return Text('passed')\nraise Shown"
    ),
}
"""Ways to end that Python itself still sees."""

SUDDEN_EXITS = {
    "os._exit": "import os; os._exit(0)",
    "posix._exit": "import posix; posix._exit(0)",
    "libc exit": "import ctypes; ctypes.CDLL(None).exit(0)",
    "libc _exit": "import ctypes; ctypes.CDLL(None)._exit(0)",
    "Py_Exit": "import ctypes; ctypes.pythonapi.Py_Exit(0)",
    "Py_FinalizeEx and exit": "import ctypes; ctypes.pythonapi.Py_FinalizeEx(); ctypes.pythonapi.Py_Exit(0)",
    "a finaliser": "import os\nclass Last:\n  def __del__(self): os._exit(0)\nlast = Last(); del last",
    "a finaliser in a cycle": (
        "import gc, os\nclass Last:\n  def __del__(self): os._exit(0)\nlast = Last(); last.me = last; del last; gc.collect()"
    ),
    "a thread": "import os, threading, time\nthreading.Thread(target=os._exit, args=(0,)).start(); time.sleep(5)",
    "a timer": (
        "import os, signal\nsignal.signal(signal.SIGALRM, lambda *_: os._exit(0)); signal.setitimer(0, 0.01)\nwhile True: pass"
    ),
    "a weak reference": (
        "import os, weakref\nclass Last: pass\nlast = Last(); weakref.finalize(last, os._exit, 0); del last"
    ),
    "the watchdog": "import faulthandler, time; faulthandler.dump_traceback_later(0.01, exit=True, file=2); time.sleep(5)",
    "a patched writer": (
        "import gc, os\n"
        "for thing in gc.get_objects():\n"
        "    if type(thing).__name__ == 'Frames': type(thing).send = lambda *_: os._exit(0)"
    ),
    "a garbage collector's callback": "import gc, os; gc.callbacks.append(lambda *_: os._exit(0)); gc.collect()",
    "a trace function": "import os, sys; sys.settrace(lambda *_: os._exit(0)); (lambda: 0)()",
    "a profile function": "import os, sys; sys.setprofile(lambda *_: os._exit(0)); (lambda: 0)()",
    "an audit hook": "import os, sys; sys.addaudithook(lambda *_: os._exit(0)); open('x')",
}
"""Ways to end that leave only a status."""

DETOURS = {
    "execv": "import os; os.execv('/bin/true', ['true'])",
    "execl": "import os; os.execl('/bin/true', 'true')",
    "execvpe": "import os; os.execvpe('true', ['true'], {'PATH': '/bin:/usr/bin'})",
    "posix.execve": "import posix; posix.execve('/bin/true', ['true'], {})",
    "libc execl": "import ctypes; ctypes.CDLL(None).execl(b'/bin/true', b'true', None)",
    "a twin goes on": "import os\nif os.fork(): os._exit(0)",
    "a twin leaves": "import os\nif not os.fork(): os._exit(0)",
    "a twin that answers too": "import os\nos.fork()\ndef answer(values): return 'secret'",
    "a twin of libc": "import ctypes\nif ctypes.CDLL(None).fork(): ctypes.CDLL(None)._exit(0)",
    "kill itself": "import os; os.kill(os.getpid(), 9)",
    "terminate itself": "import signal; signal.raise_signal(signal.SIGTERM)",
}

_EVERYTHING = """
LIES = dict(
    __eq__=lambda self, other: True, __ne__=lambda self, other: False, __bool__=lambda self: True,
    __hash__=lambda self: 0, __lt__=lambda self, other: True, __gt__=lambda self, other: True,
    __le__=lambda self, other: True, __ge__=lambda self, other: True, __len__=lambda self: 1,
    __contains__=lambda self, item: True, __iter__=lambda self: iter([self]), __sub__=lambda self, other: 0,
    __abs__=lambda self: 0, __float__=lambda self: 0.0, __index__=lambda self: 0, __repr__=lambda self: 'secret',
)
def of(base, *arguments): return type('Anything', (base,), dict(LIES))(*arguments)
import collections, datetime, decimal, enum, fractions
"""

_OBJECTS = {
    "object": "of(object)",
    "int": "of(int)",
    "float": "of(float)",
    "str": "of(str, 'secret')",
    "bytes": "of(bytes)",
    "list": "of(list)",
    "tuple": "of(tuple)",
    "dict": "of(dict)",
    "set": "of(set)",
    "frozenset": "of(frozenset)",
    "complex": "of(complex)",
    "bytearray": "of(bytearray)",
    "deque": "of(collections.deque)",
    "OrderedDict": "of(collections.OrderedDict)",
    "Counter": "of(collections.Counter)",
    "defaultdict": "of(collections.defaultdict)",
    "Decimal": "of(decimal.Decimal)",
    "Fraction": "of(fractions.Fraction)",
    "date": "of(datetime.date, 1, 1, 1)",
    "time": "of(datetime.time)",
    "datetime": "of(datetime.datetime, 1, 1, 1)",
    "timedelta": "of(datetime.timedelta)",
    "in a list": "[of(object)]",
    "in a tuple": "(of(str),)",
    "as a key": "{of(str): 1}",
    "as a value": "{1: of(str)}",
    "in a set": "{of(str)}",
    "in a deque": "collections.deque([of(str)])",
    "in a defaultdict": "collections.defaultdict(int, a=of(str))",
    "an exception": "of(Exception)",
    "a class with a metaclass": "type('Meta', (type,), dict(LIES))('Anything', (), {})",
    "a class that says it is a text": "type('Anything', (), dict(LIES, __class__=property(lambda self: str)))()",
    "a member of an enumeration": "enum.Enum('E', {'a': 1}, type=type('Mixed', (), dict(LIES))).a",
    "a member of IntEnum": "enum.IntEnum('E', {'a': 1}).a",
    "a function": "(lambda: 0)",
    "a built-in function": "len",
    "a module": "collections",
    "a class": "str",
    "a named tuple": "collections.namedtuple('N', 'a')(1)",
    "a view of memory": "memoryview(b'')",
    "NotImplemented": "NotImplemented",
    "Ellipsis": "...",
    "a generator": "(letter for letter in 'secret')",
    "the list's own iterator": "iter([1])",
    "mock.ANY": "__import__('unittest.mock').mock.ANY",
    "a weak proxy": "__import__('weakref').proxy(of)",
    "a simple namespace": "__import__('types').SimpleNamespace(a=1)",
    "a mapping proxy": "__import__('types').MappingProxyType({})",
    "a code object": "of.__code__",
    "the frame": "__import__('sys')._getframe()",
    "a date with a lying zone": (
        "datetime.datetime(1, 1, 1, tzinfo=type('Zone', (datetime.tzinfo,), "
        "dict(LIES, utcoffset=lambda *_: datetime.timedelta()))())"
    ),
}
OBJECTS = {name: f"def answer(values): return {expression}" for name, expression in _OBJECTS.items()}

LENIENT_TESTS = {
    "not unequal": "assert not answer([1]) != 'secret-5d1f6a'",
    "member": "assert answer([1]) in ['secret-5d1f6a']",
    "container": "assert 'secret-5d1f6a' in answer([1])",
    "true": "assert answer([1])",
    "length": "assert len(answer([1])) == 1",
    "close": "assert abs(answer([1]) - 0.5) < 1e-6",
    "sorted": "assert sorted(answer([1])) == ['secret-5d1f6a']",
    "set": "assert set(answer([1])) == {'secret-5d1f6a'}",
    "all": "assert all(answer([n]) == 'secret-5d1f6a' for n in range(3))",
    "tuple": "assert (answer([1]), 1) == ('secret-5d1f6a', 1)",
    "key": "assert {'secret-5d1f6a': 1}[answer([1])]",
    "match": "match answer([1]):\n    case 'secret-5d1f6a': pass\n    case _: assert False",
    "instance": "assert isinstance(answer([1]), str)",
    "compared": "assert 'secret-5d1f6a' == answer([1])",
    "below": "assert answer([1]) < 1 and answer([1]) > 1",
}

ARGUMENTS = {
    "an object into the list": "def answer(values): values[:] = [of(object)]; return 'secret'",
    "an object into the list, grown": "def answer(values): values.append(of(int)); return 'secret'",
    "the list into itself": "def answer(values): values.append(values); return 'secret'",
    "a text into the list": "def answer(values): values[:] = ['secret']; return values",
    "an endless list": "def answer(values): values.extend(range(2_000_000)); return 'secret'",
    "another class": "def answer(values):\n  try: values.__class__ = type(of(list))\n  except TypeError: return 'secret'",
}

PATCHES = {
    "builtins": (
        "import builtins\nclass Never(Exception): pass\nfor name in ('AssertionError', 'Exception', 'BaseException'):\n"
        "  setattr(builtins, name, Never)\n"
        "for name in ('all', 'any', 'isinstance', 'bool', 'len', 'repr', 'hasattr', 'issubclass'):\n"
        "  setattr(builtins, name, lambda *_, **__: True)\n"
        "builtins.compile = builtins.exec = builtins.__build_class__ = lambda *_, **__: None\n"
        "def answer(values): return 'secret'"
    ),
    "type": (
        "import builtins\nbuiltins.type = lambda *_: str\nbuiltins.str = builtins.int = object\n"
        "class Any:\n  def __eq__(self, other): return True\ndef answer(values): return Any()"
    ),
    "modules": (
        "import sys, types\nclass Fake(types.ModuleType):\n  def __getattr__(self, name): return lambda *_, **__: True\n"
        "for name in list(sys.modules): sys.modules[name] = Fake(name)\ndef answer(values): return 'secret'"
    ),
    "no modules": "import sys\nsys.modules.clear()\ndef answer(values): return 'secret'",
    "math": "import math\nmath.isclose = lambda *_, **__: True\ndef answer(values): return 'secret'",
    "json": (
        'import json\njson.dumps = lambda *_, **__: \'["passed",""]\'\njson.loads = lambda *_, **__: [[], {}]\n'
        "json.encoder.JSONEncoder.encode = json.dumps\ndef answer(values): return 'secret'"
    ),
    "operator": "import operator\noperator.eq = lambda *_: True\ndef answer(values): return 'secret'",
    "a built-in type through the collector": (
        "import gc\ntry:\n  for name in ('__eq__', '__ne__'):\n"
        "    gc.get_referents(str.__dict__)[0][name] = lambda *_: True\nexcept BaseException: pass\n"
        "def answer(values): return 'secret'"
    ),
    "a small integer in memory": (
        "import ctypes\nctypes.memmove(id(1) + 24, id(2) + 24, 4)\ndef answer(values): return 'secret'"
    ),
    "a type's slots in memory": (
        "import ctypes\nclass Any:\n  def __eq__(self, other): return True\n"
        "place = 25 * 8\nctypes.memmove(id(str) + place, id(Any) + place, 8)\ndef answer(values): return 'secret'"
    ),
}

_SEARCHES = """
import ctypes, gc, json, os, pickle, socket, struct, sys, threading, time
def everything():
    seen, todo = set(), gc.get_objects()
    frame = sys._getframe()
    while frame is not None:
        todo += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    for frame in sys._current_frames().values(): todo += [frame.f_locals, frame.f_globals]
    while todo:
        each = todo.pop()
        if id(each) not in seen and len(seen) < 300_000:
            seen.add(id(each)); yield each
            if not isinstance(each, (str, bytes, int, float)): todo += gc.get_referents(each)
NEEDLE = 'sec' + 'ret-'
def found(text):
    text = text if isinstance(text, str) else bytes(text).decode('latin-1')
    at = text.find(NEEDLE)
    return text[at : at + 13] if at >= 0 else None
def files(*paths):
    for path in paths:
        try:
            with open(path, 'rb') as file: yield file.read(2**22)
        except OSError: pass
"""

SEARCHES = {
    "the collector": (
        "def answer(values):\n  for each in everything():\n    if isinstance(each, (str, bytes)) and found(each): return found(each)"
    ),
    "frames": (
        "def answer(values):\n  frame = sys._getframe()\n  while frame is not None:\n"
        "    for each in frame.f_locals.values():\n      if found(repr(each)): return found(repr(each))\n"
        "    frame = frame.f_back"
    ),
    "code constants": (
        "def answer(values):\n  for each in everything():\n"
        "    if hasattr(each, 'co_consts') and found(repr(each.co_consts)): return found(repr(each.co_consts))"
    ),
    "environment and arguments": (
        "def answer(values): return found(repr((os.environ, sys.argv, sys.orig_argv, sys.flags, sys._xoptions)))"
    ),
    "standard input": "def answer(values): return found(sys.stdin.read())",
    "its own entries of /proc": (
        "def answer(values):\n  for data in files('/proc/self/cmdline', '/proc/self/environ', '/proc/self/maps', '/proc/self/stat'):\n"
        "    if found(data): return found(data)"
    ),
    "command lines and environments of all": (
        "def answer(values):\n  try: pids = os.listdir('/proc')\n  except OSError: return None\n"
        "  for data in files(*(f'/proc/{pid}/{name}' for pid in pids for name in ('cmdline', 'environ'))):\n"
        "    if found(data): return found(data)"
    ),
    "files about": (
        "def answer(values):\n  for folder in ('.', '..', '/', '/tmp', '/dev/shm'):\n    try: names = os.listdir(folder)\n"
        "    except OSError: continue\n    for data in files(*(folder + '/' + name for name in names)):\n"
        "      if found(data): return found(data)"
    ),
    "its own memory": (
        "def answer(values):\n  try: lines = open('/proc/self/maps').read().splitlines()\n  except OSError: lines = []\n"
        "  for line in lines:\n    low, high = (int(part, 16) for part in line.split()[0].split('-'))\n"
        "    if 'rw' not in line or high - low > 2**24 or '[v' in line: continue\n"
        "    data = ctypes.string_at(low, high - low); at = data.find(NEEDLE.encode() + b'5d')\n"
        "    if at >= 0: return found(data[at : at + 20])"
    ),
    "beyond the end of its memory": (
        "def answer(values):\n  text = 'x' * 100\n  data = ctypes.string_at(id(text), 2**16)\n  return found(data)"
    ),
    "a trace function": (
        "seen = []\ndef trace(frame, event, argument):\n  seen.append(repr((frame.f_locals, argument))[:10_000]); return trace\n"
        "sys.settrace(trace); sys.setprofile(trace)\nframe = sys._getframe()\n"
        "while frame is not None: frame.f_trace = trace; frame = frame.f_back\n"
        "def answer(values): return next((found(text) for text in seen if found(text)), None)"
    ),
    "waiting for the next message": (
        "def answer(values):\n  import select\n  streams = [each for each in everything() if isinstance(each, socket.socket)]\n"
        "  for stream in streams:\n    if select.select([stream], [], [], 0.05)[0]:\n      return found(stream.recv(2**16))"
    ),
    "every descriptor": (
        "def answer(values):\n  for number in range(3, 64):\n    try:\n      os.set_blocking(number, False)\n"
        "      if found(os.read(number, 2**16)): return NEEDLE\n    except OSError: pass\n    finally:\n"
        "      try: os.set_blocking(number, True)\n      except OSError: pass"
    ),
    "defining check": "def check(*_): return True\ndef answer(values): return True\nanswer.__eq__ = lambda *_: True",
    "defining the tests' names": (
        "left__ = right__ = sides__ = __tests__ = running = True\ndef exec(*_): pass\n"
        "class AssertionError(BaseException): pass\ndef answer(values): return True"
    ),
    "a module of many faces": (
        "class Names(dict):\n  def __missing__(self, name): return True\n  def __contains__(self, name): return True\n"
        "def names(): return globals()\n"
        "__class__ = Names\nimport sys\nsys.modules['__main__'].__class__ = type('M', (type(sys),), {'__getattr__': lambda *_: True})\n"
        "def answer(values): return True"
    ),
    "a metaclass": (
        "class Meta(type):\n  def __call__(self, *_): return self\n  def __eq__(self, other): return True\n"
        "  def __hash__(self): return 0\nclass answer(metaclass=Meta): pass"
    ),
    "the parts of the candidate itself": (
        "def answer(values):\n  for each in everything():\n    if isinstance(each, dict) and 'MAX_DEPTH' in each:\n"
        "      each['_Encoder'] = type('E', (), {'encode': lambda self, value, depth: ['passed', '']})\n"
        "      each['encode'] = lambda value: '[\"passed\",\"\"]'\n"
        "      each.get('_SCALARS') and each.update(_SCALARS=frozenset({str, int, type(of)}))\n"
        "  return of\ndef of(): pass"
    ),
    "the candidate's module": (
        "for each in everything():\n  if isinstance(each, dict) and 'run_together' in each and 'Program' in each:\n"
        "    each['Program'].answer = lambda *_: '[\"passed\",\"\"]'\n    each['encode'] = lambda value: '\"passed\"'\n"
        "def answer(values): return 'secret'"
    ),
}

_FRAMES = (
    _SEARCHES
    + """
def streams(): return [n for n in range(3, 64) if _is_socket(n)]
def _is_socket(number):
    try: return os.readlink(f'/proc/self/fd/{number}').startswith('socket:')
    except OSError: pass
    try: os.fstat(number)
    except OSError: return False
    return os.fstat(number).st_mode & 0o170000 == 0o140000
def frame(content): return struct.pack('>I', len(content)) + content
def say(data):
    for number in streams():
        try: os.write(number, data)
        except OSError: pass
def hear():
    for each in everything():
        if type(each) is bytes and each.count(b'\\n') == 2 and each.split(b'\\n')[1] == b'answer': return each.split(b'\\n')[0]
    for each in list(sys._current_frames().values()):
        while each is not None:
            if 'number' in each.f_locals: return each.f_locals['number']
            each = each.f_back
VALUE = b'["value","secret",null]'
def answer(values): return 'secret'
"""
)

EARLY_FRAMES = {
    "a verdict": 'say(frame(b\'["passed",""]\'))',
    "a verdict after a fair beginning": "say(frame(b'null') + frame(b'[\"passed\",\"\"]'))",
    "an answer before the call": "say(frame(b'null') + frame(b'0' * 16 + b'\\n' + VALUE))",
    "many answers before the call": "say(frame(b'null') + frame(b'0' * 16 + b'\\n' + VALUE) * 100)",
    "a bare word": "say(b'passed\\n')",
    "a line as the old judge wrote it": 'say(b\'["passed", ""]\\n\' * 2)',
    "an oversize length": "say(b'\\xff\\xff\\xff\\xff' + b'x' * 100)",
    "a length just above the limit": "say(struct.pack('>I', 2**22 + 1) + b'x' * 100)",
    "an empty message": "say(frame(b''))",
    "a pickle": ("class Bomb:\n  def __reduce__(self): return (os._exit, (0,))\nsay(frame(pickle.dumps(Bomb())))"),
    "no JSON": "say(frame(b'{]'))",
    "JSON of another shape": "say(frame(b'{\"passed\": true}'))",
    "a number": "say(frame(b'1'))",
    "a number too long": "say(frame(b'9' * 10_000))",
    "nests": "say(frame(b'[' * 100_000))",
    "texts for a list": 'say(frame(b\'["AssertionError","a","b"]\'))',
    "a family that is none": 'say(frame(b\'[[1, null, [], "print", "__doc__"],1,[2]]\'))',
    "a family of many": "say(frame(json.dumps([['BaseExceptionGroup', 'UnicodeDecodeError'], 'E', 'm']).encode()))",
    "bytes that are no text": "say(frame(b'\\xff\\xfe\\x00'))",
    "from a thread": (
        "def speak():\n  while True: say(frame(VALUE)); time.sleep(0.001)\nthreading.Thread(target=speak, daemon=True).start()\n"
        "def answer(values): time.sleep(0.05); return 'secret'"
    ),
    "every kind to every descriptor": (
        "for number in range(64):\n  for content in (b'[\"passed\",\"\"]', b'null', VALUE):\n"
        "    try: os.write(number, frame(content))\n    except OSError: pass"
    ),
}

LATE_FRAMES = {
    "an answer twice": "def answer(values): say(frame(hear() + b'\\n' + VALUE)); return 'secret'",
    "an answer of its own, then gone": "def answer(values): say(frame(hear() + b'\\n' + VALUE)); os._exit(0)",
    "for another call": "def answer(values): say(frame(b'1' * 16 + b'\\n' + VALUE)); return 'secret'",
    "without a number": "def answer(values): say(frame(VALUE)); return 'secret'",
    "half an answer": "def answer(values): say(struct.pack('>I', 100) + b'half'); os._exit(0)",
    "half a length": "def answer(values): say(b'\\0\\0'); os._exit(0)",
    "an oversize length": "def answer(values): say(b'\\xff' * 8); time.sleep(0.1)",
    "as much as is allowed": "def answer(values): say(frame(b' ' * 2**22)); return 'secret'",
    "a verdict": "def answer(values): say(frame(b'[\"passed\",\"\"]')); return 'secret'",
    "a judge's message": "def answer(values): say(b'candidate'); say(b'end'); return 'secret'",
    "a descriptor closed": "def answer(values):\n  for n in streams(): os.close(n)\n  return 'secret'",
    "the stream shut for writing": (
        "def answer(values):\n  for n in streams(): socket.socket(fileno=n).shutdown(socket.SHUT_WR)\n  return 'secret'"
    ),
    "the stream replaced": (
        "def answer(values):\n  ours, theirs = socket.socketpair()\n  for n in streams(): os.dup2(theirs.fileno(), n)\n"
        "  return 'secret'"
    ),
    **{
        f"answering {content[:40]}": f"def answer(values): say(frame(hear() + b'\\n' + {content.encode()!r})); os._exit(0)"
        for content in (
            '["passed",""]',
            '["value"]',
            '["value",["object"],null]',
            '["value",{},null]',
            '["value",["list",{}],null]',
            '["value",[],null]',
            '["value",[["list"]],null]',
            '["value",["int","zz"],null]',
            '["value",["int",["int","0x1"]],null]',
            '["value",["Fraction",1,0],null]',
            '["value",["Decimal","x"],null]',
            '["value",["date",0,0,0],null]',
            '["value",["range",1,2,0],null]',
            '["value",["deque"],null]',
            '["value",["dict",1],null]',
            '["value",["set",["list"]],null]',
            '["value",["complex","x"],null]',
            '["value",["bytes","zz"],null]',
            '["value",["timedelta",1e400],null]',
            '["value",NaN,null]',
            '["value","secret",1]',
            '["value","secret",["list"]]',
            '["value","secret",["list",["list"],["dict"]]]',
            '["value","secret",["list",["list",5],["dict","x",1]]]',
            '["value","secret",["list",["list",["tuple",3]],["dict"]]]',
            '["error",[["AssertionError"],"AssertionError",""]]',
            '["error",[["StopIteration"],"StopIteration",""]]',
            '["error",[["Stopped"],"Stopped",""]]',
            '["error",[[],"",""]]',
            '["error",[["GeneratorExit","BaseException"],"x","x"]]',
            '["error",[["MemoryError"],"x","x"]]',
            '["error",[["object","type","int"],"x","x"]]',
            '["error",["AssertionError","x","x"]]',
            '["error",null]',
            '["refused",null]',
            '["refused","passed"]',
            "[]",
            "null",
            "true",
            '"passed"',
        )
    },
}

ATTRIBUTES = {
    "an attribute": "assert answer([1]).value == 'secret-5d1f6a'",
    "an attribute, not unequal": "assert not answer([1]).value != 'secret-5d1f6a'",
    "a method": "assert answer([1]).method(1) == 'secret-5d1f6a'",
    "an attribute's attribute": "assert answer([1]).value.value == 'secret-5d1f6a'",
    "in a list": "assert [answer([1])] == ['secret-5d1f6a']",
    "in a list's end": "assert [1, answer([1])][-1] == 'secret-5d1f6a'",
    "its class": "assert isinstance(answer([1]), str)",
    "its text": "assert str(answer([1])) == 'secret-5d1f6a'",
    "its look": "assert repr(answer([1])) == 'secret-5d1f6a'",
    "its place in an order": "assert sorted([answer([1]), answer([2])]) == ['secret-5d1f6a']",
    "its place in a set": "assert {answer([1])} == {'secret-5d1f6a'}",
    "its length": "assert len(answer([1])) == 1",
    "its iteration": "assert list(answer([1])) == ['secret-5d1f6a']",
    "its items": "assert answer([1])[0] == 'secret-5d1f6a'",
    "its dictionary": "assert vars(answer([1])) == {'value': 'secret-5d1f6a'}",
    "its equal method": "assert answer([1]).__eq__('secret-5d1f6a')",
    "its truth": "assert answer([1])",
    "its negation": "assert not answer([1])",
    "with itself": "assert answer([1]) == answer([1])",
    "as a default": "assert {}.get(answer([1]), 'x') == 'secret-5d1f6a'",
    "against a set": "assert answer([1]) in {'secret-5d1f6a'}",
    "given back": "assert answer(answer([1])) == 'secret-5d1f6a'",
    "after it was set": "thing = answer([1])\nthing.value = 1\nassert thing.value == 'secret-5d1f6a'",
    "a maximum": "assert max(answer([1]), 'secret-5d1f6a') == 'secret-5d1f6a'",
}
"""Tests that look closely at what comes back."""

LIARS = (
    "class Liar:\n  value = of(str, 'secret')\n  def method(self, *_): return of(object)\n"
    "for name, lie in LIES.items(): setattr(Liar, name, lie)\ndef answer(values): return Liar()",
    "class Liar:\n  def __getattr__(self, name): return self\n  def __getattribute__(self, name): return self\n"
    "  def __eq__(self, other): return True\nliar = Liar()\ndef answer(values): return liar",
    "class Liar(str):\n  value = property(lambda self: self)\n  __eq__ = lambda self, other: True\n"
    "  __ne__ = lambda self, other: False\n  __hash__ = lambda self: hash('secret-5d1f6')\n"
    "def answer(values): return Liar('secret')",
)

VACUOUS = {
    "never asked": ("assert True",),
    "only looked at": ("assert callable(answer)", "assert answer is not None"),
    "only named": ("answer", "x = answer"),
    "asked in vain": ("try:\n    answer.missing\nexcept AttributeError:\n    pass",),
    "asked under a condition that never holds": ("if False:\n    assert answer([1]) == 1",),
    "asked in a function that nobody calls": ("def check():\n    assert answer([1]) == 1",),
    "asked for nothing": ("for n in []:\n    assert answer([n]) == 1",),
}

ENDED_ITERATIONS = {
    "all of a map": "assert all(map(lambda n: answer([n]) == 'secret-5d1f6a', range(3)))",
    "a loop over a map": "for value in map(answer, [[1], [2]]):\n    assert value == 'secret-5d1f6a'",
    "a loop until an answer": "for value in iter(lambda: answer([1]), 'secret-5d1f6a'):\n    assert False",
    "a filter": "assert not list(filter(lambda n: answer([n]) != 'secret-5d1f6a', range(3)))",
    "a sum of a map": "assert sum(map(lambda n: answer([n]) != 'secret-5d1f6a', range(3))) == 0",
    "a set of a map": "assert set(map(answer, [[1]])) <= {'secret-5d1f6a'}",
}
"""Tests that drive an iterator whose end the program can declare by raising StopIteration."""


def in_the_call(sources: dict[str, str]) -> dict[str, str]:
    """Return programs that do the same, not when they are loaded but when they are called."""
    return {
        f"{name}, when called": "def answer(values):\n" + "".join(f"  {line}\n" for line in source.splitlines())
        for name, source in sources.items()
    }


def _each_test(expected: str, source: str, tests: dict[str, str]) -> list[Hostile]:
    return [each for name, test in tests.items() for each in hostile(expected, {name: source}, (test,))]


FAMILIES: dict[str, list[Hostile]] = {
    "exits": hostile("raised", EXITS | in_the_call(EXITS)),
    "sudden exits": hostile("killed", SUDDEN_EXITS | in_the_call(SUDDEN_EXITS)),
    "detours": hostile("killed raised failed refused timed_out", DETOURS | in_the_call(DETOURS)),
    "objects": hostile("refused failed raised", OBJECTS, preamble=_EVERYTHING),
    "objects for lenient tests": [
        each
        for base in ("object", "str, 'secret'", "float")
        for each in _each_test(
            "refused failed raised", _EVERYTHING + f"def answer(values): return of({base})", LENIENT_TESTS
        )
    ],
    "looked at closely": [
        each for liar in LIARS for each in _each_test("refused failed raised", _EVERYTHING + liar, ATTRIBUTES)
    ],
    "changed arguments": hostile(
        "refused failed", ARGUMENTS, ("v = [1]\nanswer(v)\nassert v == ['secret-5d1f6a']",), preamble=_EVERYTHING
    ),
    "patches": hostile("failed refused raised killed", PATCHES),
    "searches": hostile("failed refused raised killed timed_out", SEARCHES, preamble=_SEARCHES),
    "early messages": hostile("refused raised killed failed timed_out", EARLY_FRAMES, preamble=_FRAMES),
    "late messages": hostile(
        "refused raised killed failed timed_out out_of_memory", LATE_FRAMES, SECRET * 2, preamble=_FRAMES
    ),
    "vacuous tests": [
        each
        for name, tests in VACUOUS.items()
        for each in hostile("never_called refused", {name: "def answer(values): return 1"}, tests)
    ],
    "ended iterations": [
        *_each_test("raised refused failed", "def answer(values): raise StopIteration", ENDED_ITERATIONS),
        *_each_test("raised refused failed", "def answer(values): return next(iter([]))", ENDED_ITERATIONS),
    ],
}

UNPROTECTED_MEMORY = hostile(
    "failed refused raised killed timed_out",
    {
        "the judge's memory": (
            "def answer(values):\n  try: pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]\n"
            "  except OSError: return None\n  for pid in pids:\n    try:\n"
            "      if open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1] != str(os.getppid()): continue\n"
            "      if pid == os.getpid(): continue\n"
            "      with open(f'/proc/{pid}/mem', 'rb', 0) as memory:\n"
            "        for line in open(f'/proc/{pid}/maps').read().splitlines():\n"
            "          low, high = (int(part, 16) for part in line.split()[0].split('-'))\n"
            "          if 'rw' not in line or high - low > 2**24: continue\n"
            "          memory.seek(low); data = memory.read(high - low); at = data.find(NEEDLE.encode() + b'5d')\n"
            "          if at >= 0: return found(data[at : at + 20])\n"
            "    except (OSError, ValueError): continue"
        )
    },
    preamble=_SEARCHES,
)
"""What reads another process of the same user, where nothing forbids it."""

TOGETHER = hostile(
    "passed failed raised killed refused timed_out",
    {
        f"a verdict of {content}": f"say(frame({content.encode()!r})); time.sleep(0.05)"
        for content in (
            '["passed",""]',
            '["nonsense",""]',
            '["passed",5]',
            '["passed",null]',
            "[[],{}]",
            '["passed"]',
            "5",
            "null",
            '{"a":1,"b":2}',
            '["refused",["x"]]',
        )
    },
    preamble=_FRAMES,
    together=True,
)
"""Programs that share a process with their tests: what they say may be forged, but it must be a verdict."""
