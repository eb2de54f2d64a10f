#!/usr/bin/env python3
"""Records pictures of the Python package metaworld, for the tests of exact pictures to draw again.

Needs what record_golden.py needs. What is committed under tests/golden/pictures was made by

    MUJOCO_GL=egl python scripts/record_pictures.py tests/golden/pictures

with Mesa 22.3.6's software renderer; another driver draws some pixels otherwise.

One file a task: an episode as record_golden.py sets it up, in which the hand goes about with the
actions below, and pictures of 84x84 as the package gives them, upside down, from `corner` and
`corner2`, right after the reset and after every tenth step.

    rand_vec (3 or 6) float64  actions (T,4) float64  pictures (2, T/10 + 1, 84, 84, 3) uint8
"""

import argparse
import pickle
from pathlib import Path

import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerMocapBase
from metaworld.types import Task
from record_golden import draw_rand_vec, require_versions, write_weld_rows

# A plain scene, one whose objects the reset does not compute anew, glass, a machine that moves with
# the random vector, and a marker that cannot be moved.
TASKS = ("reach-v3", "drawer-open-v3", "window-close-v3", "coffee-pull-v3", "sweep-v3")
CAMERAS = ("corner", "corner2")
SIZE = 84
STEPS = 20
EVERY = 10
SEED = 7


def record(task: str, rand_vec: np.ndarray, actions: np.ndarray, camera: str) -> np.ndarray:
    env_cls = ALL_V3_ENVIRONMENTS[task]
    env = env_cls(render_mode="rgb_array", camera_name=camera, width=SIZE, height=SIZE)
    settings = {"rand_vec": rand_vec, "env_cls": env_cls, "partially_observable": False}
    env.set_task(Task(env_name=task, data=pickle.dumps(settings)))
    env.reset()
    pictures = [env.render()]
    for index, action in enumerate(actions):
        env.step(action)
        if (index + 1) % EVERY == 0:
            pictures.append(env.render())
    env.close()
    return np.stack(pictures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR")
    out_dir = parser.parse_args().out_dir
    require_versions()
    SawyerMocapBase.reset_mocap_welds = write_weld_rows
    out_dir.mkdir(parents=True, exist_ok=True)

    # To the right, down and forward with the gripper closing half of the time.
    actions = np.tile([0.5, 0.5, -1.0, -1.0], (STEPS, 1))
    actions[STEPS // 2 :, 3] = 1.0
    for task in TASKS:
        rand_vec = draw_rand_vec(task, SEED)
        pictures = np.stack([record(task, rand_vec, actions, camera) for camera in CAMERAS])
        path = out_dir / f"{task}.npz"
        np.savez_compressed(path, rand_vec=rand_vec, actions=actions, pictures=pictures)


if __name__ == "__main__":
    main()
