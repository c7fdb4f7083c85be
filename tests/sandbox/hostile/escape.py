"""Programs that look for a way out. Each returns what it managed; the right answer is nothing."""

# ruff: noqa: E501 - a program is easier to read in one piece

from __future__ import annotations

import sys
from dataclasses import dataclass

from tests.sandbox.hostile.programs import Hostile, hostile

from codeprimer.sandbox.inside import system

SECRET_VARIABLE = "CODEPRIMER_TEST_SECRET"
SECRET_VALUE = "the-secret-of-the-caller"
NOTHING = ("assert answer() == []",)


@dataclass(frozen=True)
class Outside:
    """What the test has laid out for programs to reach."""

    tcp_port: int
    udp_port: int
    abstract_name: str
    socket_path: str
    canary: str
    repository_file: str
    caller: int
    victim: int

    @property
    def preamble(self) -> str:
        """The beginning of every program: the addresses, and what an attempt is."""
        return _PREAMBLE + "".join(f"{name.upper()} = {value!r}\n" for name, value in vars(self).items())


_PREAMBLE = f"""
import ctypes, errno, fcntl, importlib, mmap, os, resource, signal, socket, stat, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
X86 = {system.MACHINE == "x86_64"!r}
managed = []
def attempt(name, action, *codes):
    # An attempt that fails for another reason than the jail would show nothing.
    try: outcome = action()
    except OSError as error:
        if codes and error.errno not in codes: managed.append(f'{{name}}: {{errno.errorcode.get(error.errno, error)}}')
    except BaseException as error: managed.append(f'{{name}}: {{type(error).__name__}} {{error}}')
    else: managed.append(f'{{name}}: {{str(outcome)[:60]}}')
def call(numbers, *arguments):
    number = numbers[0 if X86 else 1] if isinstance(numbers, tuple) else numbers
    if number is None: raise OSError(errno.ENOSYS, 'no such call')
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(each) if isinstance(each, int) else each for each in arguments])
    if result == -1: raise OSError(ctypes.get_errno(), 'call')
    return result
def succeed(status):
    if status != 0: raise OSError(errno.EPERM, 'status')
    return status
def denied(name, action): attempt(name, action, errno.EPERM, errno.ENOSYS, errno.EACCES)
def answer(): return managed
"""

_NETWORK = """
def speak(family, kind, address):
    with socket.socket(family, kind) as talk:
        talk.settimeout(0.2); talk.connect(address); talk.send(b'hello')
STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
attempt('tcp', lambda: speak(socket.AF_INET, STREAM, ('127.0.0.1', TCP_PORT)))
attempt('udp', lambda: speak(socket.AF_INET, DATAGRAM, ('127.0.0.1', UDP_PORT)))
attempt('tcp of version 6', lambda: speak(socket.AF_INET6, STREAM, ('::ffff:127.0.0.1', TCP_PORT)))
attempt('abstract', lambda: speak(socket.AF_UNIX, STREAM, '\\0' + ABSTRACT_NAME))
attempt('socket file', lambda: speak(socket.AF_UNIX, STREAM, SOCKET_PATH))
attempt('name service', lambda: socket.getaddrinfo('example.org', 80))
attempt('name service by hand', lambda: speak(socket.AF_INET, DATAGRAM, ('127.0.0.53', 53)))
attempt('create_connection', lambda: socket.create_connection(('127.0.0.1', TCP_PORT), 0.2))
for name in ('AF_NETLINK', 'AF_PACKET', 'AF_VSOCK', 'AF_ALG', 'AF_BLUETOOTH', 'AF_CAN', 'AF_TIPC', 'AF_QIPCRTR'):
    family = getattr(socket, name, None)
    if family is not None: attempt(name, lambda: socket.socket(family, socket.SOCK_RAW).close())
    if family is not None: attempt(name + ' datagram', lambda: socket.socket(family, socket.SOCK_DGRAM).close())
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt('a pair of another family', lambda: socket.socketpair(socket.AF_INET))
attempt('a server', lambda: socket.create_server(('127.0.0.1', 0)).close())
def through_pair(address):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.sendto(b'hello', address)
attempt('a pair with an address', lambda: through_pair('\\0' + ABSTRACT_NAME))
def rebind(number):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    address = struct.pack('=H', 1) + b'\\0' + ABSTRACT_NAME.encode()
    return call(number, ours.fileno(), address, len(address))
attempt('connect a pair anew', lambda: rebind((42, 203)))
attempt('bind a pair', lambda: rebind((49, 200)))
def message():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.sendmsg([b'hello'], [], 0, '\\0' + ABSTRACT_NAME)
attempt('a message with an address', message)
def descriptor():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    socket.send_fds(ours, [b'x'], [0])
denied('handing on a descriptor', descriptor)
for number in range(64):
    try: kind = os.fstat(number).st_mode
    except OSError: continue
    if stat.S_ISSOCK(kind): attempt(f'the open socket {number} with an address', lambda: socket.socket(fileno=os.dup(number)).sendto(b'x', '\\0' + ABSTRACT_NAME))
"""

