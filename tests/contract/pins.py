"""Pins the images of compose.yaml and deploy with scripts/pin_images.py, against a registry on loopback that has them.

usage: pins.py
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = b"{}"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
# The references of images, found in another way than in the script.
FOUND = re.compile(r"docker\.io/[^\s}@]+|ghcr\.io/[^\s}@]+")


def check(name, condition, detail=""):
    if not condition:
        sys.exit(f"FAILED: {name} {detail}")
    print(f"ok    {name}")


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    """Debian's docker-registry with an empty store, and a skopeo that takes it for the registries of others."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        configuration = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
            "http": {"addr": self.address},
        }
        (folder / "registry.yaml").write_text(json.dumps(configuration))
        others = "".join(
            f'[[registry]]\nprefix = "{name}"\nlocation = "{self.address}"\ninsecure = true\n' for name in ("docker.io", "ghcr.io")
        )
        (folder / "home/.config/containers").mkdir(parents=True)
        (folder / "home/.config/containers/registries.conf").write_text(others)
        with (folder / "registry.log").open("wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", folder / "registry.yaml"], stdout=log, stderr=log)
        for _ in range(100):
            try:
                socket.create_connection(tuple(self.address.split(":")), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("FAILED: docker-registry does not start: " + (folder / "registry.log").read_text())

    def send(self, method, path, content, kind):
        url = path if path.startswith("http") else f"http://{self.address}/v2/{path}"
        request = urllib.request.Request(url, content, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers

    def put(self, name, tag, manifest):
        """Stores a manifest, and returns the digest that the registry gives it."""
        content = json.dumps(manifest).encode()
        headers = self.send("PUT", f"{name}/manifests/{tag or digest(content)}", content, manifest["mediaType"])
        return headers["Docker-Content-Digest"], len(content)

    def push(self, image, mark):
        """Stores an image for two architectures, and returns the digest of its index."""
        name, tag = re.fullmatch(r"[^/]+/(.+):(.+)", image).groups()
        upload = self.send("POST", f"{name}/blobs/uploads/", b"", "application/octet-stream")["Location"]
        end = "&" if "?" in upload else "?"
        self.send("PUT", f"{upload}{end}digest={digest(CONFIG)}", CONFIG, "application/octet-stream")
        parts = []
        for architecture in ("amd64", "arm64"):
            config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)}
            marks = {"mark": f"{mark} {architecture}"}
            manifest = {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [], "annotations": marks}
            stored, size = self.put(name, None, manifest)
            platform = {"architecture": architecture, "os": "linux"}
            parts.append({"mediaType": IMAGE, "digest": stored, "size": size, "platform": platform})
        return self.put(name, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": parts})[0]


class Copy:
    """The script and the files that it reads, in a folder."""

    def __init__(self, folder, registry):
        self.folder, self.home = folder / "copy", folder / "home"
        self.registry = registry
        (self.folder / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts/pin_images.py", self.folder / "scripts")
        shutil.copy(ROOT / "compose.yaml", self.folder)
        shutil.copytree(ROOT / "deploy", self.folder / "deploy")

    def texts(self):
        paths = (path for path in self.folder.rglob("*") if path.is_file() and "scripts" not in path.parts)
        return {path.relative_to(self.folder).as_posix(): path.read_text() for path in paths}

    def run(self, *arguments):
        environment = {**os.environ, "HOME": str(self.home)}
        # They would replace the configuration in the home.
        for name in ("CONTAINERS_REGISTRIES_CONF", "XDG_CONFIG_HOME"):
            environment.pop(name, None)
        command = [sys.executable, self.folder / "scripts/pin_images.py", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)

    def refuses(self, name, path, replaced, replacement, reason):
        """Checks that --check fails after a change of a file, and takes the change back."""
        file = self.folder / path
        text = file.read_text()
        changed = re.sub(replaced, replacement, text, count=1)
        assert changed != text, f"{path} has no {replaced}"
        file.write_text(changed)
        found = self.run("--check")
        file.write_text(text)
        check(f"--check refuses {name}", found.returncode == 1 and reason in found.stderr, found.stderr)


def main(folder, registry):
    copy = Copy(folder, registry)
    copy.run("--unpin")
    tags = copy.texts()
    images = {image for text in tags.values() for image in FOUND.findall(text)}
    check("the files name images of others", len(images) >= 10, images)
    missing = max(images)
    digests = {image: registry.push(image, "first") for image in images if image != missing}

    found = copy.run()
    check("an image that does not exist pins nothing", found.returncode == 1 and missing in found.stderr, found.stderr)
    check("no file has changed", copy.texts() == tags)
    digests[missing] = registry.push(missing, "first")

    found = copy.run("--check")
    listed = [image for image in images if f": {image} is not pinned\n" in found.stderr + "\n"]
    check("--check refuses tags", found.returncode == 1 and set(listed) == images, found.stderr)
    found = copy.run()
    check("the script pins", found.returncode == 0, found.stderr)
    pinned = copy.texts()
    expected = {path: FOUND.sub(lambda image: f"{image[0]}@{digests[image[0]]}", text) for path, text in tags.items()}
    check("each tag has the digest of its index", pinned == expected)
    found = copy.run("--check")
    check("--check accepts digests", found.returncode == 0, found.stderr)

    moved = "docker.io/library/debian:bookworm-slim"
    digests[moved] = registry.push(moved, "second")
    check("the tag has moved", digests[moved] not in str(pinned))
    copy.run()
    expected = {path: FOUND.sub(lambda image: f"{image[0]}@{digests[image[0]]}", text) for path, text in tags.items()}
    check("another run pins the image that the tag has now", copy.texts() == expected)

    copy.refuses("a tag", "compose.yaml", r"(redis:7-bookworm)@sha256:\w+", r"\1", "redis:7-bookworm is not pinned")
    copy.refuses("a cut digest", "compose.yaml", r"(redis:7-bookworm@sha256:\w{63})\w", r"\1", "redis:7-bookworm")
    copy.refuses("no tag", "compose.yaml", r"docker\.io/library/redis:[^}]+", "docker.io/library/redis", "library/redis has no tag")
    copy.refuses("no registry", "compose.yaml", r"docker\.io/library/redis:[^}]+", "redis:7", "redis:7 has no tag, no registry")
    dockerfile = "deploy/service/Dockerfile"
    copy.refuses("another registry", dockerfile, r"RUST=\S+", "RUST=registry.test/rust:1", "registry.test/rust:1 has no tag")
    copy.refuses("a base without a registry", dockerfile, r"FROM \$\{DEBIAN\}\n", "FROM debian:12\n", "debian:12 has no tag")
    copy.refuses("two digests", dockerfile, r"(bookworm-slim@sha256:)\w{64}", r"\g<1>" + "0" * 64, "another digest")

    found = copy.run("--unpin")
    check("--unpin restores the tags", found.returncode == 0 and copy.texts() == tags, found.stderr)


with tempfile.TemporaryDirectory(prefix="tenancy-pins-") as name:
    registry = Registry(Path(name))
    try:
        main(Path(name), registry)
    finally:
        registry.process.terminate()
        registry.process.wait()
