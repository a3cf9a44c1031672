#!/bin/sh
# Makes a throw-away CA and a certificate of it for localhost and 127.0.0.1, valid for a week. The CA's own key is not kept.
#
#   ./make_certificates.sh [FOLDER]
set -eu

folder=${1:-"$(dirname "$0")/certs"}
umask 077
mkdir -p "$folder"
cd "$folder"

key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
# shellcheck disable=SC2086  # the words of $key are arguments
openssl req -x509 $key -keyout ca.key -out ca.pem -days 7 -subj "/CN=Throw-away CA" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" 2>/dev/null
# shellcheck disable=SC2086
openssl req -new $key -keyout key.pem -out cert.csr -subj "/CN=localhost" 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n' >extensions
openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -extfile extensions -out cert.pem 2>/dev/null
rm -f ca.key ca.srl cert.csr extensions
echo "$folder: cert.pem, key.pem, ca.pem"
