#!/usr/bin/env python3
"""Records short golden episodes from the Python package metaworld, for the parity tests to replay.

The package pins an older MuJoCo than the one Kinitro links, so it goes in without its dependencies,
in a virtual environment of its own:

    pip install --no-deps metaworld==3.1.1
    pip install gymnasium imageio scipy packaging mujoco==3.17.0

What is committed under tests/golden/metaworld was made by

    python scripts/record_golden.py tests/golden/metaworld --compact --tasks all

Protocol. One episode is a fresh environment with its random vector frozen and the goal in the
observation, one reset, then T steps with reward version v2. The random vector is the second
accepted draw of numpy's PCG64(seed): a reset places the task twice and the second placement stays.

Kinds, which differ in the actions only:

    expert      the package's scripted policy; its float32 output is widened to float64 and not
                clipped, so that actions may leave [-1, 1]
    expert_f32  the same, handed to the environment as float32, which rounds the hand's motion and
                some terms of the reward
    random      default_rng(seed).uniform(-1.2, 1.2), each action held for 5 steps

Arrays of a file, float64 unless said. What is named "...0" and the fields of the model are taken
after the reset; obs, qpos, qvel and mocap_pos have one row for the reset and one for each step.

    rand_vec (3 or 6)  target_pos (3)  obj_init_pos (3)  init_tcp (3)
    qpos0 (nq)  qvel0 (nv)  qacc_warmstart0 (nv)  ctrl0 (2)  time0 (1)
    mocap_pos0 (3)  mocap_quat0 (4)  body_pos (nbody,3)  site_pos (nsite,3)
    actions (T,4)  obs (T+1,39)  rewards (T)  success (T) uint8
    info (T,6): near_object grasp_success grasp_reward in_place_reward obj_to_target unscaled_reward
    qpos (T+1,nq)  qvel (T+1,nv)  mocap_pos (T+1,3)
    warn (7) int64: how often the simulator raised each of its warnings; all 0 in a sound episode

--compact keeps rand_vec, actions, obs, rewards, success, qpos and qvel alone: what a replay from the
reset on needs and compares. The same versions on the same kind of machine give the same bytes. The
numbers depend on the build of libmujoco, on the C library's
mathematics and on whether the processor has fused multiply-add, so the manifest says all three
(and the recording wants Linux).
"""

import argparse
import hashlib
import json
import pickle
import platform
import sys
import warnings
from collections.abc import Callable, Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.policies import ENV_POLICY_MAP
from metaworld.sawyer_xyz_env import SawyerMocapBase, SawyerXYZEnv
from metaworld.types import Task

REQUIRED = {"metaworld": "3.1.1", "mujoco": "3.17.0"}
RECORDED_VERSIONS = ("metaworld", "mujoco", "numpy", "scipy", "gymnasium")

# Anchor (3), relative pose (3 + 4) and torque scale of a weld, as the package sets them.
WELD_PARAMETERS = (0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 5)

INFO_COLUMNS = (
    "near_object",
    "grasp_success",
    "grasp_reward",
    "in_place_reward",
    "obj_to_target",
    "unscaled_reward",
)

# Random episodes get seeds apart from the experts', so that they also differ in the random vector.
SEED_OFFSET = {"expert": 0, "expert_f32": 0, "random": 100}
HOLD_STEPS = 5

COMPACT_ARRAYS = ("rand_vec", "actions", "obs", "rewards", "success", "qpos", "qvel")

Arrays = dict[str, np.ndarray]
Controller = Callable[[np.ndarray], np.ndarray]


def write_weld_rows(env: SawyerMocapBase) -> None:
    """Replaces the package's method of the same purpose, which assigns whole rows of eq_data.

    MuJoCo 3.17 widened those rows from 11 to 12 columns, so that assigning 11 numbers to one fails
    and no environment can be constructed. The meaning of the first 11 did not change. The twelfth
    keeps its compiled value: stepping does not read it.
    """
    welds = env.model.eq_type == mujoco.mjtEq.mjEQ_WELD
    env.model.eq_data[welds, : len(WELD_PARAMETERS)] = WELD_PARAMETERS


def draw_rand_vec(task: str, seed: int) -> np.ndarray:
    """Draws through a reset of the package, so that its rejection rules apply as they stand."""
    env = ALL_V3_ENVIRONMENTS[task]()
    env._freeze_rand_vec = False
    env.seeded_rand_vec = True
    env.seed(seed)
    env.reset()
    rand_vec = env._last_rand_vec.copy()
    env.close()
    return rand_vec


def make_env(task: str, rand_vec: np.ndarray) -> SawyerXYZEnv:
    """A new environment each time: nothing of an earlier episode can reach this one."""
    env_cls = ALL_V3_ENVIRONMENTS[task]
    env = env_cls(reward_function_version="v2")
    settings = {"rand_vec": rand_vec, "env_cls": env_cls, "partially_observable": False}
    env.set_task(Task(env_name=task, data=pickle.dumps(settings)))
    return env


