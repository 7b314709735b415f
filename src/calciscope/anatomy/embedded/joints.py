"""Shoulders and hips: a ball at the end of a shaft, the space around it, the tendons that insert beside it.

Which of the two it is follows from where it lies: beside or above the tops of the lungs, or below the pelvis; in a scan
with neither, from how much of the ball its socket covers. A side needs a midline: lungs, a spine or a pelvis.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.anatomy.embedded import balls, chest_wall
from calciscope.anatomy.embedded.balls import Ball, Head, midline
from calciscope.anatomy.embedded.frame import Frame, Mask, Part

Vector = NDArray[np.float64]

# Humeral heads lie this far from the midline and from this far below the tops of the lungs on, mm.
_SHOULDER_ASIDE = (85.0, 240.0)
_BELOW_APEX = 95.0
# Femoral heads lie this far from the midline, mm, and near the landmark that the iliac arteries gave.
_HIP_ASIDE = (50.0, 112.0)
_HIP_NEAR = 34.0
# Least share of a ball's surface that is seen: where lungs or pelvis vouch for it, and where nothing does.
_SEEN, _SEEN_HIP, _SEEN_ALONE = 0.45, 0.36, 0.72
# A socket that covers more of the ball than this, of what the shaft leaves, is that of a hip.
_SOCKET, _LEAST_SOCKET = 0.3, 0.24
# Share of bone along a shaft, over a cube of three voxels.
_SHAFT = 0.35
# A socket faces the side at least so much (share of a unit vector along columns).
_CLEARLY_ASIDE = 0.45
# The capsule reaches this far out of the ball, the cuff's tendons with their bursa this far, mm.
_CAPSULE, _CUFF = 6.0, 8.0
# The joint of the shoulder is on the side of its socket: cosine of the angle to it.
_FACES_SOCKET, _ALONG_SHAFT = 0.25, 0.65
# Tendons insert within this distance of the greater trochanter and the ischial tuberosity, mm.
_INSERTION = 11.0
# How far beside the head's centre the trochanter begins, and between which heights it lies, mm.
_TROCHANTER_ASIDE, _TROCHANTER = 12.0, (-38.0, 22.0)
# The tuberosity against the centre of the head: below, and to the midline, mm.
_TUBEROSITY, _TUBEROSITY_IN = (-72.0, -28.0), (2.0, 48.0)
# The common femoral artery: in front of the head and to the midline of its centre, mm, and how far its bed reaches.
_FRONT, _MEDIAL, _BED = 14.0, 12.0, 15.0
# The brachial artery runs beside the shaft, on the side of the trunk, mm from its axis.
_BRACHIAL, _ARM = (13.0, 34.0), 75.0
# The shaft of a humerus is no wider than this in a slice, mm, has at least this area, mm2, and fills this share of its
# box (a disc 0.79, a slanting blade little); it crosses the slices at least this steeply (cosine).
_SHAFT_WIDEST, _SHAFT_MM2, _SHAFT_FILLED, _STEEP = 45.0, 220.0, 0.55, 0.5
# Confidence of a room by what vouches for its ball.
_SURE_SHOULDER, _SURE_HIP, _SURE_ALONE = 0.9, 0.9, 0.75


def segment(frame: Frame, so_far: Mapping[str, tuple[Mask, float]]) -> Part:
    """Rooms ``joint_*``, ``tendon_*``, ``arm_artery_*``, ``leg_artery_*`` and ``axilla_*`` at each head in view."""
    there = heads(frame)
    masks = dict(chest_wall.armpits(frame, there, so_far).masks)
    for head in there:
        rooms = _shoulder(frame, head) if head.kind == "shoulder" else _hip(frame, head)
        name = f"_{head.side}" if head.side else ""
        alone = not head.side
        sure = _SURE_ALONE if alone else (_SURE_SHOULDER if head.kind == "shoulder" else _SURE_HIP)
        # A ball of which little is seen may be off by some mm.
        sure *= float(np.clip(0.35 + head.ball.share, 0.6, 1.0))
        for part, mask in rooms.items():
            key = f"{part}{name}"
            if mask.any():
                masks[key] = (mask | masks[key][0], sure) if key in masks else (mask, sure)
    return Part(masks=masks)


def heads(frame: Frame) -> tuple[Head, ...]:
    """The heads of humeri and femora in view."""
    found = [*_shoulders(frame), *_hips(frame)]
    if not found and midline(frame) is None:
        found = _alone(frame)
    return tuple(found)


def _shoulders(frame: Frame) -> list[Head]:
    middle = midline(frame)
    lungs = np.flatnonzero(frame.lungs.any(axis=(1, 2)))
    if middle is None or not lungs.size:
        return []
    low = max(0, int(lungs[-1] - _BELOW_APEX / frame.spacing[0]))
    out = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        near, far = (middle + sign * mm / frame.spacing[2] for mm in _SHOULDER_ASIDE)
        columns = (max(0, int(min(near, far))), min(frame.hu.shape[2], int(max(near, far)) + 1))
        best = _best(frame, (low, frame.hu.shape[0]), columns, _SEEN)
        if best is not None:
            out.append(Head(best, "shoulder", side, -sign))
    return out


def _hips(frame: Frame) -> list[Head]:
    middle = midline(frame)
    slices = [region for region in frame.regions if region.name in ("pelvis", "limb")]
    if middle is None or not slices or not any(region.name == "pelvis" for region in slices):
        return []
    low = min(region.start for region in slices) // frame.factor[0]
    # The heads lie in the lower half of the pelvis: above are its wings.
    top = max(region.stop for region in slices if region.name == "pelvis") / frame.factor[0]
    high = min(frame.hu.shape[0], int(np.ceil(top - 60.0 / frame.spacing[0])))
    out = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        near, far = (middle + sign * mm / frame.spacing[2] for mm in _HIP_ASIDE)
        columns = (max(0, int(min(near, far) - 8)), min(frame.hu.shape[2], int(max(near, far)) + 9))
        ball = _best(frame, (low, high), columns, _SEEN_HIP, (min(near, far), max(near, far)))
        if ball is not None and _covered(frame, ball) > _LEAST_SOCKET:
            out.append(Head(ball, "hip", side, -sign))
    return _level(frame, out)


def _level(frame: Frame, found: list[Head]) -> list[Head]:
    """Two hips lie at one height and at one depth; if they do not, the one that is seen less is dropped."""
    if len(found) == 2:
        one, other = (np.asarray(head.ball.centre) * frame.spacing for head in found)
        if np.abs(one - other)[:2].max() > _HIP_NEAR:
            return [max(found, key=lambda head: head.ball.share)]
    return found


def _alone(frame: Frame) -> list[Head]:
    """Heads where neither lungs nor a spine are seen: two hips, or one head, whose socket tells the side."""
    found = balls.find(frame, (0, 0, 0), _shape(frame), 4)
    pair = _pair(frame, found)
    if pair:
        return pair
    for ball in found:
        shaft = _shaft(frame, ball)
        if ball.share >= _SEEN_ALONE and shaft is not None:
            kind = "hip" if _covered(frame, ball) > _SOCKET and not frame.lungs.any() else "shoulder"
            box, local = _around(frame, ball, ball.radius + 40.0)
            inward = float(_socket(_cut(frame, box), local, 0.0, shaft)[2])
            if abs(inward) < _CLEARLY_ASIDE:
                return [Head(ball, kind, "", 0.0)]
            return [Head(ball, kind, "right" if inward > 0 else "left", 1.0 if inward > 0 else -1.0)]
    return []


def _pair(frame: Frame, found: list[Ball]) -> list[Head]:
    """Two balls in sockets side by side at one height: the hips of a scan without a spine."""
    sockets = [ball for ball in found if _covered(frame, ball) > _SOCKET]
    for k, one in enumerate(sockets):
        for other in sockets[k + 1 :]:
            off = np.abs((np.asarray(one.centre) - np.asarray(other.centre)) * frame.spacing)
            if off[:2].max() < _HIP_NEAR and 2 * _HIP_ASIDE[0] < off[2] < 2 * _HIP_ASIDE[1]:
                right, left = sorted((one, other), key=lambda ball: ball.centre[2])
                return [Head(left, "hip", "left", -1.0), Head(right, "hip", "right", 1.0)]
    return []


def _shape(frame: Frame) -> tuple[int, int, int]:
    z, y, x = frame.hu.shape
    return (z, y, x)


def _best(
    frame: Frame,
    slices: tuple[int, int],
    columns: tuple[int, int],
    least: float,
    within: tuple[float, float] | None = None,
) -> Ball | None:
    """The ball with a shaft that is seen best in a box, if it is seen well enough."""
    if slices[1] - slices[0] < 6 or columns[1] - columns[0] < 6:
        return None
    found = balls.find(frame, (slices[0], 0, columns[0]), (slices[1], frame.hu.shape[1], columns[1]), 4)
    good = [
        ball
        for ball in found
        if ball.share >= least and (within is None or within[0] <= ball.centre[2] <= within[1])
        and (within is None or _before_middle(frame, ball))
    ]  # fmt: skip
    if within is None:
        return max(good, key=lambda ball: ball.share, default=None)
    # A femoral head is what is round and lies in a socket: the trochanter and the tuberosity are only round.
    return max(good, key=lambda ball: ball.share + _covered(frame, ball), default=None)


def _before_middle(frame: Frame, ball: Ball) -> bool:
    """Whether a ball lies in the middle of the body's depth, as hips do: the sacrum's joints lie behind."""
    rows = np.flatnonzero(frame.body[min(max(round(ball.centre[0]), 0), len(frame.body) - 1)].any(axis=1))
    return bool(rows.size) and ball.centre[1] < rows[0] + 0.68 * (rows[-1] - rows[0])


def _sampled(frame: Frame, image: NDArray[np.float32], ball: Ball, away: Vector) -> Vector:
    """An image at distances ``away`` mm from a ball's centre in every direction, ``(directions, distances)``."""
    out = balls.directions()
    points = (out[:, None] * away[None, :, None]) / np.asarray(frame.spacing) + np.asarray(ball.centre)
    seen: Vector = ndimage.map_coordinates(image, points.reshape(-1, 3).T, output=np.float64, order=1, mode="nearest")
    return seen.reshape(len(out), len(away))


