"""Files that are there whole or not at all."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from iscl.whole_file import whole_file


def write_often(task: tuple[Path, str]) -> None:
    path, text = task
    for _ in range(200):
        with whole_file(path) as partial:
            partial.write_text(text * 1000)


def test_two_processes_may_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(write_often, [(path, "a"), (path, "b")]))
    assert path.read_text() in ("a" * 1000, "b" * 1000)
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    path.write_text("before")
    with pytest.raises(OSError, match="full"), whole_file(path) as partial:
        partial.write_text("half")
        raise OSError("the disk is full")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
