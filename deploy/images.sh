#!/usr/bin/env bash
# Builds every image. ENGINE: docker, podman or buildah (the first that is here). TAG: dev. PYTHON: the image to begin with.
# BUILD_OPTIONS: more of the engine's own options. Names of images as arguments build those alone.
set -euo pipefail
cd "$(dirname "$0")/.."
for found in docker podman buildah ''; do command -v "${found:-true}" >/dev/null && break; done
ENGINE=${ENGINE:-$found} TAG=${TAG:-dev} PYTHON=${PYTHON:-python:3.11-slim}
command -v "${ENGINE:-docker}" >/dev/null || { echo "There is no ${ENGINE:-docker, podman or buildah} here: install it, or name another by ENGINE." >&2; exit 69; }
build=(build)
[ "$ENGINE" = buildah ] && build=(build --layers)
read -ra options <<<"${BUILD_OPTIONS:-}"
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
images=("$@")
[ $# -gt 0 ] || images=(customer manager marketing complaints scoring gateway operator servers)
for image in "${images[@]}"; do
    echo "== guanxi/$image:$TAG"
    file=deploy/Dockerfile
    [ "$image" = servers ] && file=deploy/servers/Dockerfile
    "$ENGINE" "${build[@]}" "${options[@]}" --build-arg "PYTHON=$PYTHON" --build-arg "SERVICE=$image" --build-arg "REVISION=$revision" \
        --file "$file" --tag "guanxi/$image:$TAG" .
done
