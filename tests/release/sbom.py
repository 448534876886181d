"""A CycloneDX bill of what ships: nothing in it depends on when or where it is written."""

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL

from tests.release.errors import ReleaseError
from tests.release.packages import Package
from tests.release.source import Source


def written(version: str, source: Source, direct: set[str], packages: Sequence[Package]) -> str:
    """Canonical JSON, valid by CycloneDX 1.6. `direct` names those that ibgu asks for itself."""
    text = JsonV1Dot6(_bom(version, source, direct, packages)).output_as_string(indent=2) + "\n"
    check(text)
    return text


def check(text: str) -> None:
    # Its grammars are compiled as it is imported, which takes seconds of anyone who collects tests.
    from cyclonedx.validation.json import JsonStrictValidator

    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ReleaseError(f"the SBOM is not valid by CycloneDX 1.6: {error}")


def _bom(version: str, source: Source, direct: set[str], packages: Sequence[Package]) -> Bom:
    ibgu = _application(version)
    parts = {each: _component(each) for each in packages}
    bom = Bom(
        components=parts.values(),
        # The same commit, the same bill: a random number would make two of it.
        serial_number=uuid5(NAMESPACE_URL, f"{ibgu.purl}#{source.commit}"),
        metadata=BomMetaData(component=ibgu, timestamp=source.at),
    )
    bom.register_dependency(ibgu, [parts[each] for each in packages if _is_direct(each, direct)])
    for each, part in parts.items():
        needed = [parts[other] for other in packages if _needs(each, other)]
        bom.register_dependency(part, needed)
    return bom


def _is_direct(package: Package, direct: set[str]) -> bool:
    return package.kind == "npm" or package.name in direct


def _needs(one: Package, other: Package) -> bool:
    return one.kind == other.kind and other.name in one.needs


def _application(version: str) -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        name="ibgu",
        version=version,
        bom_ref="ibgu",
        purl=PackageURL("pypi", None, "ibgu", version),
        licenses=[LicenseExpression("Apache-2.0")],
    )


def _component(package: Package) -> Component:
    purl = PackageURL(package.kind, None, package.name, package.version)
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseExpression(package.licence)],
        external_references=_archives(package),
        components=[_file(path, digest) for path, digest in package.files],
    )


def _archives(package: Package) -> list[ExternalReference]:
    """The checksums stand here, not at the package: each is of one of its archives."""
    if not package.archives:
        return []
    return [
        ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(f"https://pypi.org/project/{package.name}/{package.version}/#files"),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in package.archives],
        )
    ]


def _file(path: str, digest: str) -> Component:
    return Component(
        type=ComponentType.FILE,
        name=path,
        bom_ref=path,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
