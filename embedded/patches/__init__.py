"""What the emulator lacks for this project, mended in one place: one module a service, each patch with its reason.

The patches reach into ministack's internals, so they are written against one pinned version and fail loudly, naming the
missing part, when it is another. Every patch has a contract test in `tests/contract/emulator/` that says what AWS does.
"""

from importlib.metadata import version

from embedded.patches.base import PINNED, EmulatorChanged

__all__ = ["PINNED", "EmulatorChanged", "check_version"]


def check_version() -> None:
    """Raises EmulatorChanged unless ministack is the version the patches were written for."""
    installed = version("ministack")
    if installed != PINNED:
        raise EmulatorChanged(
            f"ministack {installed} is installed; the patches are for {PINNED}: pin it, or read them anew"
        )
