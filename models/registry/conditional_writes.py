"""What keeps two people from overwriting each other's changes: each kind of store has its own way to say `only if`."""

from typing import Any, Protocol

S3 = ("s3://", "s3a://")
GCS = ("gs://", "gcs://")


class ConditionalWrites(Protocol):
    """A tag stands for one state of one file. `files` is the file system of fsspec that knows the store."""

    no_tag: str  # that of no state of any file

    def read(self, files: Any, url: str) -> tuple[bytes, str]:
        """A file's content, and a tag that is not newer."""

    def replace(self, files: Any, url: str, content: bytes, tag: str) -> None:
        """Writes over the state of this tag. Raises what the store answers when there is another one by now."""


class EntityTags:
    """S3: the entity tag, in If-Match."""

    no_tag = '"never"'

    def read(self, files: Any, url: str) -> tuple[bytes, str]:
        with files.open(url, "rb") as stream:
            return stream.read(), stream.details["ETag"]

    def replace(self, files: Any, url: str, content: bytes, tag: str) -> None:
        files.pipe_file(url, content, IfMatch=tag)


class Generations:
    """Google Cloud Storage: the generation, in ifGenerationMatch, which gcsfs itself sets for new files only."""

    no_tag = "1"

    def read(self, files: Any, url: str) -> tuple[bytes, str]:
        files.invalidate_cache()
        # The generation first: where the content is a newer one's, the write is refused.
        generation = str(files.info(url)["generation"])
        return files.cat_file(url), generation

    def replace(self, files: Any, url: str, content: bytes, tag: str) -> None:
        bucket, name, _ = files.split_path(url)
        uploads = f"{files.base.replace('/storage/v1/', '/upload/storage/v1/')}b/{{}}/o"
        try:
            files.call("POST", uploads, bucket, uploadType="media", name=name, ifGenerationMatch=tag, data=content)
        except FileExistsError:
            # Where an answer is lost, gcsfs asks again, and what it finds is its own write.
            if files.cat_file(url) != content:
                raise


def conditional_writes(store: str) -> ConditionalWrites | None:
    """The way of the store at a URL; None where none is known."""
    if store.startswith(S3):
        return EntityTags()
    return Generations() if store.startswith(GCS) else None
