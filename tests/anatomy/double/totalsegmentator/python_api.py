"""The function that the provider calls: same parameters, same handling of settings, answers given by the test."""

import json
import os
import sys
from pathlib import Path

import nibabel as nib
import numpy as np

from totalsegmentator.map_to_binary import class_map

# By task: what to give back, an array (x, y, z), an image, or an error to raise.
ANSWERS = {}
# What the function was called with, and what it would have sent.
CALLS = []
SENT = []


def home():
    """Its folder of settings."""
    given = os.environ.get("TOTALSEG_HOME_DIR")
    return Path(given) if given else Path.home() / ".totalsegmentator"


def settings():
    """Its settings, which it makes where there are none; they say that statistics are sent."""
    file = home() / "config.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"totalseg_id": "x", "send_usage_stats": True, "prediction_counter": 0}))
    return json.loads(file.read_text())


def totalsegmentator(
    input,  # noqa: A002
    output=None,
    ml=False,
    nr_thr_resamp=1,
    nr_thr_saving=6,
    fast=False,
    nora_tag="None",
    preview=False,
    task="total",
    roi_subset=None,
    statistics=False,
    radiomics=False,
    crop_path=None,
    body_seg=False,
    force_split=False,
    output_type="nifti",
    quiet=False,
    verbose=False,
    test=0,
    skip_saving=False,
    device="gpu",
    license_number=None,
    statistics_exclude_masks_at_border=True,
    no_derived_masks=False,
    v1_order=False,
    fastest=False,
    roi_subset_robust=None,
    stats_aggregation="mean",
    remove_small_blobs=False,
    statistics_normalized_intensities=False,
    robust_crop=False,
    higher_order_resampling_LEGACY=False,  # noqa: N803
    higher_order_resampling=False,
    save_probabilities=None,
    debug=False,
    report=None,
    statistics_extra=False,
    save_lowres=False,
    resampling_order=1,
    plans="nnUNetPlans",
    model_size="big",
):
    """Answer as the test asked for."""
    print("No GPU detected. Running on CPU.")
    config = settings()
    weights = os.environ.get("TOTALSEG_WEIGHTS_PATH") or home() / "nnunet" / "results"
    CALLS.append(
        {
            "image": input,
            "output": output,
            "task": task,
            "device": device,
            "fast": fast,
            "fastest": fastest,
            "quiet": quiet,
            "skip_saving": skip_saving,
            "home": home(),
            "weights": Path(weights),
            "license": config.get("license_number"),
        }
    )
    if fast and task != "total":
        raise ValueError(f"task {task} does not work with option --fast")
    if task == "coronary_arteries" and len(config.get("license_number", "")) != 18:
        sys.exit(1)
    answer = ANSWERS[task]
    if isinstance(answer, BaseException):
        raise answer
    if config["send_usage_stats"]:
        SENT.append({"task": task, "id": config["totalseg_id"]})
    if isinstance(answer, np.ndarray):
        assert set(np.unique(answer)) <= {0, *class_map[task]}
        return nib.Nifti1Image(answer.astype(np.uint8), input.affine)
    return answer
