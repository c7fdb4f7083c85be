"""Classifies imports: does a name come with Python, and does its module compute or interact with the system?"""

from __future__ import annotations

import sys
from typing import Literal

Origin = Literal["local", "builtin", "plain", "plumbing", "foreign"]
"""Where a name comes from: the module itself, the built-ins, a standard module that computes, a standard module that
interacts with the system, or code outside the standard library."""

_PLUMBING_NAMES = """
_thread _winapi abc argparse ast asyncio atexit builtins cmd code codecs codeop concurrent configparser contextvars
copyreg ctypes curses dis distutils email encodings ensurepip faulthandler fcntl ftplib gc getopt getpass gettext
grp http imaplib imp importlib inspect linecache locale logging mailbox marshal mimetypes mmap msilib msvcrt
multiprocessing netrc nntplib nt ntpath optparse os pathlib pdb pickle pickletools pkgutil platform poplib posix
posixpath profile pty pwd pyclbr pydoc readline resource rlcompleter runpy sched select selectors shelve shutil
signal site smtplib socket socketserver sqlite3 ssl stat subprocess symtable sys sysconfig syslog tarfile telnetlib
tempfile termios threading tkinter token tokenize trace traceback tracemalloc tty types typing unittest urllib venv
warnings weakref webbrowser winreg winsound wsgiref xml xmlrpc zipapp zipfile zipimport
"""
PLUMBING = frozenset(_PLUMBING_NAMES.split())
"""Standard modules that configure, introspect or interact with the system instead of computing."""

_SYSTEM_NAMES = """
_thread _winapi argparse asynchat asyncio asyncore concurrent ctypes curses dbm distutils email ensurepip fcntl
ftplib gettext grp http idlelib imaplib imp importlib lib2to3 locale logging mailbox marshal mmap msilib msvcrt
multiprocessing nntplib nt optparse pdb pip platform poplib posix pty pwd readline resource select selectors
setuptools signal smtplib socket socketserver sqlite3 ssl subprocess sysconfig syslog tarfile telnetlib tempfile
termios threading tkinter tty unittest urllib venv webbrowser winreg winsound wsgiref xmlrpc zipfile zipimport
"""
SYSTEM = frozenset(_SYSTEM_NAMES.split())
"""Modules whose import alone shows that a file is about the system, a network, a user interface or packaging."""

_NEUTRAL = frozenset(("__future__", "abc", "collections.abc", "types", "typing", "warnings"))
"""Modules that say nothing about a file's topic, such as the modules for annotations."""


def origin_of(module: str) -> Origin:
    """Return the origin of a module's names; neutral modules are treated as local."""
    if module in _NEUTRAL:
        return "local"
    top = module.split(".")[0]
    if top in PLUMBING:
        return "plumbing"
    return "plain" if top in sys.stdlib_module_names else "foreign"


def is_about_system(module: str) -> bool:
    """Return whether importing a module shows that a file is not about computing."""
    return module.split(".")[0] in SYSTEM
