"""MSCOCO, Flickr30K, Multi30k, CxC, ECCV Caption and SimLex in their published layouts."""

import gzip

import pytest

import published_sets
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.published import cxc, eccv_caption, karpathy, multi30k, simlex
from components.evaluator.datasets.registry import ENTRIES
from published_sets import RATED_ROWS, SENTENCES, coco_name

# The sentence ids in order, five an image: captions 0 to 4 are of image 1, 5 to 9 of image 2, 10 to 14 of image 3.


def test_mscoco_keeps_the_first_five_captions_of_each_image_of_the_split(tmp_path):
    published_sets.mscoco(tmp_path)
    coco = karpathy.read_coco(tmp_path, "test")
    assert coco.pairs.image_ids == tuple(f"val2014/{coco_name(number)}" for number in SENTENCES)
    assert coco.pairs.caption_count.tolist() == [5, 5, 5]
    assert coco.sentence_ids == (10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 30, 31, 32, 33, 34)
    assert coco.pairs.captions[5] == "Caption 20 of 2."
    assert coco.pairs.images[1]() == published_sets.picture(2)
    assert coco.coco_ids == (1, 2, 3)


def test_a_split_that_is_empty_is_refused_with_the_splits_that_are_there(tmp_path):
    published_sets.mscoco(tmp_path)
    with pytest.raises(DataSetError, match="no image of the split 'val'; its splits are restval, test"):
        karpathy.read_coco(tmp_path, "val")


def test_captions_of_missing_images_are_refused(tmp_path):
    published_sets.mscoco(tmp_path)
    (tmp_path / "mscoco/val2014" / coco_name(2)).unlink()
    with pytest.raises(DataSetError, match=r"1 of the 3 images that .*dataset_coco\.json names are missing, the first"):
        karpathy.read_coco(tmp_path, "test")


@pytest.mark.parametrize("content", ["", "[]", '{"images": [{"split": "test"}]}', '{"images": [1]}', '{"images": 3}'])
def test_a_damaged_list_of_captions_is_refused(tmp_path, content):
    published_sets.mscoco(tmp_path)
    published_sets.put(tmp_path / "mscoco/dataset_coco.json", content)
    with pytest.raises(DataSetError, match=r"dataset_coco\.json is no Karpathy split, or is damaged"):
        karpathy.read_coco(tmp_path, "test")


def test_multi30k_joins_five_files_of_captions_image_by_image(tmp_path):
    published_sets.multi30k(tmp_path)
    german = multi30k.read_multi30k(tmp_path, "de")
    assert german.captions == (*(f"de {n} Mütze" for n in range(1, 6)), *(f"de {n} Hund" for n in range(1, 6)))
    assert german.caption_count.tolist() == [5, 5]
    assert german.languages == ("de",) * 10
    czech = multi30k.read_multi30k(tmp_path, "cs")
    assert (czech.captions, czech.caption_count.tolist()) == (("cs zírá", "cs pes"), [1, 1])
    assert czech.image_ids == german.image_ids == ("1007129816.jpg", "1009434119.jpg")
    assert all(ENTRIES[f"multi30k-{language}"].state(tmp_path) == "there" for language in ("en", "de", "fr", "cs"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b"one\n", "has 1 captions for the 2 images"),
        (b"one\n\n", "has no caption in line 2"),
        (b"\xff\n\n", "is damaged"),
    ],
)
def test_captions_that_do_not_fit_the_images_are_refused(tmp_path, lines, said):
    published_sets.multi30k(tmp_path)
    path = tmp_path / "multi30k/data/task2/raw/test_2016.3.en.gz"
    path.write_bytes(gzip.compress(lines))
    with pytest.raises(DataSetError, match=r"test_2016\.3\.en\.gz " + said):
        multi30k.read_multi30k(tmp_path, "en")


def test_a_half_downloaded_file_of_captions_is_refused(tmp_path):
    published_sets.multi30k(tmp_path)
    path = tmp_path / "multi30k/data/task1/raw/test_2016_flickr.fr.gz"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataSetError, match="is damaged"):
        multi30k.read_multi30k(tmp_path, "fr")


@pytest.fixture
def rated(tmp_path):
    """A data root with MSCOCO and its ratings."""
    published_sets.mscoco(tmp_path)
    published_sets.cxc(tmp_path)
    return tmp_path


def test_similarity_points_into_the_tables_of_mscoco(rated):
    sts, sis, sits = (cxc.read_similarity(rated, task, "test", RATED_ROWS) for task in ("sts", "sis", "sits"))
    assert (sts.left.tolist(), sts.right.tolist()) == ([0, 0, 5, 10], [1, 2, 0, 5])
    assert sts.scores.tolist() == [4.5, 2.9, 3.0, 0.4]
    assert (sts.left_modality, sts.right_modality, sts.images) == ("text", "text", ())
    assert (sis.left.tolist(), sis.right.tolist(), sis.texts) == ([0, 1, 0], [1, 0, 2], ())
    assert (sits.left_modality, sits.right_modality) == ("text", "image")
    assert (sits.left[-1], sits.right[-1], sits.scores[2]) == (5, 0, 2.0)


