from pathlib import Path

import pytest

from convalias.adapters.embedded import UnusableDirectoryError, folder

LINE = "36 35 98:0 / {point} rw,noatime shared:1 - {kind} /dev/root rw,errors=continue\n"


def mounts(path: Path, **kinds: str) -> Path:
    file = path / "mountinfo"
    file.write_text(
        LINE.format(point="/", kind="ext4")
        + "".join(LINE.format(point=path / name, kind=kind) for name, kind in kinds.items())
    )
    return file


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnusableDirectoryError, match=rf"network file system \({kind}\); use a folder on a local disk"):
        folder.make(tmp_path / "far" / "data", mounts=mounts(tmp_path, far=kind))


def test_a_local_folder_beside_a_network_one_is_taken(tmp_path: Path) -> None:
    folder.make(tmp_path / "farm", mounts=mounts(tmp_path, far="nfs"))
    assert (tmp_path / "farm").is_dir()


def test_the_last_mount_on_a_point_counts(tmp_path: Path) -> None:
    file = mounts(tmp_path, far="nfs")
    file.write_text(file.read_text() + LINE.format(point=tmp_path / "far", kind="xfs"))
    assert folder.file_system(tmp_path / "far", mounts=file) == "xfs"


def test_where_mounts_cannot_be_read_a_folder_is_taken(tmp_path: Path) -> None:
    folder.make(tmp_path / "data", mounts=tmp_path / "absent")
    assert folder.file_system(tmp_path / "data", mounts=tmp_path / "absent") is None


def test_spaces_in_mount_points_are_read(tmp_path: Path) -> None:
    (tmp_path / "my disk").mkdir()
    file = tmp_path / "mountinfo"
    file.write_text(LINE.format(point=str(tmp_path / "my disk").replace(" ", r"\040"), kind="smb3"))
    assert folder.file_system(tmp_path / "my disk" / "data", mounts=file) == "smb3"
