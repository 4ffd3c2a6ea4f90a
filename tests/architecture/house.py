"""The checkout in, lists of its files out: what every architecture test looks at."""

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("shared", "services")
CORE = ("shared/domain", "shared/engine", "shared/errors.py", "shared/indicators", "shared/strategies")
_NEVER_TRACKED = {".venv", ".git", "__pycache__", "build", "dist", "var"}


def modules(*folders: str, root: Path = ROOT) -> list[Path]:
    """Python files with content below the named folders (or the files named), relative to `root`, sorted."""
    found: list[Path] = []
    for folder in folders:
        home = root / folder
        found += [home] if home.is_file() else home.rglob("*.py")
    return sorted(path.relative_to(root) for path in found if path.stat().st_size)


def parse(path: Path, root: Path = ROOT) -> ast.Module:
    """Syntax tree of a file of the house."""
    return ast.parse((root / path).read_text(encoding="utf-8"), filename=str(path))


def texts(root: Path = ROOT) -> dict[Path, str]:
    """Every text file that is, or is about to be, under version control; without git, every file not known as waste."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the developer's git
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        paths = [path for path in paths if not _NEVER_TRACKED & set(path.parts) and ".egg-info" not in str(path)]
    found: dict[Path, str] = {}
    for path in sorted(paths):
        try:
            found[path] = (root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture or archive; or a file that was deleted and not yet committed
    return found


def plant(root: Path, files: dict[str, str]) -> Path:
    """Write a small house of samples below `root`, to show that a check can fail; returns `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
