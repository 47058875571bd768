"""A shard is read record by record, and breaks off by name."""

import gzip
import io
import shutil
import subprocess
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_example_gen.judging import reasons
from components.pair_example_gen.readers.tar_reader import MAX_MEMBER_BYTES, Record, read_records

BLOCK = 512
END = bytes(2 * BLOCK)


def read(content: bytes) -> list[Record]:
    return list(read_records(io.BytesIO(content)))


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.USTAR_FORMAT)


def test_consecutive_members_of_a_key_are_one_record(make_tar):
    shard = make_tar([("0.jpg", b"j"), ("0.TXT", b"t"), ("sub/0.jpg", b"k"), ("1.seg.png", b"s"), ("1.json", b"{}")])
    assert read(shard) == [
        Record("0", {"jpg": b"j", "txt": b"t"}),
        Record("sub/0", {"jpg": b"k"}),
        Record("1", {"seg.png": b"s", "json": b"{}"}),
    ]


def test_a_key_that_comes_twice_makes_two_records(make_tar):
    shard = make_tar([("0.jpg", b"a"), ("0.txt", b"b"), ("0.jpg", b"a"), ("0.txt", b"b")])
    assert read(shard) == [Record("0", {"jpg": b"a", "txt": b"b"})] * 2


def test_files_without_a_key_are_counted_and_folders_are_passed_over():
    shard = header("folder.jpg/", 0, tarfile.DIRTYPE) + header("0.jpg", 0) + header("README", 0)
    shard += header("./.hidden.jpg", 0) + header("0.txt", 0) + END
    found = read(shard)
    assert [(record.key, record.flaw) for record in found[:-1]] == [
        ("README", reasons.UNUSED_MEMBER),
        ("./.hidden.jpg", reasons.UNUSED_MEMBER),
    ]
    assert found[-1] == Record("0", {"jpg": b"", "txt": b""})


