"""Programs that exceed their limits."""

# ruff: noqa: E501 - a program is easier to read in one piece

from __future__ import annotations

from tests.sandbox.hostile.programs import Hostile, hostile

ENOUGH = "failed raised out_of_memory killed timed_out refused"
"""Anything but a pass: which limit is hit first differs between machines."""

MEMORY = {
    "a long list": "x = [0] * 10 ** 9",
    "a list that grows": "x = []\nwhile True: x.append(bytes(2 ** 20))",
    "a long text": "x = 'x' * 2 ** 40",
    "a text that doubles": "x = 'x'\nwhile True: x += x",
    "a shifted integer": "x = 1 << 2 ** 36",
    "a long range as a list": "x = list(range(10 ** 10))",
    "an array": "import array; array.array('q', bytes(2 ** 30))",
    "product of long lists": "import itertools; x = list(itertools.product(range(1000), repeat=3))",
    "a format": "x = '{:>99999999999}'.format(1)",
    "a precision": "x = '%.2000000000f' % 1",
    "a join": "x = ','.join(['x' * 10 ** 6] * 10 ** 6)",
    "a recursive dictionary": "def f(n): return {i: f(n - 1) for i in range(100)} if n else 0\nf(9)",
}

SYSTEM_MEMORY = {
    "maps": "import mmap\nmaps = []\nwhile True: maps.append(mmap.mmap(-1, 2 ** 26))",
    "malloc": (
        "import ctypes\nlibc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p\n"
        "while (place := libc.malloc(2 ** 24)): ctypes.memset(place, 1, 2 ** 24)\nraise MemoryError"
    ),
    "locked pages": "import ctypes, mmap\nx = mmap.mmap(-1, 2 ** 27); ctypes.CDLL(None).mlockall(3)\nx = [0] * 10 ** 9",
    "more than the limit": ("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nx = [0] * 10 ** 8"),
    "more than the limit of prlimit": (
        "import resource\nresource.prlimit(0, resource.RLIMIT_AS, (2 ** 40, 2 ** 40))\nx = [0] * 10 ** 8"
    ),
    "threads' stacks": (
        "import threading, time\nthreading.stack_size(2 ** 26)\n"
        "while True: threading.Thread(target=time.sleep, args=(60,)).start()"
    ),
}

CROWDS = {
    "forks": "import os\nwhile True: os.fork()",
    "libc forks": "import ctypes\nfork = ctypes.CDLL(None).fork\nwhile fork() >= 0: pass\nraise OSError",
    "vforks": "import ctypes\nvfork = ctypes.CDLL(None).vfork\nwhile vfork() >= 0: pass\nraise OSError",
    "processes": "import multiprocessing\nwhile True: multiprocessing.Process(target=len).start()",
    "commands": "import subprocess\nwhile True: subprocess.Popen(['/bin/sleep', '60'])",
    "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()",
    "small threads": (
        "import threading, time\nthreading.stack_size(32768)\n"
        "while True: threading.Thread(target=time.sleep, args=(60,)).start()"
    ),
    "threads that start threads": (
        "import threading\nthreading.stack_size(32768)\n"
        "def work():\n  for _ in range(2): threading.Thread(target=work).start()\nwork()\nwhile True: pass"
    ),
}

HANDLES = {
    "files": "import os\nwhile True: os.open(os.__file__, os.O_RDONLY)",
    "duplicates": "import os\nwhile True: os.dup(0)",
    "high duplicates": "import os\nos.dup2(0, 1000)",
    "pipes": "import os\nwhile True: os.pipe()",
    "wide pipes": "import fcntl, os\nwhile True: fcntl.fcntl(os.pipe()[1], 1031, 2 ** 20)",
    "sockets": "import socket\nkept = []\nwhile True: kept.append(socket.socketpair())",
    "polls": "import select\nkept = []\nwhile True: kept.append(select.epoll())",
    "events": "import os\nwhile True: os.eventfd(0)",
    "more descriptors": "import os, resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))",
    "more processor time": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (-1, -1))",
    "larger files": "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
}

