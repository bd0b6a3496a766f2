#!/bin/sh
# Prints what programs make of fixed input. The guest's output is compared, line by line, with
# expected.txt, which is what this script printed on another architecture:
#     PATH=DIR-OF-PYTHON3.11:$PATH sh checks.sh >expected.txt
# on Debian 12 for amd64 (coreutils 9.1, OpenSSL 3.0, Python 3.11). Keys are made for this test only.
cd "$(dirname "$0")" || exit 1
work=/tmp/programs
mkdir -p $work
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 LC_ALL=C

seq 1 20000 >$work/data
key=000102030405060708090a0b0c0d0e0f
iv=f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff

digests() {
    for name in $*; do echo $name $(openssl dgst -$name -r <$work/data); done
}
there_and_back() {
    echo $1 $(openssl enc -$1 -K $2 -iv $iv <$work/data | tee $work/sealed | sha256sum)
    openssl enc -d -$1 -K $2 -iv $iv <$work/sealed | cmp - $work/data || echo "$1 does not decrypt"
}
authenticators() {
    openssl mac -cipher AES-128-GCM -macopt hexkey:$key -macopt hexiv:f0f1f2f3f4f5f6f7f8f9fafb -in $work/data GMAC
    openssl mac -macopt hexkey:$key$iv -in $work/data Poly1305
}

echo "= coreutils"
for sum in md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum; do
    $sum <$work/data
done
cksum -a sm3 <$work/data
factor 18446744073709551557 340282366920938463463374607431768211455 600851475143 4611686014132420609 </dev/null # it buffers otherwise at a terminal
seq -f %.12g 0.1 0.1 2 | tr '\n' ' '
od -An -tfD -N 160 $work/data
od -An -tfF -N 80 $work/data

echo "= openssl"
digests md5 sha1 sha256 sha512 sha3-256 blake2b512 blake2s256 sm3 ripemd160
for cipher in aes-128-cbc aes-128-ctr aes-128-cfb camellia-128-cbc sm4-ctr; do there_and_back $cipher $key; done
for cipher in aes-256-cbc aria-256-ctr chacha20; do there_and_back $cipher $key$iv; done
authenticators
openssl mac -cipher AES-256-CBC -macopt hexkey:$key$iv -in $work/data CMAC
openssl kdf -keylen 32 -kdfopt pass:secret -kdfopt salt:salty -kdfopt n:64 -kdfopt r:8 -kdfopt p:1 SCRYPT

# The same on other instructions (a bit each: NEON, and what is older than the crypto extensions; none).
for OPENSSL_armcap in 1 0; do
    echo "= openssl $OPENSSL_armcap"
    export OPENSSL_armcap
    digests sha1 sha256 sha512 sha3-256
    there_and_back aes-128-cbc $key
    there_and_back aes-128-ctr $key
    there_and_back chacha20 $key$iv
    authenticators
done
unset OPENSSL_armcap

echo "= keys"
openssl dgst -sha256 -sign keys/rsa.pem $work/data | sha256sum
openssl pkeyutl -sign -rawin -inkey keys/ed25519.pem -in $work/data | sha256sum
openssl pkey -in keys/x25519.pem -pubout -out $work/x25519.pub
openssl pkeyutl -derive -inkey keys/x25519.pem -peerkey $work/x25519.pub | sha256sum
for curve in p256 p384; do
    openssl pkey -in keys/$curve.pem -pubout -out $work/$curve.pub
    openssl pkeyutl -derive -inkey keys/$curve.pem -peerkey $work/$curve.pub | sha256sum
    openssl dgst -sha256 -sign keys/$curve.pem -out $work/signature $work/data
    openssl dgst -sha256 -verify $work/$curve.pub -signature $work/signature $work/data
    openssl base64 -d -in keys/$curve.signature -out $work/signature # made on the other architecture
    openssl dgst -sha256 -verify $work/$curve.pub -signature $work/signature $work/data
    openssl dgst -sha256 -verify $work/$curve.pub -signature $work/signature keys/$curve.pem
done
openssl pkey -in keys/rsa.pem -pubout -out $work/rsa.pub
openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sign keys/rsa.pem -out $work/signature $work/data
openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify $work/rsa.pub -signature $work/signature $work/data
openssl genrsa 512 2>/dev/null | openssl rsa -check -noout
openssl prime 170141183460469231731687303715884105727 170141183460469231731687303715884105725

echo "= python3"
python3 checks.py
echo "= end"
