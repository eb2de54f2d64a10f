#!/usr/bin/env python3
"""Compares this machine's speed of Kinitro with that of the Python package and of EnvPool.

The three take turns, so that all of them meet the same load, and what is printed is the median of
the ratios round by round. Each has a virtual environment of its own, since their pins disagree:

    python3 -m venv A && A/bin/pip install --no-deps metaworld==3.1.1
    A/bin/pip install gymnasium imageio scipy packaging mujoco==3.17.0
    python3 -m venv B && B/bin/pip install envpool
    cargo build --release -p kinitro-cli
    python3 scripts/bench_others.py --package A/bin/python --envpool B/bin/python

Steps are of random actions held for five steps. Resets of the package are counted as they come,
with their two passes. Pictures are 84x84 from `corner` and `corner2`, by processor time. EnvPool is
measured over eight environments, within episodes, so that its automatic resets are not counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SLOTS = 8


def held_actions(rng, steps, slots=None):
    import numpy as np

    shape = (-(-steps // 5), 4) if slots is None else (-(-steps // 5), slots, 4)
    return np.repeat(rng.uniform(-1, 1, shape), 5, axis=0)


def measure_package(task: str) -> dict[str, float]:
    import pickle
    import warnings

    import numpy as np
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS
    from metaworld.sawyer_xyz_env import SawyerMocapBase
    from metaworld.types import Task
    from record_golden import draw_rand_vec, write_weld_rows

    warnings.filterwarnings("ignore")
    SawyerMocapBase.reset_mocap_welds = write_weld_rows
    rand_vec = draw_rand_vec(task, 0)

    def make(**settings):
        env_cls = ALL_V3_ENVIRONMENTS[task]
        env = env_cls(**settings)
        data = {"rand_vec": rand_vec, "env_cls": env_cls, "partially_observable": False}
        env.set_task(Task(env_name=task, data=pickle.dumps(data)))
        return env

    env = make()
    rng = np.random.default_rng(0)
    env.reset()
    actions = held_actions(rng, 499)
    started = time.perf_counter()
    for action in actions[:499]:
        env.step(action)
    steps = 499 / (time.perf_counter() - started)
    started = time.perf_counter()
    for _ in range(10):
        env.reset()
    resets = 10 / (time.perf_counter() - started)

    cameras = [
        make(render_mode="rgb_array", camera_name=name, width=84, height=84)
        for name in ("corner", "corner2")
    ]
    for camera in cameras:
        camera.reset()
        camera.render()
    pairs = 5
    started = time.process_time()
    for _ in range(pairs):
        for camera in cameras:
            camera.render()
    pair = (time.process_time() - started) * 1e3 / pairs
    return {"steps": steps, "resets": resets, "pair_ms": pair}


def measure_envpool(task: str) -> dict[str, float]:
    import envpool
    import numpy as np

    name = "".join(part.capitalize() for part in task.removesuffix("-v3").split("-"))
    rates = {}
    for threads in (1, 2):
        pool = envpool.make(
            f"MetaWorld/{name}-v3", env_type="gymnasium", num_envs=SLOTS, num_threads=threads
        )
        pool.reset()
        actions = held_actions(np.random.default_rng(0), 490, SLOTS)
        actions = actions.astype(pool.action_space.dtype)
        started = time.perf_counter()
        for action in actions[:490]:
            pool.step(action)
        rates[f"steps_{threads}"] = 490 * SLOTS / (time.perf_counter() - started)
        pool.close()
    return rates


def run(command: list[str]) -> dict[str, float]:
    environment = {**os.environ, "MUJOCO_GL": "egl"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench_others: {' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip() if done.stdout.startswith("{\n") else done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", metavar="PYTHON", help="a Python with metaworld")
    parser.add_argument("--envpool", metavar="PYTHON", help="a Python with envpool")
    parser.add_argument("--task", default="reach-v3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", choices=("package", "envpool"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure = measure_package if args.measure == "package" else measure_envpool
        print(json.dumps(measure(args.task)))
        return

    program = str(ROOT / "target/release/kinitro")
    ratios: dict[str, list[tuple[float, float]]] = {}

    def note(what: str, ours: float, theirs: float, smaller_is_better: bool = False) -> None:
        # A clock that has not moved tells nothing.
        if ours > 0 and theirs > 0:
            pair = (theirs, ours) if smaller_is_better else (ours, theirs)
            ratios.setdefault(what, []).append(pair)

    for index in range(args.rounds):
        print(f"round {index + 1} of {args.rounds}", file=sys.stderr)
        here = [__file__, "--task", args.task, "--measure"]
        package = run([args.package, *here, "package"]) if args.package else None
        ours = run([program, "bench", "rates", args.task])
        envpool = run([args.envpool, *here, "envpool"]) if args.envpool else None
        if package:
            note("steps against the package", ours["raw_steps"], package["steps"])
            note("resets against the package", ours["raw_resets"], package["resets"])
            for kind in ("fast", "exact"):
                mine = ours[f"{kind}_pair_ms"]
                note(f"{kind} pictures against the package's", mine, package["pair_ms"], True)
        if envpool:
            note("pool on one thread against EnvPool", ours["pool_steps_one_thread"], envpool["steps_1"])
            note("pool on two threads against EnvPool", ours["pool_steps_two_threads"], envpool["steps_2"])
    print(f"{args.task}: median of {args.rounds} rounds, and the range")
    for what, pairs in ratios.items():
        found = sorted(a / b for a, b in pairs)
        first = statistics.median(a for a, _ in pairs)
        second = statistics.median(b for _, b in pairs)
        ratio = statistics.median(found)
        print(f"{what:40} {first:10.1f} {second:10.1f} {ratio:8.2f}  ({found[0]:.2f} to {found[-1]:.2f})")


if __name__ == "__main__":
    main()