STORES = {
    "a file": "with open('x', 'wb') as file:\n  while True: file.write(bytes(2 ** 20))",
    "a temporary file": "import tempfile\nwith tempfile.TemporaryFile() as file: file.write(bytes(2 ** 20))",
    "empty files": "import itertools\nfor n in itertools.count(): open(f'{n}', 'x').close()",
    "folders": "import itertools, os\nfor n in itertools.count(): os.mkdir(f'{n}')",
    "links": "import itertools, os\nfor n in itertools.count(): os.symlink('/', f'{n}')",
    "shared memory": "from multiprocessing import shared_memory\nx = shared_memory.SharedMemory(create=True, size=2 ** 20)",
    "files in shared memory": "open('/dev/shm/codeprimer-test', 'x')",
    "shared memory of System V": (
        "import ctypes\nif ctypes.CDLL(None).shmget(0, 2 ** 20, 0o1600) < 0: raise OSError\n"
        "def answer(values): return 'made'"
    ),
    "memory files": "import os\nos.memfd_create('x')",
    "message queues": "import ctypes\nif ctypes.CDLL(None).msgget(0, 0o1600) < 0: raise OSError",
    "semaphores": "import multiprocessing\nmultiprocessing.Semaphore()",
}

OUTPUT = {
    "print": "for _ in range(64): print('x' * 2 ** 20)\ndef answer(values): return 'secret'",
    "errors": "import sys\nfor _ in range(64): sys.stderr.write('x' * 2 ** 20)\ndef answer(values): return 'secret'",
    "the descriptors": "import os\nfor _ in range(64): os.write(1, bytes(2 ** 20)); os.write(2, bytes(2 ** 20))",
    "a message": "raise ValueError('x' * 2 ** 24)",
    "a message of surrogates": "raise ValueError('\\udc80\\0' * 2 ** 10)",
    "a chain of exceptions": (
        "error = None\nfor _ in range(100_000):\n  new = ValueError(); new.__cause__ = error; error = new\nraise error"
    ),
    "a deep group": "error = ValueError()\nfor _ in range(50_000): error = ExceptionGroup('', [error])\nraise error",
    "a long name": "raise type('X' * 2 ** 20, (Exception,), {})",
    "many notes": "error = ValueError()\nfor _ in range(10_000): error.add_note('x' * 1000)\nraise error",
    "syntax of one long line": "x = 1 + (" + "1 + " * 20_000,
}

ANSWERS = {
    "a deep list": "x = []\nfor _ in range(100_000): x = [x]\ndef answer(values): return x",
    "a deep tuple": "x = ()\nfor _ in range(1_000): x = (x,)\ndef answer(values): return x",
    "a deep dictionary": "x = {}\nfor _ in range(1_000): x = {1: x}\ndef answer(values): return x",
    "a cyclic list": "x = []; x.append(x)\ndef answer(values): return x",
    "a cyclic dictionary": "x = {}; x[1] = x\ndef answer(values): return x",
    "a cycle through a tuple": "x = []; y = (x,); x.append(y)\ndef answer(values): return y",
    "one list a million times": "x = [[]] * 1_000_001\ndef answer(values): return x",
    "a list that is a tree of itself": "x = []\nfor _ in range(60): x = [x, x]\ndef answer(values): return x",
    "a wide list": "def answer(values): return [0] * 3_000_000",
    "a long text": "def answer(values): return 'x' * 2 ** 23",
    "long bytes": "def answer(values): return bytes(2 ** 23)",
    "a huge integer": "def answer(values): return 1 << 2 ** 25",
    "a huge range": "def answer(values): return range(10 ** 18)",
    "a huge decimal": "import decimal\ndef answer(values): return decimal.Decimal('1e999999')",
    "a lazy list": "def answer(values): return map(len, values)",
}

COLLISIONS = {
    "integers in its own dictionary": "x = {n * (2 ** 61 - 1): 0 for n in range(10 ** 6)}",
    "integers in its own set": "x = set(n * (2 ** 61 - 1) for n in range(10 ** 6))",
    "tuples": "x = {(n * (2 ** 61 - 1),): 0 for n in range(10 ** 6)}",
    "fractions": "import fractions\nx = {fractions.Fraction(n * (2 ** 61 - 1) + 1, 2): 0 for n in range(10 ** 6)}",
    "texts": ("import itertools\nx = {}\nfor n in itertools.count():\n  if hash(str(n)) & 0xFFF == 0: x[str(n)] = n"),
}