def linked(name: str, target: str, kind: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, 7  # some archivers state the target's size
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_a_link_flaws_its_record(kind):
    link, sound = read(linked("1.jpg", "0.jpg", kind) + header("1.txt", 0) + header("2.jpg", 0) + END)
    assert (link.key, link.flaw, "a link to '0.jpg'" in link.detail) == ("1", reasons.SPECIAL_MEMBER, True)
    assert sound == Record("2", {"jpg": b""})


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs GNU tar")
@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_sparse_files_are_counted_and_those_behind_are_read(tmp_path, form):
    with (tmp_path / "0.jpg").open("wb") as file:
        for hole in range(40):  # more than one header holds
            file.seek(hole * 65536)
            file.write(b"x")
    (tmp_path / "1.jpg").write_bytes(b"y")
    command = ["tar", "--sparse", f"--format={form}", "-cf", "s.tar", "0.jpg", "1.jpg"]
    subprocess.run(command, cwd=tmp_path, check=True)
    sparse, sound = read((tmp_path / "s.tar").read_bytes())
    assert (sparse.key, sparse.flaw) == ("0", reasons.SPECIAL_MEMBER)
    assert sound == Record("1", {"jpg": b"y"})


def test_shards_that_were_joined_are_read_to_the_end(make_tar):
    first, second = (make_tar([(f"{key}.jpg", b"x"), (f"{key}.txt", b"y")]) for key in "01")
    assert read(first + second) == [Record(key, {"jpg": b"x", "txt": b"y"}) for key in "01"]
    assert [record.flaw for record in read(first + second[: 4 * BLOCK])] == ["", "", reasons.SHARD_WITHOUT_END]


@pytest.mark.parametrize(("behind", "size"), [(b"?" * 700, 700), (b"?" * 9, 9)])
def test_what_is_no_tar_behind_the_end_is_counted(make_tar, behind, size):
    whole, lost = read(make_tar([("0.jpg", b"x")]) + behind)
    assert (whole.flaw, lost.flaw) == ("", reasons.DATA_BEHIND_END)
    assert f"{size} bytes behind the end" in lost.detail


def test_an_image_with_a_text_of_its_own_name_is_a_record(make_tar):
    names = ["IMG_1.edited.jpg", "IMG_1.edited.txt", "IMG_1.jpg", "IMG_1.txt"]
    edited, plain = read(make_tar([(name, name.encode()) for name in names]))
    assert edited == Record("IMG_1.edited", {"jpg": b"IMG_1.edited.jpg", "txt": b"IMG_1.edited.txt"})
    assert plain == Record("IMG_1", {"jpg": b"IMG_1.jpg", "txt": b"IMG_1.txt"})


def grouped(names: list[str]) -> list[tuple[str, list[str]]]:
    """The slow oracle: (key, what follows it) of each record of members with these names, sorted."""
    groups: list[tuple[str, list[str]]] = []
    for name in names:
        key, _, rest = name.partition(".")
        if not groups or groups[-1][0] != key or rest.lower() in map(str.lower, groups[-1][1]):
            groups.append((key, []))
        groups[-1][1].append(rest)
    found = []
    for key, members in groups:
        for stem in {member[: member.rfind(".") + 1] for member in members} - {""}:
            own = {member for member in members if member[: member.rfind(".") + 1] == stem}
            extensions = {member[len(stem) :].lower() for member in own}
            if extensions & {"jpg", "png"} and extensions & {"txt", "json"}:
                found.append((f"{key}.{stem[:-1]}", extensions))
                members = [member for member in members if member not in own]
        if members:
            found.append((key, {member.lower() for member in members}))
    return sorted((key, sorted(members)) for key, members in found)


member_names = st.builds(
    "".join,
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["", ".seg", ".x.y", "."]),
        st.sampled_from([".jpg", ".PNG", ".txt", ".json", ".cls"]),
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(member_names, max_size=10))
def test_records_are_those_of_the_oracle(make_tar, names):
    found = read(make_tar([(name, name.encode()) for name in names]))
    assert sorted((record.key, sorted(record.members)) for record in found) == grouped(names)
    contents = [content for record in found for content in record.members.values()]
    assert sorted(contents) == sorted(name.encode() for name in names)  # none is lost, none comes twice


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_and_odd_names_survive(make_tar, form):
    name = "../" * 40 + "žluťoučký kůň" * 9
    assert read(make_tar([(f"{name}.jpg", b"j"), ("1.jpg", b"k")], format=form)) == [
        Record(name, {"jpg": b"j"}),
        Record("1", {"jpg": b"k"}),
    ]


def test_a_member_that_ends_early_flaws_its_record_and_no_other(make_tar):
    shard = make_tar([("0.jpg", b"a" * 600), ("1.json", b"{}"), ("1.jpg", b"b" * 600)])
    whole, broken = read(shard[: 5 * BLOCK + BLOCK + 100])
    assert whole == Record("0", {"jpg": b"a" * 600})
    assert (broken.key, broken.flaw) == ("1", reasons.TRUNCATED_MEMBER)
    assert "100 of its 600 bytes" in broken.detail


def test_a_damaged_header_ends_the_shard_by_name(make_tar):
    shard = bytearray(make_tar([("0.jpg", b"a"), ("1.jpg", b"b"), ("2.jpg", b"c")]))
    shard[2 * BLOCK + 5] ^= 0xFF
    assert [(record.key, record.flaw) for record in read(bytes(shard))] == [("0", ""), ("", reasons.CORRUPT_SHARD)]


@pytest.mark.parametrize("content", [b"no tar at all, but a page that says 404" * 20, b"short"])
def test_what_is_no_tar_is_corrupt(content):
    assert [record.flaw for record in read(content)] == [reasons.CORRUPT_SHARD]


def test_a_shard_cut_between_two_members_is_told_from_a_whole_one(make_tar):
    shard = make_tar([("0.jpg", b"a"), ("1.jpg", b"b")])
    assert [record.flaw for record in read(shard)] == ["", ""]
    assert [(record.key, record.flaw) for record in read(shard[: 2 * BLOCK])] == [
        ("0", ""),
        ("", reasons.SHARD_WITHOUT_END),
    ]