def _around(frame: Frame, ball: Ball, mm: float) -> tuple[tuple[slice, slice, slice], Ball]:
    """The box within ``mm`` of a ball's centre, and the ball in it."""
    low = [max(0, int(c - mm / s)) for c, s in zip(ball.centre, frame.spacing, strict=True)]
    high = [
        min(n, int(c + mm / s) + 2) for c, s, n in zip(ball.centre, frame.spacing, frame.hu.shape, strict=True)
    ]  # fmt: skip
    z, y, x = (slice(a, b) for a, b in zip(low, high, strict=True))
    c = ball.centre
    return (z, y, x), Ball((c[0] - low[0], c[1] - low[1], c[2] - low[2]), ball.radius, ball.share)


def _shaft(frame: Frame, ball: Ball, medial: float = 0.0) -> Vector | None:
    """Unit vector ``(z, y, x)`` from a head along its shaft: the direction in which thick bone goes on.

    No shaft leads to the midline, where shoulder blade and pelvis lie.
    """
    box, local = _around(frame, ball, ball.radius + 62.0)
    thick = ndimage.uniform_filter(frame.bone[box].astype(np.float32), 3)
    along = _sampled(frame, thick, local, np.arange(ball.radius + 8.0, ball.radius + 61.0, 4.0))
    # A shaft goes on where the neck of a shoulder blade or the wall of a pelvis ends.
    along = np.percentile(along, 25, axis=1)
    out = balls.directions()
    along[out[:, 2] * medial > 0.3] = 0.0
    return out[int(along.argmax())] if along.max() > _SHAFT else None


