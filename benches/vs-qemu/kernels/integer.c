// Integer work of programs: lists, matrices, text, tables, sorting, hashes, calls.
#include "bench.h"

// --- A linked list: search, reversal, merge sort by key.

struct node {
    struct node *next;
    u16 key, value;
};

static struct node *reversed(struct node *list) {
    struct node *done = 0;
    while (list) {
        struct node *rest = list->next;
        list->next = done;
        done = list;
        list = rest;
    }
    return done;
}

static struct node *merged(struct node *a, struct node *b) {
    struct node head, *last = &head;
    while (a && b) {
        struct node **smaller = a->key <= b->key ? &a : &b;
        last = last->next = *smaller;
        *smaller = (*smaller)->next;
    }
    last->next = a ? a : b;
    return head.next;
}

static NOINLINE struct node *sorted(struct node *list, u32 count) {
    if (count < 2)
        return list;
    u32 half = count / 2;
    struct node *last = list;
    for (u32 n = 1; n < half; n++)
        last = last->next;
    struct node *rest = last->next;
    last->next = 0;
    return merged(sorted(list, half), sorted(rest, count - half));
}

static u64 list(void *mem, u64 rounds) {
    enum { NODES = 512 };
    struct node *nodes = mem;
    u32 random = 1;
    u64 sum = 0;
    while (rounds--) {
        for (u32 n = 0; n < NODES; n++)
            nodes[n] = (struct node){n + 1 < NODES ? &nodes[n + 1] : 0, next_random(&random) >> 20, n};
        struct node *all = nodes;
        for (u32 n = 0; n < 16; n++) {
            u32 key = next_random(&random) >> 20;
            struct node *found = all;
            while (found && found->key != key)
                found = found->next;
            sum += found ? found->value : 1;
            all = reversed(all);
        }
        all = sorted(all, NODES);
        for (struct node *p = all; p; p = p->next)
            sum = sum * 31 + p->value;
    }
    return sum;
}

// --- Matrices of 16-bit numbers.

static u64 matrix(void *mem, u64 rounds) {
    enum { N = 32 };
    int16_t(*a)[N] = mem, (*b)[N] = a + N;
    int32_t(*c)[N] = (void *)(b + N);
    u32 random = 2;
    for (u32 i = 0; i < N; i++)
        for (u32 j = 0; j < N; j++)
            a[i][j] = next_random(&random) >> 24, b[i][j] = next_random(&random) >> 24;
    u64 sum = 0;
    while (rounds--) {
        for (u32 i = 0; i < N; i++)
            for (u32 j = 0; j < N; j++) {
                int32_t cell = 0;
                for (u32 k = 0; k < N; k++)
                    cell += a[i][k] * b[k][j];
                c[i][j] = cell;
            }
        for (u32 i = 0; i < N; i++)
            for (u32 j = 0; j < N; j++) {
                int32_t cell = c[i][j];
                sum += (cell >> 2 & 15) * (cell >> 5 & 127);
                a[i][j] = (a[i][j] + (cell & 7)) & 255;
            }
    }
    return sum;
}

// --- A state machine that tells numbers in a text apart.

enum state { START, SIGN, INTEGER, FRACTION, EXPONENT, HEX, WRONG, STATES };

static enum state step(enum state state, char c) {
    int digit = c >= '0' && c <= '9';
    switch (state) {
    case START:
        return digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? FRACTION : WRONG;
    case SIGN:
        return digit ? INTEGER : c == '.' ? FRACTION : WRONG;
    case INTEGER:
        return digit ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : c == 'x' ? HEX : WRONG;
    case FRACTION:
        return digit ? FRACTION : c == 'e' ? EXPONENT : WRONG;
    case EXPONENT:
        return digit || c == '-' ? EXPONENT : WRONG;
    case HEX:
        return digit || (c >= 'a' && c <= 'f') ? HEX : WRONG;
    default:
        return WRONG;
    }
}

static u64 state(void *mem, u64 rounds) {
    static const char *const words[] = {"5012,", "-874,", "+1.75,", "0x1fe,", "6.02e23,", "1e-9,", "T0.3e-1F,", "-.5,"};
    enum { TEXT = 4096 };
    char *text = mem;
    u32 random = 3, length = 0;
    while (length < TEXT - 16)
        for (const char *word = words[next_random(&random) >> 29]; *word; word++)
            text[length++] = *word;
    u64 sum = 0;
    while (rounds--) {
        u32 ends[STATES] = {0};
        enum state now = START;
        for (u32 n = 0; n < length; n++) {
            if (text[n] == ',') {
                ends[now]++;
                now = START;
            } else {
                now = step(now, text[n]);
            }
        }
        for (u32 s = 0; s < STATES; s++)
            sum = sum * 33 + ends[s];
        u32 place = next_random(&random) % length;
        if (text[place] != ',')
            text[place] ^= 1;
    }
    return sum;
}

// --- A CRC, bit by bit.

static u64 crc(void *mem, u64 rounds) {
    enum { BYTES = 1024 };
    u8 *data = mem;
    u32 random = 4, crc = ~0u;
    for (u32 n = 0; n < BYTES; n++)
        data[n] = next_random(&random) >> 24;
    while (rounds--)
        for (u32 n = 0; n < BYTES; n++) {
            crc ^= data[n];
            for (u32 bit = 0; bit < 8; bit++)
                crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
        }
    return crc;
}

