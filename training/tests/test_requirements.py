"""A package that the code imports is one that `pip install` brings.

A developer's environment holds more than the project asks for, so a missing line in `pyproject.toml` shows on a bare machine alone.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

TRAINING = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((TRAINING / "pyproject.toml").read_text())


def normalised(name: str) -> str:
    """The name of a distribution as PyPI compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    project = PROJECT["project"]
    requirements = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {normalised(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in requirements}


def imported(folder: Path) -> set[str]:
    """The top-level modules that the files of `folder` import, without the standard library and without the files themselves."""
    modules: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.split(".")[0])
    own = {"iscl", *(file.stem for file in folder.rglob("*.py"))}
    return {module for module in modules - own if module not in sys.stdlib_module_names}


def undeclared(modules: set[str], names: set[str]) -> set[str]:
    distributions = importlib.metadata.packages_distributions()
    # A module that is not installed counts under its own name: an extra that is not installed here still has to be declared.
    return {module for module in modules if not {normalised(name) for name in distributions.get(module, [module])} & names}


def test_the_package_declares_what_it_imports() -> None:
    assert undeclared(imported(TRAINING / "src"), declared("evaluate", "bm3d")) == set()


def test_the_tests_declare_what_they_import() -> None:
    assert undeclared(imported(TRAINING / "tests"), declared("test")) == set()


def test_the_plugins_of_the_type_checker_are_declared() -> None:
    plugins = {plugin.split(".")[0] for plugin in PROJECT["tool"]["mypy"]["plugins"]}
    assert undeclared(plugins, declared("test")) == set()
