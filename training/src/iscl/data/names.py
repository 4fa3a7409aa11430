"""Names of files as text that can be written and printed.

A name is bytes; one that is not UTF-8 comes from the system with lone surrogates in it, which no file and no terminal takes.
"""

from __future__ import annotations

import hashlib
import re

_LONGEST = 200
"""Of a name made here, in bytes: file systems end at 255, and an ending is added."""
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\udc80-\udcff]")
_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4})")


def escaped(name: str) -> str:
    r"""Bytes that are no UTF-8 as \xfc, control characters as \u000a, a backslash doubled; everything else as it is."""
    return _UNSAFE.sub(_escape, name)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\\":
        return "\\\\"
    return f"\\x{code & 0xFF:02x}" if code >= 0xDC80 else f"\\u{code:04x}"


def unescaped(text: str) -> str:
    """The name that `escaped` gave the text for."""
    return _ESCAPE.sub(_unescape, text)


def _unescape(found: re.Match[str]) -> str:
    if found[1] == "\\":
        return "\\"
    code = int(found[1][1:], 16)
    return chr(code if found[1][0] == "u" else 0xDC00 + code)


def file_name(path: str) -> str:
    """A path as the name of one file: printable, of bounded length, another for another path."""
    name = escaped(path.replace("/", "__")).replace("\\", "%")
    if len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name.encode()[: _LONGEST - 17].decode(errors='ignore')}-{digest}"
