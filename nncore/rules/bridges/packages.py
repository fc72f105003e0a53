"""Packages and modules of optimizers: importing one, or saying what to install; its version."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from functools import cache
from importlib import metadata
from types import ModuleType

from nncore.imports import module_sources
from nncore.registry import RefusedError, forget_changed

# How to get a package that is missing; others have the name of their module.
INSTALL = {
    "torch": "pip install torch (https://pytorch.org has builds for the processor alone)",
    "optax": "pip install optax",
}
KNOWN = ("torch", "optax", "pytorch_optimizer")
EXAMPLES = ("torch.optim:NAdam", "optax:adabelief", "pytorch_optimizer:Lion")
# What else decides a package's numbers.
BELOW = {"optax": ("jax", "jaxlib")}
# One thread, and the processor: read when JAX is imported.
ENVIRONMENT = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu"}


def is_found(rule: str) -> bool:
    """Whether `rule` may be looked for where a results folder names it.

    That is, without importing whatever module it says: none of another package, or one of a few.
    """
    return ":" not in rule or rule.partition(":")[0].partition(".")[0] in KNOWN


def is_package(name: str) -> bool:
    """Whether `name` is that of a module that Python finds, or one of those one may install."""
    top = name.partition(".")[0]
    if not all(part.isidentifier() for part in name.split(".")) or top in sys.stdlib_module_names:
        return False
    return "." in name or top in INSTALL or importlib.util.find_spec(top) is not None


def imported(name: str, module: str) -> ModuleType:
    """The module of the rule `name`; raises RefusedError that says what to install or what failed.

    Its warnings are not ours to show.
    """
    if not module or not all(part.isidentifier() for part in module.split(".")):
        raise RefusedError(
            f'there is no rule "{name}"; an optimizer of another package is written '
            f'"module:name", as {", ".join(EXAMPLES)}'
        )
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    top = module.partition(".")[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(top)
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == top and error.name == top:
            how = INSTALL.get(top, f"pip install {top}")
            raise RefusedError(f"{name} needs {top}, which is not installed: {how}") from None
        what = f"there is no module {error.name}"
        if missing in INSTALL and missing != top:
            what = f"{top} needs {missing}, which is not installed: {INSTALL[missing]}"
        raise RefusedError(f"{name}: {what}") from None
    except Exception as error:
        raise RefusedError(
            f"{name}: importing {module} failed ({type(error).__name__}: {error})"
        ) from None


def renewed(module: str) -> bool:
    """Whether a module of the user's has changed since it was imported; then it will be again."""
    try:
        return forget_changed(module_sources(module))
    except OSError:  # it is not there any more
        return True


def version(module: str) -> str:
    """What tells a package's numbers from another version's: "torch 2.13.0+cpu".

    Of a module of the user's, the SHA-256 of its sources and of those it imports.
    """
    own = module_sources(module)
    if own.contents:
        return f"{module} {own.digest}"
    top = module.partition(".")[0]
    return ", ".join(_told(name) for name in (top, *BELOW.get(top, ())))


def versions(module: str, base: str) -> str:
    """The version of an optimizer's module, and of the package `base` that it is built on."""
    return ", ".join(dict.fromkeys([version(module), version(base)]))


@cache
def _told(top: str) -> str:
    """A package as its distribution calls itself, else by its module's name alone."""
    distributions = metadata.packages_distributions().get(top, [top])
    try:
        return ", ".join(
            f"{name} {metadata.version(name)}" for name in dict.fromkeys(distributions)
        )
    except metadata.PackageNotFoundError:
        return top
