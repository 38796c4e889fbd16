#!/usr/bin/env python3
"""scripts/pin_images.py [--check]: pins the images of others in compose.yaml and deploy by the digests that their tags have now.

--check changes nothing, and fails if an image is not pinned. A release needs pinned images. The digest is the one of the
index of all architectures. Needs skopeo, and a network.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE = re.compile(r"\b((?:docker|ghcr|quay)\.io/[a-z0-9._/-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?(?![\w.@:-])")


def files():
    yield ROOT / "compose.yaml"
    for path in sorted((ROOT / "deploy").rglob("*")):
        if path.name == "Dockerfile" or path.suffix in (".yaml", ".example"):
            yield path


def digest(image):
    """Returns the digest of the manifest that the tag names."""
    command = ["skopeo", "inspect", "--raw", f"docker://{image}"]
    found = subprocess.run(command, capture_output=True, check=False)
    if found.returncode != 0 or not found.stdout:
        sys.exit(f"the digest of {image} cannot be read: {found.stderr.decode(errors='replace').strip()}")
    return "@sha256:" + hashlib.sha256(found.stdout).hexdigest()


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit("usage: scripts/pin_images.py [--check]")
    texts = {path: path.read_text() for path in files()}
    found = [(path, match) for path, text in texts.items() for match in IMAGE.finditer(text)]
    if not found:
        sys.exit("no image is found")
    if arguments:
        unpinned = [f"{path.relative_to(ROOT)}: {match[1]}" for path, match in found if not match[2]]
        if unpinned:
            sys.exit("run scripts/pin_images.py: these images are not pinned\n" + "\n".join(unpinned))
        return
    digests = {image: digest(image) for image in sorted({match[1] for _, match in found})}
    for path, text in texts.items():
        pinned = IMAGE.sub(lambda match: match[1] + digests[match[1]], text)
        if pinned != text:
            path.write_text(pinned)
    for image, value in digests.items():
        print(image + value)


main(sys.argv[1:])
