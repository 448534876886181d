"""`python -m tests.docs.reference`: generate the reference pages (part of `make docs`)."""

from tests.docs.reference.pages import FOLDER, PAGES


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in PAGES.items():
        (FOLDER / name).write_text(text())


if __name__ == "__main__":
    main()
