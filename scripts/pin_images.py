#!/usr/bin/env python3
"""scripts/pin_images.py [--check | --unpin]: pins the images of others in compose.yaml and deploy by the digests that their
tags have now. The digest is the one of the index of all architectures. Needs skopeo, and a network.

--check   changes nothing, and fails if an image is not pinned. A release needs pinned images.
--unpin   removes the digests. Between releases, builds use the newest image of each tag.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE = re.compile(r"\b((?:docker|ghcr|quay)\.io/[a-z0-9._/-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?(?![\w.@:-])")
# The positions of images, so that none escapes because of its form: no tag, no registry, or another registry.
REFERENCE = re.compile(
    r"""(?:\b(?:image|spinImage):|^FROM|^ARG\ \w+=|^COPY\ --from=|_IMAGE:-)\s*
        (?:&\w+\s+)?(?:--\w+=\S+\s+)?["']?(?:\$\{\w+:-)?([^\s"'}]+)""",
    re.MULTILINE | re.VERBOSE,
)
# Images of this project, and names that stand for one.
OWN = ("localhost/", "registry.example.com/", "$", "*")


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


def is_known(reference, stages):
    return reference.startswith(OWN) or reference in stages or IMAGE.fullmatch(reference)


def problems(texts):
    """Returns the images that a release must not have."""
    digests = {}
    for path, text in texts.items():
        name = path.relative_to(ROOT)
        stages = {"scratch", *re.findall(r"^FROM .* AS (\S+)$", text, re.MULTILINE)}
        for match in REFERENCE.finditer(text):
            if not is_known(match[1], stages):
                yield f"{name}: {match[1]} has no tag, no registry, or a registry that this script does not know"
        for match in IMAGE.finditer(text):
            if not match[2]:
                yield f"{name}: {match[1]} is not pinned"
            elif digests.setdefault(match[1], match[2]) != match[2]:
                yield f"{name}: {match[1]} has another digest than in a file before"


def main(arguments):
    if arguments not in ([], ["--check"], ["--unpin"]):
        sys.exit("usage: scripts/pin_images.py [--check | --unpin]")
    texts = {path: path.read_text() for path in files()}
    images = sorted({match[1] for text in texts.values() for match in IMAGE.finditer(text)})
    if not images:
        sys.exit("no image is found")
    if arguments == ["--check"]:
        if found := list(problems(texts)):
            sys.exit("a release needs images that scripts/pin_images.py has pinned\n" + "\n".join(found))
        return
    digests = {image: "" if arguments else digest(image) for image in images}
    for path, text in texts.items():
        changed = IMAGE.sub(lambda match: match[1] + digests[match[1]], text)
        if changed != text:
            path.write_text(changed)
    for image, value in digests.items():
        print(image + value)


main(sys.argv[1:])
