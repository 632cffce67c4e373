"""Functions on their way to workers: their large arrays go as files that all workers of a machine share."""

import hashlib
import io
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow.fs as fs
from numpy.typing import NDArray

LARGE_BYTES = 64 << 10


def pack(function: Callable[..., Any], folder: str) -> bytes:
    """Return a function as bytes; its large arrays are written to ``folder``, a path or URL that workers can read."""
    buffer = io.BytesIO()
    Packer(buffer, folder).dump(function)
    return buffer.getvalue()


def unpack(package: bytes) -> Callable[..., Any]:
    """Return the function that `pack` made bytes of; its large arrays are read when they are used."""
    return Unpacker(io.BytesIO(package)).load()


class Packer(pickle.Pickler):
    """Pickles all but large arrays, which it writes to files."""

    def __init__(self, buffer: io.BytesIO, folder: str) -> None:
        super().__init__(buffer, protocol=5)
        self.folder = folder

    def persistent_id(self, item: Any) -> str | None:
        """Return the file of a large array, None for anything else."""
        if type(item) is not np.ndarray or item.nbytes < LARGE_BYTES or item.dtype.hasobject:
            return None
        array = np.ascontiguousarray(item)
        digest = hashlib.blake2b(f"{array.dtype} {array.shape}".encode(), digest_size=16)
        digest.update(array.data)
        url = f"{self.folder}/{digest.hexdigest()}.npy"
        system, path = locate(url)
        if system.get_file_info(path).type == fs.FileType.NotFound:
            system.create_dir(path.rpartition("/")[0], recursive=True)
            with system.open_output_stream(path) as file:
                np.save(file, array)
        return url


class Unpacker(pickle.Unpickler):
    """Reads what `Packer` wrote."""

    def persistent_load(self, url: str) -> NDArray[Any]:
        """Return the array in a file, mapped into memory."""
        system, path = locate(url)
        if not isinstance(system, fs.LocalFileSystem):
            path = fetched(system, path)
        return np.load(path, mmap_mode="r")


def locate(url: str) -> tuple[fs.FileSystem, str]:
    """Return the file system and the path in it of a path or URL."""
    if urlsplit(url).scheme in ("", "file"):
        return fs.LocalFileSystem(), url.removeprefix("file://")
    system, path = fs.FileSystem.from_uri(url.replace("s3a://", "s3://", 1))
    return system, path


def fetched(system: fs.FileSystem, path: str) -> str:
    """Return the path of a copy of a file on this machine; its name, a hash, says whether it is there already."""
    copy = Path(tempfile.gettempdir()) / f"cinecluster-{Path(path).name}"
    if not copy.exists():
        with tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as part, system.open_input_stream(path) as file:
            while block := file.read(16 << 20):
                part.write(block)
        Path(part.name).replace(copy)
    return str(copy)
