"""`python -m tests.dashboards`: generate the dashboards of the chart."""

from tests.dashboards.files import FOLDER, contents


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in contents().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
