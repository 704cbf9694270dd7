"""Self-contained HTML pages: pictures and style inside, no script, and nothing that an address points to."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trainer import units
from trainer.errors import BadData
from trainer.pictures import Picture

PAGE_FILE = "index.html"


def write_page(directory: Path, template: str, pictures: list[Picture], **values: Any) -> Path:
    """Writes PAGE_FILE from one of this package's templates, and each picture beside it as NAME.png (the light one).

    Everything that a template shows is escaped. Raises BadData when the directory cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"share": units.share, "count": units.count, "interval": units.interval}
    by_name = {picture.name: picture for picture in pictures}
    page = environment.get_template(template).render(pictures=by_name, **values)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            (directory / f"{picture.name}.png").write_bytes(picture.light)
        (directory / PAGE_FILE).write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        raise BadData(f"Cannot write a page in {directory}: {error.strerror}.") from error
    return directory / PAGE_FILE