def _covered(frame: Frame, ball: Ball) -> float:
    """Share of a ball, its shaft's side left out, beyond which there is other bone."""
    box, local = _around(frame, ball, ball.radius + 22.0)
    beyond = _sampled(frame, frame.bone[box].astype(np.float32), local, np.arange(ball.radius + 4, ball.radius + 15, 3))
    shaft = _shaft(frame, ball)
    free = np.ones(len(beyond), dtype=np.bool_) if shaft is None else balls.directions() @ shaft < 0.6
    return float((beyond.max(axis=1) > 0.5)[free].mean()) if free.any() else 0.0


def _polar(frame: Frame, ball: Ball) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each voxel the vector from a ball's centre in mm ``(3, z, y, x)``, and its length."""
    axes = [
        (np.arange(n) - c) * s for n, c, s in zip(frame.hu.shape, ball.centre, frame.spacing, strict=True)
    ]  # fmt: skip
    out = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    return out, np.sqrt((out**2).sum(axis=0))


def _shoulder(frame: Frame, head: Head) -> dict[str, Mask]:
    """The joint on the side of the socket, the cuff round the rest of the head, the artery beside the shaft."""
    ball = head.ball
    box, local = _around(frame, ball, ball.radius + 80.0)
    part = _cut(frame, box)
    out, away = _polar(part, local)
    unit = out / np.maximum(away, 1e-3)
    shaft = _shaft(frame, ball, head.medial)
    socket = _socket(part, local, head.medial, shaft)
    faces = np.tensordot(socket.astype(np.float32), unit, 1)
    along = np.zeros_like(faces) if shaft is None else np.tensordot(shaft.astype(np.float32), unit, 1)
    r = ball.radius
    joint = (away > r - 3.0) & (away < r + _CAPSULE) & (faces > _FACES_SOCKET)
    cuff = (away > r - 2.0) & (away < r + _CUFF) & (faces <= _FACES_SOCKET) & (along < _ALONG_SHAFT)
    rooms = {"joint_shoulder": joint, "tendon_shoulder": cuff & part.body}
    if shaft is not None and head.medial and _is_round(part, local, shaft):
        height = np.tensordot(shaft.astype(np.float32), out, 1)
        beside = np.sqrt(np.maximum(away**2 - height**2, 0.0))
        inner = (out[2] * head.medial > 0.35 * beside) & (height > r + 8.0) & (height < r + _ARM)
        rooms["arm_artery"] = inner & (beside > _BRACHIAL[0]) & (beside < _BRACHIAL[1]) & part.body & ~part.lungs
    return {name: _put(frame, box, mask) for name, mask in rooms.items()}