def make_controller(task: str, kind: str, seed: int, steps: int) -> Controller:
    """What maps the latest observation to the action, in the precision step() is to see."""
    if kind == "random":
        choices = -(-steps // HOLD_STEPS)
        drawn = np.random.default_rng(seed).uniform(-1.2, 1.2, size=(choices, 4))
        held = iter(np.repeat(drawn, HOLD_STEPS, axis=0))
        return lambda obs: next(held)
    policy = ENV_POLICY_MAP[task]()
    dtype = np.float32 if kind == "expert_f32" else np.float64
    return lambda obs: policy.get_action(obs).astype(dtype)


def start_arrays(env: SawyerXYZEnv, rand_vec: np.ndarray) -> Arrays:
    """All that decides the rest of the episode, the solver's warm start included.

    Copied, because most of it is a view of simulator memory that the next step overwrites.
    """
    model, data = env.model, env.data
    start = {
        "rand_vec": rand_vec,
        "target_pos": env._target_pos,
        "obj_init_pos": env.obj_init_pos,
        "init_tcp": env.init_tcp,
        "qpos0": data.qpos,
        "qvel0": data.qvel,
        "qacc_warmstart0": data.qacc_warmstart,
        "ctrl0": data.ctrl,
        "time0": [data.time],
        "mocap_pos0": data.mocap_pos[0],
        "mocap_quat0": data.mocap_quat[0],
        "body_pos": model.body_pos,
        "site_pos": model.site_pos,
    }
    return {name: np.array(value, dtype=np.float64) for name, value in start.items()}


def record_episode(task: str, kind: str, seed: int, steps: int) -> Arrays:
    rand_vec = draw_rand_vec(task, seed)
    env = make_env(task, rand_vec)
    controller = make_controller(task, kind, seed, steps)
    rows: dict[str, list[Any]] = {
        name: []
        for name in ("actions", "obs", "rewards", "success", "info", "qpos", "qvel", "mocap_pos")
    }

    def add_state(obs: np.ndarray) -> None:
        rows["obs"].append(obs.copy())
        rows["qpos"].append(env.data.qpos.copy())
        rows["qvel"].append(env.data.qvel.copy())
        rows["mocap_pos"].append(env.data.mocap_pos[0].copy())

    obs, _ = env.reset()
    arrays = start_arrays(env, rand_vec)
    add_state(obs)
    for _ in range(steps):
        action = controller(obs)
        obs, reward, _, _, info = env.step(action)
        rows["actions"].append(action)
        rows["rewards"].append(reward)
        rows["success"].append(info["success"])
        rows["info"].append([info[name] for name in INFO_COLUMNS])
        add_state(obs)

    for name, values in rows.items():
        arrays[name] = np.array(values, dtype=np.uint8 if name == "success" else np.float64)
    arrays["warn"] = np.array(env.data.warning.number, dtype=np.int64)
    env.close()
    return arrays


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has_fma() -> bool:
    return "fma" in Path("/proc/cpuinfo").read_text().split()


def describe_platform() -> dict[str, Any]:
    library = Path(mujoco.__file__).parent / f"libmujoco.so.{mujoco.__version__}"
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in RECORDED_VERSIONS},
        "libmujoco_sha256": sha256(library),
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
        "fma": has_fma(),
    }


def require_versions() -> None:
    for name, wanted in REQUIRED.items():
        if version(name) != wanted:
            sys.exit(f"record_golden: needs {name} {wanted}, found {version(name)}")


def list_of(allowed: Collection[str]) -> Callable[[str], list[str]]:
    """An argparse type: names separated by commas, each of them an allowed one."""

    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(allowed)}")
        return names

    return parse


def tasks(text: str) -> list[str]:
    return list(ALL_V3_ENVIRONMENTS) if text == "all" else list_of(ALL_V3_ENVIRONMENTS)(text)


def step_count(text: str) -> int:
    steps = int(text)
    if not 1 <= steps <= SawyerXYZEnv.max_path_length:
        raise argparse.ArgumentTypeError(f"must be 1 to {SawyerXYZEnv.max_path_length}")
    return steps


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR")
    parser.add_argument(
        "--tasks", type=tasks, default="reach-v3,push-v3,pick-place-v3", help="names, or `all`"
    )
    parser.add_argument("--steps", type=step_count, default=30, help="after the reset; default 30")
    parser.add_argument("--kinds", type=list_of(SEED_OFFSET), default="expert,expert_f32,random")
    parser.add_argument(
        "--seed", type=int, default=7, help="random episodes use SEED + 100; default 7"
    )
    parser.add_argument("--compact", action="store_true", help="only what a replay compares")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    require_versions()
    # The policies warn of every action outside [-1, 1]; such actions are wanted here.
    warnings.filterwarnings("ignore", message=r"Constant\(s\) may be too high")
    SawyerMocapBase.reset_mocap_welds = write_weld_rows

    args.out_dir.mkdir(parents=True, exist_ok=True)
    files = []
    for task in args.tasks:
        for kind in args.kinds:
            seed = args.seed + SEED_OFFSET[kind]
            arrays = record_episode(task, kind, seed, args.steps)
            if args.compact:
                arrays = {name: arrays[name] for name in COMPACT_ARRAYS}
            path = args.out_dir / f"{task}__{kind}_{seed}.npz"
            np.savez_compressed(path, **arrays)
            files.append(
                {
                    "file": path.name,
                    "task": task,
                    "kind": kind,
                    "seed": seed,
                    "T": args.steps,
                    "sha256": sha256(path),
                }
            )
    manifest = {
        "versions": describe_platform(),
        "info_columns": INFO_COLUMNS,
        "compact": args.compact,
        "files": files,
    }
    (args.out_dir / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