_READING = """
def content(path, **options):
    number = os.open(path, os.O_RDONLY, **options)
    try: return os.read(number, 100)
    finally: os.close(number)
FILES = ['/etc/passwd', '/etc/shadow', '/etc/hostname', os.path.expanduser('~/.ssh/id_rsa'), CANARY, REPOSITORY_FILE,
         '/etc/../etc/passwd', '//etc//passwd', '/./etc/passwd', '../' * 20 + 'etc/passwd', '../outside', '../../' + CANARY.lstrip('/')]
for path in FILES: attempt(path, lambda: content(path))
for path in ('/', '/tmp', '/etc', '/home', '/root', '/dev/shm', '/proc', '/sys', '/run', '/var', os.path.dirname(CANARY), '..'):
    attempt('list ' + path, lambda: [name for name in os.listdir(path)])
here = os.open('.', os.O_RDONLY | os.O_DIRECTORY)
handle = os.open('/', os.O_PATH)
for folder, name in ((here, 'here'), (handle, 'root')):
    attempt('relative to ' + name, lambda: content('../' * 20 + CANARY.lstrip('/'), dir_fd=folder))
    attempt('absolute with ' + name, lambda: content(CANARY, dir_fd=folder))
    attempt('relative without dots ' + name, lambda: content(CANARY.lstrip('/'), dir_fd=folder))
def pathless(path):
    number = os.open(path, os.O_PATH)
    try: return os.read(number, 10)
    finally: os.close(number)
attempt('a handle without rights', lambda: pathless(CANARY))
attempt('a handle opened again', lambda: content(f'/proc/self/fd/{os.open(CANARY, os.O_PATH)}'))
def moved():
    os.chdir('/'); os.chdir(os.path.dirname(CANARY)); return content(os.path.basename(CANARY))
attempt('after chdir', moved)
def moved_by_handle():
    os.fchdir(os.open(os.path.dirname(CANARY), os.O_PATH)); return content(os.path.basename(CANARY))
attempt('after fchdir', moved_by_handle)
attempt('a symbolic link', lambda: (os.symlink(CANARY, 'link'), content('link')))
attempt('a hard link', lambda: os.link(CANARY, 'hard'))
attempt('chroot', lambda: os.chroot(os.path.dirname(CANARY)))
attempt('openat2', lambda: call(437, -100, CANARY.encode(), ctypes.create_string_buffer(24), 24))
buffer = ctypes.create_string_buffer(256); buffer[0:4] = struct.pack('I', 128); mount = ctypes.c_int()
attempt('name_to_handle_at', lambda: call((303, 264), -100, CANARY.encode(), buffer, ctypes.byref(mount), 0))
attempt('open_by_handle_at', lambda: call((304, 265), here, buffer, 0))
attempt('open_tree', lambda: call(428, -100, b'/', 1))
attempt('a mapping', lambda: mmap.mmap(os.open(CANARY, os.O_RDONLY), 4, prot=mmap.PROT_READ)[:4])
attempt('sendfile', lambda: os.sendfile(1, os.open(CANARY, os.O_RDONLY), 0, 4))
attempt('an import', lambda: importlib.machinery.SourceFileLoader('canary', CANARY).get_data(CANARY))
attempt('libc', lambda: succeed(0 if libc.fopen(CANARY.encode(), b'r') else 1))
attempt('inotify', lambda: call((294, 26), 0))
attempt('fanotify', lambda: call((300, 262), 0, 0))
attempt('attributes', lambda: os.getxattr(CANARY, 'user.x'))
"""

