"""What a list of an image's packages is made of."""

from tools.security.sbom import DOCKERFILES, LOCKS, ROOT, installed, removed_from

LOCK = """# written by tools/lock.sh
here==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
elsewhere==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:cc
too-new==3.0 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
Only_For.Building==4.0 \\
    --hash=sha256:ee
"""


def test_a_list_has_what_is_installed_on_the_images_platform_with_every_hash() -> None:
    first, second = installed(LOCK, removed=set())
    assert first == "here==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    assert second.startswith("Only_For.Building==4.0")


def test_what_the_build_takes_out_again_is_not_listed() -> None:
    assert [entry.partition("==")[0] for entry in installed(LOCK, removed={"only-for-building"})] == ["here"]


def test_each_list_is_of_the_lock_files_that_the_images_build_installs() -> None:
    for image, dockerfile in DOCKERFILES.items():
        text = (ROOT / dockerfile).read_text()
        copied = {name for name in ("control.txt", "coder.txt", "collections.txt") if f"requirements/{name}" in text}
        assert copied == set(LOCKS[image]), image


def test_the_installer_itself_is_taken_out_of_every_image() -> None:
    for image in LOCKS:
        assert "pip" in removed_from(image), image