def test_retrieval_by_ratings(rated):
    found = cxc.read_retrieval(rated, "test", RATED_ROWS)
    own = [[caption // 5, caption] for caption in range(15) if caption != 2]
    assert found.image_to_text.tolist() == [*own, [0, 5]]
    assert found.text_to_image.tolist() == [[caption, image] for image, caption in found.image_to_text.tolist()]
    assert len({*range(15)} - {*found.text_to_image[:, 0].tolist()}) == 1  # caption 2 lost its image and asks nothing
    assert found.text_text.tolist() == [[0, 1], [0, 5], [1, 0], [5, 0]]
    assert found.image_image.tolist() == [[0, 1], [1, 0]]  # 2.9 in one order and 3.0 in the other


def test_captions_of_one_image_that_nobody_rated_are_left_out(rated):
    excluded = cxc.read_retrieval(rated, "test", RATED_ROWS).text_text_excluded.tolist()
    assert [other for caption, other in excluded if caption == 0] == [3, 4]  # 1 and 2 were rated against 0
    assert [other for caption, other in excluded if caption == 3] == [0, 1, 2, 4]
    assert len(excluded) == 3 * 20 - 4


def test_a_part_of_the_ratings_is_refused(rated):
    with pytest.raises(DataSetError, match=r"sts_test\.csv has 4 of the 44045 ratings that are published"):
        ENTRIES["cxc-sts"].load(rated)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("caption,image,agg_score,sampling_method\n", "is damaged"),
        ("caption1,caption2,agg_score,sampling_method\na,b,3\n", "has the columns caption1"),
        ("caption,image,agg_score,sampling_method\na,b,3,x\na,b", "is damaged"),
        ("caption,image,agg_score,sampling_method\na,b,high,x\n", "is damaged"),
        ("", "is damaged"),
    ],
)
def test_another_file_is_refused(rated, content, said):
    published_sets.put(rated / "cxc/sits_test.csv", content)
    with pytest.raises(DataSetError, match=said):
        cxc.read_similarity(rated, "sits", "test", {"sits_test": 1})


def test_ratings_of_other_captions_are_refused(rated):
    path = rated / "cxc/sits_test.csv"
    path.write_text(path.read_text().replace("sentid:33", "sentid:99"))
    with pytest.raises(
        DataSetError, match=r"1 of 16 rated texts are not in dataset_coco\.json, the first 'COCO_val2014:"
    ):
        cxc.read_similarity(rated, "sits", "test", RATED_ROWS)


def test_the_published_ratings_have_these_rows():
    assert {f"{task}_{split}" for task in ("sts", "sis", "sits") for split in ("val", "test")} == {*cxc.PUBLISHED_ROWS}
    assert cxc.PUBLISHED_ROWS["sits_test"] == 44_833


def test_eccv_caption_asks_each_way_with_its_own_answers(tmp_path, monkeypatch):
    published_sets.mscoco(tmp_path)
    published_sets.eccv_caption(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = eccv_caption.read_truth(tmp_path, "eccv")
    assert found.image_to_text.tolist() == [[0, 0], [0, 5], [0, 10]]
    assert found.text_to_image.tolist() == [[5, 1], [5, 0]]
    assert found.skipped == {"answer_not_in_gallery": 1}  # caption 15, the sixth of its image
    original = eccv_caption.read_truth(tmp_path, "original")
    assert original.image_to_text.tolist() == [[caption // 5, caption] for caption in range(15)]
    published_sets.put(tmp_path / "site/eccv_caption/data/eccv_caption_to_image.json", '{"7": [1]}')
    with pytest.raises(DataSetError, match=r"eccv_caption_to_image\.json names 7, which is not in the test split"):
        eccv_caption.read_truth(tmp_path, "eccv")


def test_simlex_rates_words_that_stand_once(tmp_path):
    published_sets.simlex(tmp_path)
    found = simlex.read_simlex(tmp_path, pairs=3)
    assert found.texts == ("old", "smart", '"quoted', "new")
    assert (found.left.tolist(), found.right.tolist(), found.scores.tolist()) == (
        [0, 1, 2],
        [3, 0, 3],
        [1.58, 9.2, 0.5],
    )
    with pytest.raises(DataSetError, match="has 3 of 999 pairs"):
        ENTRIES["simlex999"].load(tmp_path)
    published_sets.put(tmp_path / "simlex999/SimLex-999.txt", "word1 word2\na b\n")
    with pytest.raises(DataSetError, match="is no SimLex-999"):
        simlex.read_simlex(tmp_path)


def test_a_pair_of_sets_shares_what_is_embedded(rated):
    sits = cxc.read_similarity(rated, "sits", "test", RATED_ROWS)
    coco = karpathy.read_coco(rated, "test").pairs
    assert (sits.texts, sits.images) == (coco.captions, coco.images)