_WRITING = """
def write(path, flags):
    number = os.open(path, flags, 0o600)
    try: return os.write(number, b'changed')
    finally: os.close(number)
for path in (CANARY, REPOSITORY_FILE, os.__file__, '/etc/passwd'):
    for name in ('O_WRONLY', 'O_RDWR'): attempt(f'{name} {path}', lambda: os.open(path, getattr(os, name)))
attempt('append', lambda: write(CANARY, os.O_WRONLY | os.O_APPEND))
attempt('cut on opening', lambda: os.open(CANARY, os.O_RDONLY | os.O_TRUNC))
for folder in ('.', '/tmp', '/var/tmp', '/dev/shm', '/run', os.path.dirname(CANARY), os.path.dirname(os.__file__), '/'):
    attempt('a file in ' + folder, lambda: write(folder + '/codeprimer-escape', os.O_CREAT | os.O_WRONLY))
    attempt('an unnamed file in ' + folder, lambda: write(folder, os.O_TMPFILE | os.O_WRONLY))
    attempt('a folder in ' + folder, lambda: os.mkdir(folder + '/codeprimer-escape-folder'))
    attempt('a link in ' + folder, lambda: os.symlink('/', folder + '/codeprimer-escape-link'))
    attempt('a pipe in ' + folder, lambda: os.mkfifo(folder + '/codeprimer-escape-pipe'))
    attempt('a socket in ' + folder, lambda: os.mknod(folder + '/codeprimer-escape-socket', stat.S_IFSOCK))
attempt('truncate', lambda: os.truncate(CANARY, 0))
attempt('unlink', lambda: os.unlink(CANARY))
attempt('rename', lambda: os.rename(CANARY, CANARY + 'x'))
attempt('chmod', lambda: os.chmod(CANARY, 0o777))
attempt('chown', lambda: os.chown(CANARY, 1, 1))
attempt('utime', lambda: os.utime(CANARY, (1, 1)))
attempt('setxattr', lambda: os.setxattr(CANARY, 'user.x', b'1'))
attempt('setxattr here', lambda: os.setxattr('.', 'user.x', b'1'))
attempt('chmod here', lambda: os.chmod('.', 0o777))
attempt('rmdir here', lambda: os.rmdir(os.getcwd()))
attempt('rename here', lambda: os.rename(os.getcwd(), os.getcwd() + 'x'))
attempt('copy_file_range', lambda: os.copy_file_range(os.open(os.__file__, os.O_RDONLY), os.open(CANARY, os.O_WRONLY), 4))
attempt('fallocate', lambda: os.posix_fallocate(os.open(CANARY, os.O_RDONLY), 0, 4096))
attempt('a lease', lambda: fcntl.fcntl(os.open(CANARY, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_WRLCK))
attempt('libc', lambda: succeed(0 if libc.fopen(CANARY.encode(), b'a') else 1))
"""

_PROCESSES = """
PIDS = [VICTIM, CALLER, os.getppid(), 1]
def read(path):
    with open(path, 'rb') as file: return file.read(100)
for pid in (*PIDS, 'self', 'thread-self'):
    for name in () if pid == 0 else ('environ', 'mem', 'maps', 'cmdline', 'stat', 'auxv', 'root/etc/passwd', 'cwd/x', 'ns/net', 'task', 'status'):
        attempt(f'/proc/{pid}/{name}', lambda: read(f'/proc/{pid}/{name}'))
attempt('all of /proc', lambda: os.listdir('/proc'))
attempt('oom_score_adj', lambda: os.open('/proc/self/oom_score_adj', os.O_WRONLY))
attempt('kernel settings', lambda: os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY))
for pid in PIDS:
    if pid in (0, os.getpid()): continue
    denied(f'trace {pid}', lambda: call((101, 117), 16, pid, 0, 0))
    denied(f'seize {pid}', lambda: call((101, 117), 0x4206, pid, 0, 0))
    vector = (ctypes.c_uint64 * 2)(id(pid), 8)
    denied(f'process_vm_readv {pid}', lambda: call((310, 270), pid, vector, 1, vector, 1, 0))
    denied(f'process_vm_writev {pid}', lambda: call((311, 271), pid, vector, 1, vector, 1, 0))
    denied(f'pidfd_open {pid}', lambda: call(434, pid, 0))
    denied(f'kcmp {pid}', lambda: call((312, 272), pid, os.getpid(), 0, 0, 0))
    denied(f'prlimit {pid}', lambda: call((302, 261), pid, 7, 0, ctypes.create_string_buffer(16)))
    denied(f'setpriority {pid}', lambda: call((141, 140), 0, pid, 1))
    denied(f'sched_setaffinity {pid}', lambda: call((203, 122), pid, 8, ctypes.create_string_buffer(b'\\1' + bytes(7), 8)))
    denied(f'move_pages {pid}', lambda: call((279, 239), pid, 0, 0, 0, 0, 0))
    denied(f'ioprio_set {pid}', lambda: call((251, 30), 1, pid, 0))
denied('trace me', lambda: call((101, 117), 0, 0, 0, 0))
denied('pidfd_send_signal', lambda: call(424, 0, 9, 0, 0))
denied('pidfd_getfd', lambda: call(438, 0, 0, 0))
denied('process_madvise', lambda: call(440, 0, 0, 0, 0, 0))
"""