_SENDING = """
import gc, json, os, socket, struct, sys
def send(content):
    for each in gc.get_objects():
        if isinstance(each, socket.socket):
            frame = sys._getframe()
            number = None
            while frame is not None:
                number = frame.f_locals.get('number', number)
                frame = frame.f_back
            text = number + b'\\n' + content
            each.sendall(struct.pack('>I', len(text)) + text)
            os._exit(0)
"""

ANSWERS_FOR_THE_JUDGE = {
    "colliding integers": (
        "def answer(values):\n  parts = ','.join(f'[\"int\",\"{n * (2 ** 61 - 1):x}\"],0' for n in range(100_000))\n"
        "  send(b'[\"value\",[\"dict\",' + parts.encode() + b'],null]')"
    ),
    "colliding integers in a set": (
        "def answer(values):\n  parts = ','.join(f'[\"int\",\"{n * (2 ** 61 - 1):x}\"]' for n in range(100_000))\n"
        "  send(b'[\"value\",[\"set\",' + parts.encode() + b'],null]')"
    ),
    "colliding tuples": (
        'def answer(values):\n  parts = \',\'.join(f\'["tuple",["int","{n * (2 ** 61 - 1):x}"]]\' for n in range(80_000))\n'
        "  send(b'[\"value\",[\"set\",' + parts.encode() + b'],null]')"
    ),
    "empty lists": "def answer(values): send(b'[\"value\",[\"list\",' + b','.join([b'[]'] * 1_300_000) + b'],null]')",
    "lists of lists": (
        "def answer(values): send(b'[\"value\",[\"list\",' + b','.join([b'[\"list\"]'] * 400_000) + b'],null]')"
    ),
    "deep lists": "def answer(values): send(b'[\"value\",' + b'[\"list\",' * 70_000 + b'0' + b']' * 70_000 + b',null]')",
    "a long number": "def answer(values): send(b'[\"value\",' + b'9' * 4_000_000 + b',null]')",
    "a long float": "def answer(values): send(b'[\"value\",0.' + b'9' * 4_000_000 + b',null]')",
    "a long decimal": "def answer(values): send(b'[\"value\",[\"Decimal\",\"' + b'9' * 4_000_000 + b'\"],null]')",
    "a long fraction": (
        "def answer(values):\n  part = b'[\"int\",\"0x' + b'1234567' * 250_000 + b'\"]'\n"
        "  send(b'[\"value\",[\"Fraction\",' + part + b',' + part[:-5] + b'3\"]],null]')"
    ),
    "escapes": "def answer(values): send(b'[\"value\",\"' + b'\\\\ud800' * 600_000 + b'\",null]')",
    "blanks": "def answer(values): send(b' ' * 4_000_000 + b'[\"value\",1,null]')",
    "a decimal that is long when it is whole": (
        'def answer(values): send(b\'["value",["set",["Decimal","1e999999999"]],null]\')'
    ),
    "a bare object": "def answer(values): send(b'{' + b','.join(b'\"%d\":1' % n for n in range(300_000)) + b'}')",
}
"""Messages that a candidate's own codec would never send."""

COMPILING = {
    "parentheses": "(" * 90 + "1" + ")" * 90 + "\nx = " + "(" * 5_000 + ")" * 5_000,
    "signs": "x = " + "-" * 100_000 + "1",
    "negations": "x = " + "not " * 100_000 + "1",
    "a long sum": "x = " + "1+" * 100_000 + "1",
    "attributes": "x = a" + ".a" * 100_000,
    "calls": "x = f" + "()" * 50_000,
    "nested blocks": "".join(" " * n + "if 1:\n" for n in range(95)) + " " * 95 + "pass",
    "nested functions": "".join(" " * n + f"def f{n}():\n" for n in range(90)) + " " * 90 + "pass",
    "nested lambdas": "x = " + "lambda: " * 20_000 + "1",
    "nested comprehensions": "x = " + "[" * 60 + "0" + " for a in range(9)]" * 60,
    "a folded power": "x = 9 ** 9 ** 9 ** 9",
    "a folded tuple": "x = ((((1,) * 2 ** 10) * 2 ** 10) * 2 ** 10) * 2 ** 10",
    "a folded text": "x = 'x' * 2 ** 12 * 2 ** 12 * 2 ** 12 * 2 ** 12",
    "many names": "\n".join(f"x{n} = {n}" for n in range(50_000)),
    "many arguments": "f(" + ",".join("1" for _ in range(200_000)) + ")",
    "at run time": "exec('x = ' + '[' * 10 ** 6)",
    "a nested literal": "import ast; ast.literal_eval('(' * 10 ** 5)",
    "a parsed chain": "import ast; ast.parse('a' + '.a' * 10 ** 6)",
    "a literal of many digits": "x = " + "9" * 100_000,
}

