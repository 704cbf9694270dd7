"""Self-contained HTML pages: pictures and style inside, no script, and nothing that an address points to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trainer.errors import BadData
from trainer.reports import formatting

PAGE_FILE = "index.html"


def write_page(directory: Path, template: str, files: Mapping[str, bytes], **values: Any) -> Path:
    """Writes PAGE_FILE from one of this package's templates, and the files beside it by their names.

    Every text that the template shows is escaped. Raises BadData when the directory cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(formatting, name) for name in ("count", "duration", "interval", "share", "size")
    }
    page = environment.get_template(template).render(values)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (directory / name).write_bytes(content)
        (directory / PAGE_FILE).write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        raise BadData(f"Cannot write a page in {directory}: {error.strerror}.") from error
    return directory / PAGE_FILE
