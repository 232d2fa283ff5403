#!/bin/sh
# Two authorities: that of the centre signs for both sides, the other one is nobody's. In the folder
# NAME.key and NAME.crt for each certificate, ca.crt, crl.pem.
set -eu
folder=$1
mkdir -p "$folder"
cd "$folder"
authority() {
    mkdir -p "$1.d"
    : >"$1.d/index.txt"
    echo 01 >"$1.d/serial"
    echo 01 >"$1.d/crlnumber"
    cat >"$1.cnf" <<EOF
[ca]
default_ca = here
[here]
database = $1.d/index.txt
serial = $1.d/serial
crlnumber = $1.d/crlnumber
new_certs_dir = $1.d
certificate = $1.crt
private_key = $1.key
default_md = sha384
policy = any
copy_extensions = copy
default_days = 90
default_crl_days = 90
unique_subject = no
x509_extensions = leaf
crl_extensions = list
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:FALSE
authorityKeyIdentifier = keyid:always
[list]
authorityKeyIdentifier = keyid:always
EOF
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -noenc -sha384 -days 365 \
        -subj "/CN=Authority $1" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$1.key" -out "$1.crt"
}
certificate() { # AUTHORITY FILE IDENTITY
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -noenc -subj "/CN=$3" \
        -addext "subjectAltName=DNS:$3" -keyout "$2.key" -out "$2.csr"
    openssl ca -batch -notext -config "$1.cnf" -in "$2.csr" -out "$2.crt"
}
authority ca
authority other
certificate ca ipsec-gateway-1 gateway.province.example
certificate ca ipsec-gateway-2 gateway.province.example
certificate ca ipsec-centre-1 one.centre.example
certificate ca ipsec-centre-2 two.centre.example
certificate ca revoked gateway.province.example
certificate other rogue gateway.province.example
certificate ca stranger somebody.else.example
openssl ca -config ca.cnf -revoke revoked.crt
openssl ca -config ca.cnf -gencrl -out crl.pem
