#!/bin/sh
# A service's name in, its image built, pushed and its layers kept in the registry for the next build: what each build
# step of cloudbuild.yaml runs. IMAGES is the registry's folder, TAG the image's tag; `tracker` is a buildx builder.
set -eu

service=$1
image="${IMAGES:?names the folder of the registry}/$(printf %s "$service" | tr _ -)"

exec docker buildx build . \
    --builder tracker \
    --build-arg "SERVICE=$service" \
    --build-arg "VERSION=${TAG:?names the image}" \
    --cache-from "type=registry,ref=$image:cache" \
    --cache-to "type=registry,ref=$image:cache,mode=max" \
    --tag "$image:$TAG" \
    --push
