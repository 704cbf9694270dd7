#!/bin/sh
# Installs the packages of a lock file into /opt/venv, without pip and without what no command here uses.
set -eu
lock=$1

python3 -m venv --without-pip /opt/venv
# Wheels only: there is no compiler here.
python3 -m pip --python /opt/venv/bin/python3 install --quiet --no-cache-dir --no-compile --disable-pip-version-check \
    --only-binary :all: --require-hashes --requirement "$lock"

cd /opt/venv/lib/python3.*/site-packages
find . -type d -name tests -prune -exec rm -rf {} +
rm -rf onnxruntime/datasets onnxruntime/quantization onnxruntime/tools onnxruntime/transformers
if [ -d botocore ]; then
    # Of the descriptions of 400 services, those of storage and of the ways to log in.
    find botocore/data -mindepth 1 -maxdepth 1 -type d \
        ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -rf {} +
fi
# Not checked against the sources: the same bytes whenever it is made, and nothing looks at modification times.
/opt/venv/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib
