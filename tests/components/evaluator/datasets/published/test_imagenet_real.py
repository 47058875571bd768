"""ImageNet's reassessed labels: matched by the images' numbers, and files of another form or order refused."""

import shutil

import pytest

import published_classes
import published_sets
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.registry import ENTRIES

REAL = ENTRIES["imagenet-real"]


def test_labels_are_those_of_the_images_number_and_images_without_any_are_counted(tmp_path):
    published_classes.imagenet_real(tmp_path, [[7, 1], [], [0]])
    found = REAL.load(tmp_path)
    assert found.image_ids == ("ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000003.JPEG")
    assert found.images[1]() == published_sets.picture(2)
    assert found.right.tolist() == [[0, 1], [0, 7], [1, 0]]
    assert found.labels.tolist() == [1, 0]
    assert found.skipped == {"no_right_class": 1}
    assert len(found.classes) == 1000


def test_folders_for_each_synset_are_matched_by_number_too(tmp_path):
    labels = [[999 - place] for place in range(1000)]
    published_sets.put(tmp_path / "imagenet/real.json", str(labels))
    for place, synset in enumerate(published_classes.SYNSETS):  # the first folder holds the last number
        name = f"{synset}/ILSVRC2012_val_{1000 - place:08d}.JPEG"
        published_sets.put(tmp_path / "imagenet/val" / name, published_sets.picture(0))
    found = REAL.load(tmp_path)
    assert found.right.tolist() == [[place, place] for place in range(1000)]
    assert not found.skipped


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([[1], [0]], "real.json has labels of 2 images and imagenet/val holds 3; get it again"),
        ([[1], [1000], [0]], "real.json gives image 2 the class '1000'; a class is a whole number from 0 to 999"),
        ([[1], [-1], [0]], "gives image 2 the class '-1'"),
        ([[1], [True], [0]], "gives image 2 the class 'True'"),
        ([[1], [0.0], [0]], "gives image 2 the class '0.0'"),
        ([[1], ["n01440764"], [0]], "gives image 2 the class 'n01440764'"),
        ([1, 0, 0], "real.json is no list with a list of class numbers for each image; get it again"),
        ({"1": [1]}, "real.json is no list"),
        ([[0], [], [1]], "has ImageNet's own class for only 0 of 2 images, so that its images or classes stand in"),
        ([[], [], []], "the set has no image"),
    ],
)
def test_a_file_of_another_form_or_order_is_refused(tmp_path, labels, said):
    published_classes.imagenet_real(tmp_path, labels)
    with pytest.raises(DataSetError, match=said) as refused:
        REAL.load(tmp_path)
    assert len(str(refused.value).splitlines()) == 1


def test_images_of_other_names_or_numbers_are_refused(tmp_path):
    published_classes.imagenet_real(tmp_path, [[1], [0], [0]])
    last = tmp_path / "imagenet/val/ILSVRC2012_val_00000003.JPEG"
    last.rename(last.with_name("ILSVRC2012_val_00000004.JPEG"))
    with pytest.raises(DataSetError, match="holds 3 images and none is number 3; unpack the images again"):
        REAL.load(tmp_path)
    last.with_name("ILSVRC2012_val_00000004.JPEG").rename(last.with_name("cat.JPEG"))
    with pytest.raises(DataSetError, match=r"holds 'cat\.JPEG', and labels are told by number; keep the published"):
        REAL.load(tmp_path)


def test_labels_without_images_are_half_of_the_set(tmp_path):
    published_classes.imagenet_real(tmp_path, [[1], [0], [0]])
    shutil.rmtree(tmp_path / "imagenet/val")
    with pytest.raises(
        DataSetError, match=r"imagenet-real is half there: .*imagenet/val/\* is missing; get real\.json"
    ):
        REAL.load(tmp_path)
    (tmp_path / "imagenet/real.json").unlink()
    with pytest.raises(DataSetError, match=r"imagenet-real is not in .*: get real\.json from"):
        REAL.load(tmp_path)
