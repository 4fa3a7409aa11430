"""Names of files as text that can be written and printed.

A name is bytes. Python represents bytes that are not UTF-8 as lone surrogates, which neither a text file nor a terminal accepts.
"""

from __future__ import annotations

import hashlib
import re

_LONGEST = 200
"""Of a name made here, in bytes: file systems end at 255, and an ending is added."""
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\udc80-\udcff]")
_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4})")


def escaped(name: str) -> str:
    r"""Writes bytes that are not UTF-8 as \xfc and control characters as \u000a, and doubles a backslash; other text stays."""
    return _UNSAFE.sub(_escape, name)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\\":
        return "\\\\"
    return f"\\x{code & 0xFF:02x}" if code >= 0xDC80 else f"\\u{code:04x}"


def unescaped(text: str) -> str:
    """The inverse of `escaped`."""
    return _ESCAPE.sub(_unescape, text)


def _unescape(found: re.Match[str]) -> str:
    if found[1] == "\\":
        return "\\"
    code = int(found[1][1:], 16)
    return chr(code if found[1][0] == "u" else 0xDC00 + code)


def file_name(path: str) -> str:
    """A file name for a path: printable, of bounded length, different for each path."""
    name = escaped(path.replace("/", "__")).replace("\\", "%")
    if len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name.encode()[: _LONGEST - 17].decode(errors='ignore')}-{digest}"