BOMBS = {
    "zlib": "import zlib\nx = zlib.decompress(zlib.compress(bytes(2 ** 27)) * 1)\ny = [bytes(x) + x for _ in range(99)]",
    "bz2": "import bz2\nx = bz2.decompress(bz2.compress(bytes(10 ** 6)) * 10_000)",
    "lzma": "import lzma\nx = lzma.decompress(lzma.compress(bytes(10 ** 6)) * 10_000)",
    "a decimal power": ("import decimal\ndecimal.getcontext().prec = decimal.MAX_PREC\nx = decimal.Decimal(1) / 3"),
    "a decimal as an integer": "import decimal\nx = int(decimal.Decimal('1e999999999'))",
    "a decimal factorial": (
        "import decimal\ndecimal.getcontext().prec = 10 ** 6\nx = decimal.Decimal(2).sqrt() ** decimal.Decimal(0.1)\n"
        "while True: x = x.ln().exp()"
    ),
    "a fraction": "import fractions\nx = fractions.Fraction('1e999999999')",
    "a number in words": "x = int('9' * 10 ** 6)",
    "a number of many digits": "import sys; sys.set_int_max_str_digits(0)\nx = str(7 ** 10 ** 7)",
    "nested JSON": "import json\njson.loads('[' * 10 ** 7)",
    "a nested pickle": "import pickle\nx = []\nfor _ in range(10 ** 6): x = [x]\npickle.dumps(x)",
    "a billion laughs": (
        "x = 'lol'\nfor _ in range(10): x = ''.join([x] * 10)\n"
        "import xml.etree.ElementTree as tree\n"
        "text = '<!DOCTYPE l [<!ENTITY a0 \"lol\">' + ''.join(f'<!ENTITY a{n} \"' + f'&a{n - 1};' * 10 + '\">' for n in range(1, 12))\n"
        "tree.fromstring(text + ']><l>&a11;</l>')"
    ),
    "a nested copy": "import copy\nx = []\nfor _ in range(10 ** 5): x = [x]\ncopy.deepcopy(x)",
    "a nested comparison": "x = y = []\nfor _ in range(10 ** 6): x, y = [x], [y]\nx == y",
    "a nested release": "x = []\nfor _ in range(10 ** 7): x = [x]\ndel x\nraise ValueError",
}

MANY_THREADS = """
def answer(values):
    import ctypes, mmap, time
    code = bytes.fromhex('48c7c0220000000f05ebf5')  # pause() for ever
    clone = bytes.fromhex('48c7c0380000000f05c3')  # clone(...); return
    pages = [mmap.mmap(-1, 4096, prot=7) for _ in range(2)]
    places = []
    for page, content in zip(pages, (code, clone)):
        page.write(content)
        places.append(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    stack = mmap.mmap(-1, 65536)
    top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + 65536 - 64
    ctypes.c_uint64.from_address(top).value = places[0]
    start = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 4)(places[1])
    answer.kept = pages, stack  # a thread that starts late still needs them
    threads = 0
    while threads < 2_000 and start(0x100 | 0x200 | 0x400 | 0x800 | 0x10000, top, 0, 0) > 0:
        threads += 1
    return threads
"""
"""Threads that share one stack, so that the limit of memory does not bound them (x86_64)."""

FAMILIES: dict[str, list[Hostile]] = {
    "memory": hostile("out_of_memory timed_out raised", MEMORY),
    "memory of the system": hostile(ENOUGH, SYSTEM_MEMORY),
    "crowds": hostile(ENOUGH, CROWDS),
    "handles": hostile("raised", HANDLES),
    "stores": hostile("raised", STORES),
    "output": hostile("failed raised", OUTPUT),
    "answers": hostile("refused failed out_of_memory timed_out", ANSWERS),
    "collisions": hostile("timed_out out_of_memory", COLLISIONS),
    "answers for the judge": hostile(
        "refused failed timed_out killed raised", ANSWERS_FOR_THE_JUDGE, preamble=_SENDING
    ),
    "compiling": hostile(ENOUGH, COMPILING),
    "bombs": hostile(ENOUGH, BOMBS),
}
