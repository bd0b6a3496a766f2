// Moving, filling and searching memory, written as a C library's fallbacks are.
#include "bench.h"

// From source to target: no power of two, which a direct-mapped TLB of an emulator would pay for.
enum { APART = MEMORY / 2 + 5 * 4096 };

static NOINLINE void copy_words(u64 *restrict to, const u64 *restrict from, u32 words) {
    for (u32 n = 0; n < words; n += 4) {
        u64 a = from[n], b = from[n + 1], c = from[n + 2], d = from[n + 3];
        to[n] = a, to[n + 1] = b, to[n + 2] = c, to[n + 3] = d;
    }
}

static NOINLINE void copy_bytes(u8 *restrict to, const u8 *restrict from, u32 bytes) {
    while (bytes--)
        *to++ = *from++;
}

static NOINLINE void set_words(u64 *to, u64 value, u32 words) {
    for (u32 n = 0; n < words; n += 4)
        to[n] = value, to[n + 1] = value, to[n + 2] = value, to[n + 3] = value;
}

static NOINLINE u64 length_by_words(const char *text) {
    const u64 *word = (const u64 *)text;
    const u64 low = 0x0101010101010101ull, high = low << 7;
    u64 zero;
    while (!(zero = (*word - low) & ~*word & high))
        word++;
    return (const char *)word - text + __builtin_ctzll(zero) / 8;
}

static NOINLINE u64 length_by_bytes(const char *text) {
    const char *end = text;
    while (*end)
        end++;
    return end - text;
}

static void fill(void *mem) {
    u32 *words = mem, random = 1;
    for (u32 n = 0; n < MEMORY / 2 / 4; n++)
        words[n] = next_random(&random);
}

static u64 copy_page(void *mem, u64 rounds) {
    u64 *from = mem, *to = from + APART / 8, sum = 0;
    fill(mem);
    for (u64 n = 0; n < rounds; n++) {
        copy_words(to, from + 8 * (n % 64), 512);
        sum += to[n % 512];
    }
    return sum;
}

static u64 copy_line(void *mem, u64 rounds) {
    u8 *from = mem, *to = from + APART;
    u64 sum = 0;
    fill(mem);
    for (u64 n = 0; n < rounds; n++) {
        copy_bytes(to + n % 7, from + 3 * (n % 64), 61);
        sum += to[n % 60];
    }
    return sum;
}

static u64 set_page(void *mem, u64 rounds) {
    u64 *to = mem, sum = 0;
    for (u64 n = 0; n < rounds; n++) {
        set_words(to, n * 0x0101, 512);
        sum += to[n % 512];
    }
    return sum;
}

static void write_text(char *text) {
    u32 random = 2;
    for (u32 n = 0; n < 1024; n++)
        text[n] = 'a' + (next_random(&random) >> 24) % 26;
    text[1000] = 0;
}

static u64 strlen_words(void *mem, u64 rounds) {
    u64 sum = 0;
    write_text(mem);
    for (u64 n = 0; n < rounds; n++)
        sum += length_by_words((char *)mem + 8 * (n % 64));
    return sum;
}

static u64 strlen_bytes(void *mem, u64 rounds) {
    u64 sum = 0;
    write_text(mem);
    for (u64 n = 0; n < rounds; n++)
        sum += length_by_bytes((char *)mem + n % 512);
    return sum;
}

const struct bench memory_benches[] = {
    {"copy-4k", copy_page, 3000},         {"copy-61-bytes", copy_line, 10000}, {"set-4k", set_page, 5000},
    {"strlen-words", strlen_words, 10000}, {"strlen-bytes", strlen_bytes, 3000}, {0},
};