// --- Primes.

static u64 sieve(void *mem, u64 rounds) {
    enum { LIMIT = 1 << 16 };
    u8 *composite = mem;
    u64 sum = 0;
    while (rounds--) {
        for (u32 n = 0; n < LIMIT; n++)
            composite[n] = 0;
        for (u32 n = 2; n < LIMIT; n++)
            if (!composite[n]) {
                sum += n;
                for (u32 m = 2 * n; m < LIMIT; m += n)
                    composite[m] = 1;
            }
    }
    return sum;
}

// --- Sorting through a comparison that is called by its address.

typedef int compare(const void *, const void *);

static NOINLINE void sort(u32 *base, u32 count, compare *order) {
    while (count > 8) {
        u32 pivot = base[count / 2], *low = base, *high = base + count - 1;
        for (;;) {
            while (order(low, &pivot) < 0)
                low++;
            while (order(&pivot, high) < 0)
                high--;
            if (low >= high)
                break;
            u32 other = *low;
            *low++ = *high, *high-- = other;
        }
        u32 left = high + 1 - base;
        sort(base, left, order);
        base += left, count -= left;
    }
    for (u32 n = 1; n < count; n++)
        for (u32 m = n; m && order(&base[m], &base[m - 1]) < 0; m--) {
            u32 other = base[m];
            base[m] = base[m - 1], base[m - 1] = other;
        }
}

static int rising(const void *a, const void *b) {
    u32 x = *(const u32 *)a, y = *(const u32 *)b;
    return (x > y) - (x < y);
}

static int falling(const void *a, const void *b) {
    return rising(b, a);
}

static u64 quicksort(void *mem, u64 rounds) {
    enum { COUNT = 2048 };
    u32 *words = mem, random = 5;
    compare *volatile orders[2] = {rising, falling};
    u64 sum = 0;
    while (rounds--) {
        for (u32 n = 0; n < COUNT; n++)
            words[n] = next_random(&random);
        sort(words, COUNT, orders[rounds & 1]);
        for (u32 n = 0; n < COUNT; n += 64)
            sum = sum * 31 + words[n];
    }
    return sum;
}

// --- A hash table with open addressing.

static u64 hash(void *mem, u64 rounds) {
    enum { SLOTS = 4096 };
    u64 *slots = mem, sum = 0;
    u32 random = 6;
    while (rounds--) {
        for (u32 n = 0; n < SLOTS; n++)
            slots[n] = 0;
        for (u32 n = 0; n < SLOTS * 3 / 4; n++) {
            u64 key = next_random(&random) >> 18 | 1;
            u64 place = (key * 0x9e3779b97f4a7c15ull) >> 52;
            u32 probes = 0;
            while (slots[place] && slots[place] >> 32 != key)
                place = (place + 1) % SLOTS, probes++;
            slots[place] = (key << 32) | ((u32)slots[place] + 1);
            sum += probes + (u32)slots[place];
        }
    }
    return sum;
}

// --- SHA-256 (FIPS 180-4).

static u32 rotated(u32 x, u32 n) {
    return x >> n | x << (32 - n);
}

static const u32 K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
};

static NOINLINE void sha256_block(u32 h[8], const u8 *data) {
    u32 w[64], s[8];
    for (u32 n = 0; n < 16; n++)
        w[n] = (u32)data[4 * n] << 24 | data[4 * n + 1] << 16 | data[4 * n + 2] << 8 | data[4 * n + 3];
    for (u32 n = 16; n < 64; n++) {
        u32 x = w[n - 15], y = w[n - 2];
        w[n] = w[n - 16] + (rotated(x, 7) ^ rotated(x, 18) ^ x >> 3) + w[n - 7] +
               (rotated(y, 17) ^ rotated(y, 19) ^ y >> 10);
    }
    for (u32 n = 0; n < 8; n++)
        s[n] = h[n];
    for (u32 n = 0; n < 64; n++) {
        u32 a = s[0], e = s[4];
        u32 t = s[7] + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + K[n] + w[n];
        u32 u = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = e, s[4] = s[3] + t;
        s[3] = s[2], s[2] = s[1], s[1] = a, s[0] = t + u;
    }
    for (u32 n = 0; n < 8; n++)
        h[n] += s[n];
}

static u64 sha256(void *mem, u64 rounds) {
    u8 *data = mem;
    u32 random = 7;
    for (u32 n = 0; n < 64; n++)
        data[n] = next_random(&random) >> 24;
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    while (rounds--)
        sha256_block(h, data);
    return (u64)h[0] << 32 | h[7];
}

// --- Calls that call.

static NOINLINE u64 fib(u64 n) {
    // What the second call adds must not become a loop.
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static u64 fibonacci(void *mem, u64 rounds) {
    volatile u64 *n = mem;
    *n = 18;
    u64 sum = 0;
    while (rounds--)
        sum += fib(*n);
    return sum;
}

const struct bench integer_benches[] = {
    {"list", list, 20},     {"matrix", matrix, 40},         {"state", state, 60},
    {"crc", crc, 100},      {"sieve", sieve, 4},            {"qsort", quicksort, 4},
    {"hash", hash, 40},     {"sha256", sha256, 1000},       {"fib", fibonacci, 30},
    {0},
};
