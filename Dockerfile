# Everything is pinned: base images by their digests, each package by its hash.
ARG PYTHON_IMAGE=docker.io/library/python:3.13.9-slim-bookworm@sha256:b685a4fa58bb19d1814d78a1ec0f0208f351452724f78b20212c984d6e124a34
ARG GO_IMAGE=docker.io/library/golang:1.26.0-bookworm@sha256:2a0ba12e116687098780d3ce700f9ce3cb340783779646aafbabed748fa6677c

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements-build.lock requirements-image.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements-build.lock \
 && python -m venv --without-pip /opt/ibgu \
 && pip --python /opt/ibgu/bin/python install --require-hashes --only-binary :all: \
      -r requirements-image.lock
COPY pyproject.toml README.md LICENSE ./
COPY ibgu ibgu
COPY charts charts
COPY migrations migrations
# A hub that is real plays no fleet.
RUN rm -r ibgu/sim ibgu/sandbox \
 && pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && pip --python /opt/ibgu/bin/python install --no-deps --no-index /wheel/ibgu-*.whl \
 && python -m compileall -q /opt/ibgu/lib

FROM ${PYTHON_IMAGE} AS runtime
LABEL org.opencontainers.image.title="ibgu" \
      org.opencontainers.image.description="Takes fleets of single-node OpenShift clusters through image-based upgrades" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/ibgu /opt/ibgu
# Nothing is written but to /tmp; the number, so that Kubernetes sees that it is not root.
USER 65532:65532
ENV PATH=/opt/ibgu/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 IBGU_LISTEN=:8080
EXPOSE 8080
ENTRYPOINT ["ibgu"]
CMD ["run"]

# For docker-compose.yml: the same, and what a hub that can be thrown away begins with.
FROM ${GO_IMAGE} AS crds
WORKDIR /src
COPY ibgu/sandbox/gomod ./
RUN go mod download open-cluster-management.io/api \
 && mkdir /crds \
 && cd "$(go list -m -f '{{.Dir}}' open-cluster-management.io/api)" \
 && cp cluster/v1/*_managedclusters.crd.yaml work/v1/*_manifestworks.crd.yaml /crds/

FROM build AS sandbox-build
COPY requirements-sandbox.lock ./
RUN pip --python /opt/ibgu/bin/python install --require-hashes --only-binary :all: \
      -r requirements-sandbox.lock
COPY ibgu ibgu
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /sandbox-wheel . \
 && pip --python /opt/ibgu/bin/python install --no-deps --no-index --force-reinstall \
      /sandbox-wheel/ibgu-*.whl \
 && python -m compileall -q /opt/ibgu/lib

FROM runtime AS sandbox
COPY --from=sandbox-build /opt/ibgu /opt/ibgu
COPY --from=crds /crds /opt/ocm-crds
# A new volume takes this folder's owner.
USER 0:0
RUN install -d -o 65532 -g 65532 /hub
USER 65532:65532

# What a plain `docker build` makes.
FROM runtime