def test_damaged_compression_is_corrupt(make_tar):
    shard = bytearray(gzip.compress(make_tar([("0.jpg", bytes(range(256)) * 400)])))
    shard[len(shard) // 2] ^= 0xFF
    with gzip.open(io.BytesIO(bytes(shard))) as stream:
        assert reasons.CORRUPT_SHARD in [record.flaw for record in read_records(stream)]


def test_a_huge_member_is_passed_over_without_holding_it():
    class Zeros(io.RawIOBase):
        """A header that announces more than is allowed, that many zeros, then a sound record."""

        def __init__(self):
            self.parts = [header("0.jpg", MAX_MEMBER_BYTES + 1), MAX_MEMBER_BYTES + BLOCK, header("1.jpg", 0) + END]
            self.largest = 0

        def read(self, size=-1):
            self.largest = max(self.largest, size)
            if not self.parts:
                return b""
            part = self.parts[0]
            if isinstance(part, int):
                taken, self.parts[0] = b"\0" * min(size, part), part - min(size, part)
            else:
                taken, self.parts[0] = part[:size], part[size:]
            if not self.parts[0]:
                self.parts.pop(0)
            return taken

    stream = Zeros()
    assert [(record.key, record.flaw) for record in read_records(stream)] == [
        ("0", reasons.MEMBER_TOO_LARGE),
        ("1", ""),
    ]
    assert stream.largest <= 1024 * 1024


@pytest.fixture(scope="module")
def sound_shard(make_tar):
    return make_tar([(f"{key}.{ext}", bytes([key]) * 700) for key in range(4) for ext in ("jpg", "json")])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_cut_anywhere_loses_the_tail_and_says_so(sound_shard, data):
    whole = read(sound_shard)
    cut = data.draw(st.integers(0, 8 * (BLOCK + 1024) - 1))
    found = read(sound_shard[:cut])
    assert found[-1].flaw in (reasons.TRUNCATED_MEMBER, reasons.CORRUPT_SHARD, reasons.SHARD_WITHOUT_END)
    sound = [record for record in found if not record.flaw]
    assert sound[:-1] == whole[: max(len(sound) - 1, 0)]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_never_crashes_the_reader(sound_shard, data):
    damaged = bytearray(sound_shard)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    for record in read(bytes(damaged)):
        assert isinstance(record, Record)


def with_size(shard: bytes, size: bytes) -> bytes:
    """Returns a shard whose first header states another size, in 12 bytes, under a right checksum."""
    header = bytearray(shard[:512])
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + shard[512:]


def test_a_negative_size_is_a_damaged_header(make_tar):
    shard = make_tar([("0.jpg", b"x" * 600), ("1.jpg", b"y")])
    assert [record.flaw for record in read_records(io.BytesIO(with_size(shard, b"00000001130\0")))] == ["", ""]
    (found,) = read_records(io.BytesIO(with_size(shard, b"\xff" * 12)))
    assert (found.flaw, found.detail) == (reasons.CORRUPT_SHARD, "a member has -1 bytes")


@pytest.mark.parametrize("record", [b"9" * 5000 + b" size=1\n", b"5011 size=" + b"9" * 5000 + b"\n"])
def test_a_number_of_thousands_of_digits_is_a_damaged_header(make_tar, record):
    def member(name: str, content: bytes, kind: bytes) -> bytes:
        info = tarfile.TarInfo(name)
        info.size, info.type = len(content), kind
        return info.tobuf() + content + bytes(-len(content) % 512)

    shard = member("pax", record, tarfile.XHDTYPE) + member("0.jpg", b"x", tarfile.REGTYPE) + bytes(1024)
    assert [found.flaw for found in read_records(io.BytesIO(shard))] == [reasons.CORRUPT_SHARD]