_SIGNALS = """
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGIO, signal.SIGCONT):
    attempt(f'kill {number}', lambda: os.kill(VICTIM, number))
    attempt(f'tkill {number}', lambda: call((200, 130), VICTIM, int(number)))
    attempt(f'tgkill {number}', lambda: call((234, 131), VICTIM, VICTIM, int(number)))
    information = ctypes.create_string_buffer(struct.pack('iii', number, 0, -1), 128)
    attempt(f'sigqueue {number}', lambda: call((129, 138), VICTIM, int(number), information))
    attempt(f'tgsigqueue {number}', lambda: call((297, 240), VICTIM, VICTIM, int(number), information))
    attempt(f'its group {number}', lambda: os.killpg(VICTIM, number))
for pid in {CALLER, os.getppid(), 1, 0, -1} - {os.getpid()}: attempt(f'kill {pid} with nothing', lambda: os.kill(pid, 0))
"""

_OWNED_SIGNALS = """
F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY = 8, 15, 10, 1024, 1026
def own(set_owner, number):
    reading, writing = os.pipe()
    for end in (reading, writing):
        try: set_owner(end)
        except OSError: pass
        try:
            fcntl.fcntl(end, F_SETSIG, number)
            fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
        except OSError: pass
    os.write(writing, b'x'); os.read(reading, 1); os.close(reading); os.close(writing)
def pair(set_owner, number):
    ours, theirs = socket.socketpair()
    try: set_owner(ours.fileno())
    except OSError: pass
    try: fcntl.fcntl(ours, F_SETSIG, number)
    except OSError: pass
    fcntl.fcntl(ours, fcntl.F_SETFL, fcntl.fcntl(ours, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    try: theirs.send(b'x')
    except OSError: os.write(theirs.fileno(), b'x')
for number in (0, signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL):
    for way in (own, pair):
        way(lambda end: fcntl.fcntl(end, F_SETOWN, VICTIM), number)
        way(lambda end: fcntl.fcntl(end, F_SETOWN, -VICTIM), number)
        for kind in (0, 1, 2): way(lambda end: fcntl.fcntl(end, F_SETOWN_EX, struct.pack('ii', kind, VICTIM)), number)
time.sleep(0.05)
"""
"""Has the kernel send the signal. Whether one came the victim says."""

_PROGRAMS = """
importlib.reload(os)
attempt('system', lambda: succeed(os.system('/bin/true')))
attempt('popen', lambda: os.popen('echo hello').read())
attempt('subprocess', lambda: subprocess.run(['/bin/true'], check=True))
attempt('posix_spawn', lambda: os.posix_spawn('/bin/true', ['true'], {}))
attempt('execv', lambda: succeed(libc.execl(b'/bin/true', b'true', None)))
attempt('fork', lambda: os._exit(3) if os.fork() == 0 else 0)
attempt('forkpty', lambda: os._exit(3) if os.forkpty()[0] == 0 else 0)
attempt('libc fork', lambda: (lambda pid: os._exit(3) if pid == 0 else succeed(pid))(libc.fork()))
attempt('libc system', lambda: succeed(libc.system(b'/bin/true')))
attempt('execveat', lambda: call((322, 281), os.open('/bin/true', os.O_PATH), b'', 0, 0, 0x1000))
attempt('fork call', lambda: call((57, None)))
attempt('vfork call', lambda: call((58, None)))
attempt('clone3 call', lambda: call(435, 0, 0), errno.ENOSYS)
for path in ('/bin/su', '/usr/bin/su', '/usr/bin/sudo', '/usr/bin/passwd', '/bin/mount', '/usr/bin/newuidmap', '/usr/bin/pkexec', '/bin/sh'):
    attempt('run ' + path, lambda: os.execv(path, [path, '--version']))
"""

