"""Where things lie: assets and sample data of the package, the user's workspace and cache.

The only module that knows. In a checkout `assets/` and `sample_data/` stand beside the package;
in an installed wheel they are packed inside it.
"""

from __future__ import annotations

from pathlib import Path

from ascend_console.core.errors import ToolFailed

_PACKAGE = Path(__file__).resolve().parents[1]


def _shipped(name: str) -> Path:
    for root in (_PACKAGE, _PACKAGE.parent):
        if (root / name).is_dir():
            return root / name
    raise ToolFailed(
        "package.incomplete",
        "the installation lacks its folder {name}",
        hint="Install ascend-console again.",
        name=name,
    )


def assets() -> Path:
    """The folder of documentation pages, reference tables and translations."""
    return _shipped("assets")


def sample_data() -> Path:
    """The folder of the rendered sample images and their labels."""
    return _shipped("sample_data")


def default_workspace() -> Path:
    """The platform's folder for user data, where runs are kept unless another one is named."""
    from platformdirs import user_data_path

    return user_data_path("ascend-console")


def default_config() -> Path:
    """The platform's place for the settings file."""
    from platformdirs import user_config_path

    return user_config_path("ascend-console") / "config.toml"


def default_lock_dir() -> Path:
    """The user's folder for what lasts as long as the machine runs: the device locks."""
    import warnings

    from platformdirs import user_runtime_path

    with warnings.catch_warnings():
        # Without a login session there is no such folder, and a temporary one serves as well.
        warnings.simplefilter("ignore")
        return user_runtime_path("ascend-console")


def runs_folder(workspace: Path) -> Path:
    """The folder whose sub-folders are the runs."""
    return workspace / "runs"


def checkpoints_folder(workspace: Path) -> Path:
    """The folder of the checkpoints that were fetched, each under its published name."""
    return workspace / "checkpoints"


def cache_folder(workspace: Path) -> Path:
    """The folder of what can be made again: sample weights and artefacts, by content."""
    return workspace / "cache"
