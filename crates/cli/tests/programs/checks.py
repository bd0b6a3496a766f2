"""Numbers that do not depend on the machine: IEEE 754 arithmetic, libm where it rounds the same way
everywhere, integers of any size, and what formats and hashes them. Prints one line per check."""

import binascii, cmath, decimal, fractions, hashlib, json, math, random, re, struct, zlib

VALUES = [0.0, -0.0, 1.0, -1.0, 0.1, -0.7, 0.5, 1.5, 2.5, math.pi, -math.e, 1e-5, 123456.789, 1e16, 2.0**53 + 2, 1e22,
          1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, -1e-310, 1e100, 3e-200, math.inf, -math.inf, math.nan]


def bits(x):
    """The bits of a double; NaNs, whose sign and payload are the architecture's choice, are one."""
    return "nan" if x != x else struct.pack(">d", x).hex()


def of(f, *arguments):
    """What f gives, as text."""
    try:
        result = f(*arguments)
        return bits(result) if isinstance(result, float) else repr(result)
    except (ValueError, OverflowError, ZeroDivisionError) as e:
        return type(e).__name__


def line(name, results):
    print(name, " ".join(results))


def digest(name, results):
    print(name, hashlib.sha256("\n".join(results).encode()).hexdigest())


def doubles(seed, count):
    """Bit patterns from a generator of our own, half of them of moderate size."""
    state = seed
    for n in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        word = state ^ state >> 29
        if n % 2:
            word = word & ~(0x7FF << 52) | (1013 + word % 20) << 52
        yield struct.unpack("<d", struct.pack("<Q", word))[0]


UNARY = dict(neg=lambda x: -x, abs=abs, sqrt=math.sqrt, floor=math.floor, ceil=math.ceil, trunc=math.trunc, round=round,
             frexp=math.frexp, modf=lambda x: [bits(p) for p in math.modf(x)], int=int, ulp=math.ulp, repr=repr,
             hex=float.hex, sin=math.sin, cos=math.cos, tan=math.tan, exp=math.exp, log=math.log, atan=math.atan,
             asin=math.asin, acos=math.acos, degrees=math.degrees, radians=math.radians)
BINARY = dict(add=lambda x, y: x + y, sub=lambda x, y: x - y, mul=lambda x, y: x * y, div=lambda x, y: x / y,
              mod=lambda x, y: x % y, floordiv=lambda x, y: x // y, fmod=math.fmod, remainder=math.remainder, pow=math.pow,
              atan2=math.atan2, copysign=math.copysign, nextafter=math.nextafter, less=lambda x, y: x < y,
              equal=lambda x, y: x == y, max=max, min=min)

for name, f in UNARY.items():
    line(name, (of(f, x) for x in VALUES))
    digest(name, (of(f, x) for x in doubles(1, 300)))
for name, f in BINARY.items():
    digest(name, (of(f, x, y) for x in VALUES for y in VALUES))
    digest(name, (of(f, x, y) for x, y in zip(doubles(2, 500), doubles(3, 500))))

# Other widths: single and half, in and out.
def packed(kind, x):
    return struct.pack(">" + kind, x).hex() if x == x else "nan"
for kind in "fe":
    line("pack " + kind, (of(packed, kind, x) for x in VALUES))
    digest("pack " + kind, (of(packed, kind, x) for x in doubles(4, 1000)))
digest("halves", (bits(struct.unpack("<e", struct.pack("<H", h))[0]) for h in range(65536)))
digest("singles", (bits(struct.unpack("<f", struct.pack("<I", s * 65521 % 2**32))[0]) for s in range(5000)))

# Text.
digest("repr", (repr(x) for x in doubles(5, 1500)))
digest("parse", (bits(float(repr(x))) for x in doubles(5, 1500)))
digest("formats", (f"{x:.3e} {x:g} {x:.17g} {x:20.6f}" for x in doubles(6, 100)))
line("parse", (bits(float(t)) for t in ["0.1", "1e23", "2.2250738585072011e-308", "9007199254740993", "1e-400", "1e400"]))
line("round", (bits(round(x, n)) for x in (2.675, 1234.5, -0.045, 1e15 + 0.3) for n in (-2, 0, 1, 2)))
line("json", [json.dumps({"values": VALUES[:12], "text": "é\u2028\"", "n": [1, None, True]}, sort_keys=True)])
digest("json", (bits(x) for x in json.loads(json.dumps(list(doubles(7, 500))))))

# Integers.
a, b = 3**2000 + 7, 7**650 - 11
line("integers", (hashlib.sha256(str(v).encode()).hexdigest() for v in (a * b, a // b, a % b, a**3, math.isqrt(a), pow(a, b, a + b))))
line("integers", map(str, (math.gcd(a * 12, b * 18), math.factorial(30), math.comb(100, 37), pow(3, -1, 2**127 - 1), a.bit_length())))
digest("int to float", (of(float, s * (2**53 + 1) ** k >> 3) for s in range(-40, 40) for k in range(12)))
digest("float to int", (of(int, x) for x in doubles(8, 500)))

# Built of many operations.
line("fsum", [bits(math.fsum(x for x in doubles(9, 400) if abs(x) < 1e300)), bits(sum([0.1] * 1000)), bits(math.dist((1, 2, 3), (4, 6, 8.5)))])
x = 0.3
for _ in range(5000):
    x = 3.99 * x * (1 - x)  # chaotic: one wrong bit shows
line("logistic map", [bits(x)])
z = complex(0.1, 0.2)
for _ in range(200):
    z = z * z + complex(-0.4, 0.6)
line("complex", [bits(z.real), bits(z.imag), repr((1 + 2j) / (3 - 4j)), repr(cmath.sqrt(-2 + 1j))])
generator = random.Random(12345)
digest("random", [bits(generator.random()) for _ in range(500)] + [bits(generator.gauss(0, 1)) for _ in range(200)])
line("fractions", [str(sum((fractions.Fraction(1, n) for n in range(1, 40)), fractions.Fraction())), str(fractions.Fraction(0.1).limit_denominator(1000))])
decimal.getcontext().prec = 60
line("decimal", map(str, (decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7, decimal.Decimal(2).ln(), decimal.Decimal(1).exp())))
matrix = [[1 / (i + j + 1) for j in range(8)] for i in range(8)]
for k in range(8):
    for i in range(k + 1, 8):
        factor = matrix[i][k] / matrix[k][k]
        matrix[i] = [p - factor * q for p, q in zip(matrix[i], matrix[k])]
line("elimination", (bits(matrix[k][k]) for k in range(8)))

# Bytes.
data = bytes((i * i + i // 7) % 256 for i in range(20000))
for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s"):
    line(name, [hashlib.new(name, data).hexdigest()])
line("pbkdf2", [hashlib.pbkdf2_hmac("sha256", b"secret", b"salty", 300).hex()])
line("checksums", [f"{zlib.crc32(data):08x} {zlib.adler32(data):08x} {binascii.crc_hqx(data, 0):04x}"])
squeezed = zlib.compress(data, 9)
line("zlib", [hashlib.sha256(squeezed).hexdigest(), str(zlib.decompress(squeezed) == data)])
words = re.findall(r"[b-f]+[0-9]{2,}", binascii.hexlify(data).decode())
line("words", [str(len(words)), hashlib.sha256(" ".join(sorted(words)).encode()).hexdigest(), str(sum(map(hash, words[:99])) % 2**61)])