_WORLD = """
NAMESPACES = {'mounts': 0x20000, 'cgroup': 0x2000000, 'uts': 0x4000000, 'ipc': 0x8000000, 'user': 0x10000000, 'pids': 0x20000000, 'net': 0x40000000, 'time': 0x80}
for name, flag in NAMESPACES.items():
    denied('unshare ' + name, lambda: call((272, 97), flag))
    if flag > 0xFF: denied('clone ' + name, lambda: call((56, 220), flag | 17, 0, 0, 0, 0))
    if flag > 0xFF: attempt('clone a thread with ' + name, lambda: call((56, 220), flag | 0x10000 | 0x100 | 0x800, 0, 0, 0, 0))
    denied('setns ' + name, lambda: call((308, 268), here, flag))
here = 0
denied('mount', lambda: call((165, 40), b'none', b'/', b'tmpfs', 0, 0))
denied('bind', lambda: call((165, 40), b'/', b'/tmp', 0, 4096, 0))
denied('umount', lambda: call((166, 39), b'/', 2))
denied('pivot_root', lambda: call((155, 41), b'/', b'/'))
denied('chroot', lambda: call((161, 51), b'/'))
denied('mount_setattr', lambda: call(442, -100, b'/', 0, 0, 0))
denied('move_mount', lambda: call(429, -100, b'/', -100, b'/', 0))
denied('fsopen', lambda: call(430, b'tmpfs', 0))
denied('fspick', lambda: call(433, -100, b'/', 0))
denied('sethostname', lambda: call((170, 161), b'x', 1))
denied('setdomainname', lambda: call((171, 162), b'x', 1))
for name, action in (('setuid', lambda: os.setuid(0)), ('setgid', lambda: os.setgid(0)), ('setgroups', lambda: os.setgroups([])),
                     ('setresuid', lambda: os.setresuid(0, 0, 0)), ('setfsuid', lambda: call((122, 151), 0))): denied(name, action)
denied('capset', lambda: call((126, 91), ctypes.create_string_buffer(struct.pack('Ii', 0x20080522, 0), 8), ctypes.create_string_buffer(24)))
for option in (1, 4, 8, 22, 24, 28, 35, 36, 38, 0x59616d61): denied(f'prctl {option}', lambda: call((157, 167), option, 1, 0, 0, 0))
denied('setsid', lambda: os.setsid())
denied('setpgid', lambda: os.setpgid(0, 0))
denied('landlock of its own', lambda: call(446, 0, 0))
denied('seccomp of its own', lambda: call((317, 277), 1, 0, 0))
denied('nice', lambda: os.nice(1))
"""

_KERNEL = """
CALLS = {
    'io_uring_setup': 425, 'io_uring_enter': 426, 'io_uring_register': 427, 'bpf': (321, 280), 'perf_event_open': (298, 241),
    'keyctl': (250, 219), 'add_key': (248, 217), 'request_key': (249, 218), 'userfaultfd': (323, 282), 'memfd_create': (319, 279),
    'memfd_secret': 447, 'kexec_load': (246, 104), 'kexec_file_load': (320, 294), 'init_module': (175, 105),
    'finit_module': (313, 273), 'delete_module': (176, 106), 'reboot': (169, 142), 'swapon': (167, 224), 'acct': (163, 89),
    'syslog': (103, 116), 'quotactl': (179, 60), 'iopl': (172, None), 'ioperm': (173, None), 'modify_ldt': (154, None),
    'personality': (135, 92), 'settimeofday': (164, 170), 'clock_settime': (227, 112), 'clock_adjtime': (305, 266),
    'adjtimex': (159, 171), 'shmget': (29, 194), 'shmat': (30, 196), 'semget': (64, 190), 'msgget': (68, 186),
    'mq_open': (240, 180), 'timer_create': (222, 107), 'vhangup': (153, 58), 'splice': (275, 76), 'tee': (276, 77),
    'vmsplice': (278, 75), 'io_setup': (206, 0), 'lookup_dcookie': (212, 18), 'mbind': (237, 235), 'set_mempolicy': (238, 237),
    'migrate_pages': (256, 238), 'pkey_alloc': (330, 289), 'listmount': 458, 'statmount': 457, 'futex_waitv': 449,
    'rt_tgsigqueueinfo': (297, 240), 'sysfs': (139, None), 'uselib': (134, None), 'nfsservctl': (180, 42), 'signalfd4': (289, 74),
    'sched_setattr': (314, 274), 'sched_setscheduler': (144, 119), 'setrlimit': (160, 164), 'remap_file_pages': (216, 234),
}
for name, number in CALLS.items(): denied(name, lambda: call(number, -1, -1, -1, -1, -1, -1))
"""

