"""`python -m tests.client.generator`: generate the client from the OpenAPI document."""

from tests.client.generator.files import contents


def main() -> None:
    for path, text in contents().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