def _is_round(part: Frame, ball: Ball, shaft: Vector) -> bool:
    """Whether what goes on from a head is a long bone, round in section, and no shoulder blade.

    Looked at in the slices that it crosses; a shaft that lies in the slices counts as none.
    """
    if abs(shaft[0]) < _STEEP:
        return False
    seen, fits = 0, 0
    for mm in np.arange(ball.radius + 20.0, ball.radius + 61.0, 8.0):
        z, y, x = np.rint(np.asarray(ball.centre) + shaft * mm / part.spacing).astype(int).tolist()
        if not (0 <= z < part.bone.shape[0] and 0 <= y < part.bone.shape[1] and 0 <= x < part.bone.shape[2]):
            continue
        seen += 1
        labels, count = ndimage.label(ndimage.binary_fill_holes(part.bone[z]))
        near = labels[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        label = int(np.bincount(near.ravel(), minlength=count + 1)[1:].argmax()) + 1 if near.any() else 0
        if label:
            where = np.argwhere(labels == label)
            sides = (np.ptp(where, axis=0) + 1) * part.spacing[1:]
            area = len(where) * part.spacing[1] * part.spacing[2]
            narrow = float(sides.max()) <= _SHAFT_WIDEST
            fits += int(narrow and area >= _SHAFT_MM2 and area > _SHAFT_FILLED * float(sides.prod()))
    return seen > 0 and fits >= 0.6 * seen


def _socket(part: Frame, ball: Ball, medial: float, shaft: Vector | None) -> Vector:
    """Unit vector from a humeral head to its socket: towards the bone beyond the joint space, away from the shaft."""
    out = balls.directions()
    beyond = _sampled(part, part.bone.astype(np.float32), ball, np.arange(ball.radius + 3, ball.radius + 9.5, 2.0))
    weight = beyond.mean(axis=1)
    if shaft is not None:
        weight[out @ shaft > 0.3] = 0.0
    if medial:
        weight[out[:, 2] * medial < 0.2] = 0.0
    mean = (out * weight[:, None]).sum(axis=0)
    size = float(np.linalg.norm(mean))
    if size < 1e-6:
        return np.array([0.0, 0.0, medial]) if medial else out[int(weight.argmax())]
    return np.asarray(mean / size)


def _hip(frame: Frame, head: Head) -> dict[str, Mask]:
    """The capsule, the insertions at the trochanter and the tuberosity, and the bed of the femoral artery."""
    ball = head.ball
    box, local = _around(frame, ball, ball.radius + 90.0)
    part = _cut(frame, box)
    (up, back, right), away = _polar(part, local)
    r = ball.radius
    rooms = {"joint_hip": (away > r - 4.0) & (away < r + _CAPSULE)}
    if head.medial:
        aside = -head.medial * right
        height = (up > _TROCHANTER[0]) & (up < _TROCHANTER[1])
        trochanter = part.bone & height & (aside > r + _TROCHANTER_ASIDE - 8.0) & (back > -25.0)
        # Gluteus medius and minimus insert on the outside and the top, not on the shaft below.
        outer = (aside > r + _TROCHANTER_ASIDE - 4.0) & (up > -16.0) & (up < 34.0) & (back > -22.0)
        tendon = _near(trochanter, part) & outer
        low = (up > _TUBEROSITY[0]) & (up < _TUBEROSITY[1])
        inward = (aside < -_TUBEROSITY_IN[0]) & (aside > -_TUBEROSITY_IN[1])
        tuber = part.bone & low & inward & (back > 8.0)
        tendon |= _near(tuber, part) & low & (back > 18.0) & (aside < 12.0) & (aside > -_TUBEROSITY_IN[1])
        rooms["tendon_hip"] = tendon & part.body & (away > r + _CAPSULE)
        # From the middle of the head down: above, the vessel is the iliac artery, which is traced.
        bed = np.hypot(back + r + _FRONT, aside + _MEDIAL) < _BED
        rooms["leg_artery"] = bed & (up < 0.0) & (up > -62.0) & part.body & ~part.bone
    return {name: _put(frame, box, mask) for name, mask in rooms.items()}


def _near(bone: Mask, part: Frame) -> Mask:
    """Within reach of an insertion on a piece of bone."""
    if not bone.any():
        return np.zeros(bone.shape, dtype=np.bool_)
    return np.asarray(ndimage.distance_transform_edt(~bone, sampling=part.spacing) <= _INSERTION)


def _cut(frame: Frame, box: tuple[slice, slice, slice]) -> Frame:
    """The masks of a box as a frame of their own; what needs the volume is not asked of it."""
    return Frame(
        frame.volume, frame.hu[box], frame.factor, frame.spacing, frame.body[box], frame.lung_left[box],
        frame.lung_right[box], frame.airway[box], frame.bone[box], frame.metal[box], frame.fat[box],
        frame.spine[box[0]], (),
    )  # fmt: skip


def _put(frame: Frame, box: tuple[slice, slice, slice], mask: Mask) -> Mask:
    whole = np.zeros(frame.hu.shape, dtype=np.bool_)
    whole[box] = mask
    return whole