_DEVICES = """
for name in ('mem', 'kmem', 'port', 'kmsg', 'tty', 'tty0', 'console', 'ptmx', 'pts/0', 'vda', 'sda', 'nvme0n1', 'loop0', 'loop-control', 'fuse', 'kvm', 'net/tun', 'vhost-net', 'uinput', 'userfaultfd', 'snd/seq', 'dri/card0', 'nvidia0', 'cuse', 'mapper/control', 'full'):
    attempt(name, lambda: os.open('/dev/' + name, os.O_RDWR))
    attempt(name + ' to read', lambda: os.open('/dev/' + name, os.O_RDONLY))
for name, device in (('null', 0x103), ('mem', 0x101), ('disk', 0xFE00)): attempt('a device ' + name, lambda: os.mknod('device', stat.S_IFCHR | 0o600, device))
for number in range(8):
    for name, request in (('TIOCSTI', 0x5412), ('TIOCSCTTY', 0x540E), ('TIOCLINUX', 0x541C), ('FIOASYNC', 0x5452), ('TIOCCONS', 0x541D), ('SIOCGIFCONF', 0x8912), ('FICLONE', 0x40049409), ('FS_IOC_SETFLAGS', 0x40086602)):
        denied(f'{name} {number}', lambda: fcntl.ioctl(os.dup(0) if number == 7 else number, request, bytes(64))) if number < 3 else None
"""

_ENVIRONMENT = """
NEEDLE = b'the-secret-of-' + b'the-caller'
def variables():
    pointer = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')
    place = 0
    while pointer and pointer[place]:
        yield pointer[place]; place += 1
libc.getenv.restype = ctypes.c_char_p
if libc.getenv(b'CODEPRIMER_TEST_' + b'SECRET'): managed.append('getenv')
if dict(os.environ): managed.append(f'environ {list(os.environ)}')
managed += [f'libc {variable}' for variable in variables() if not variable.startswith((b'PYTHONHASHSEED=', b'LC_CTYPE='))]
stack = ctypes.cast(ctypes.c_void_p.in_dll(libc, '__libc_argv').value or 0, ctypes.POINTER(ctypes.c_char_p)) if hasattr(libc, '__libc_argv') else None
for each in sys.orig_argv + sys.argv:
    if NEEDLE.decode() in each: managed.append('arguments')
import gc
for each in gc.get_objects():
    for part in gc.get_referents(each):
        if type(part) in (str, bytes) and NEEDLE in (part.encode('utf-8', 'replace') if type(part) is str else part) and part != NEEDLE: managed.append('memory')
managed[:] = sorted(set(managed))
"""

FAMILIES = {
    "network": _NETWORK,
    "reading": _READING,
    "writing": _WRITING,
    "processes": _PROCESSES,
    "signals": _SIGNALS,
    "signals that the kernel sends": _OWNED_SIGNALS,
    "other programs": _PROGRAMS,
    "another world": _WORLD,
    "the kernel": _KERNEL,
    "devices": _DEVICES,
    "environment": _ENVIRONMENT,
}

HARMLESS = ("network", "reading", "signals")
"""Families that may be tried where nothing forbids them, to see that the attempts are good ones."""


def programs(outside: Outside, families: tuple[str, ...] = tuple(FAMILIES)) -> list[Hostile]:
    """Return the programs that must end in the answer that nothing was managed."""
    return hostile(
        "passed", {name: FAMILIES[name] for name in families}, NOTHING, preamble=outside.preamble + "here = 0\n"
    )


_MACHINE_CODE = """
import ctypes, mmap
def run(code):
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(bytes.fromhex(code))
    return ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
"""

FOREIGN_CALLS = {
    "int 0x80 getpid": "run('b814000000cd80c3')",
    "int 0x80 open": "run('b805000000cd80c3')",
    "int 0x80 fork": "run('b802000000cd80c3')",
    "x32 getpid": "run('b8270000400f05c3')",
    "x32 fork": "run('b8390000400f05c3')",
    "x32 through libc": "ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39))",
    "a number beyond all tables": "ctypes.CDLL(None).syscall(ctypes.c_long(0x7fffffff))",
}
"""Calls under the numbers of another architecture, on x86_64."""

HAS_FOREIGN_CALLS = sys.platform == "linux" and system.MACHINE == "x86_64"


def foreign_calls() -> list[Hostile]:
    """Return programs that the kernel ends."""
    return hostile("killed", FOREIGN_CALLS, preamble=_MACHINE_CODE)
