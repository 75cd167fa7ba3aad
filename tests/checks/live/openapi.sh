#!/bin/bash
# GET /v1/openapi.json is an OpenAPI 3.1 document by the official schema.
set -euo pipefail
folder=$PWD/build/openapi
mkdir -p "$folder"
cp tests/checks/openapi/{package.json,package-lock.json,validate.js} "$folder/"
if ! cmp -s "$folder/package-lock.json" "$folder/installed"; then
  npm --prefix "$folder" ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$folder/package-lock.json" "$folder/installed"
fi
curl -s --fail-with-body "$EDGE_URL/v1/openapi.json" >"$folder/openapi.json"
node "$folder/validate.js" <"$folder/openapi.json"
