// Timing and printing of rows.
#include "bench.h"

#ifdef SMOKE
// Ordinary tests look at checksums only.
enum { MILLISECONDS = 0, LEAST = 1 };
#else
enum { MILLISECONDS = 150, LEAST = 3 };
#endif

static void put_number(u64 value, unsigned base, unsigned least_digits) {
    char text[24], *p = text + sizeof text;
    *--p = 0;
    for (unsigned n = 0; n < least_digits || value; n++, value /= base)
        *--p = "0123456789abcdef"[value % base];
    put(p);
}

void row(const char *name, u64 ticks, u64 rounds, u64 checksum) {
    u64 picoseconds = (u64)((double)ticks * 1e12 / (double)ticks_per_second() / (double)rounds);
    put("ROW ");
    put(name);
    put(" ");
    put_number(picoseconds / 1000, 10, 1);
    put(".");
    put_number(picoseconds % 1000, 10, 3);
    put(" 0x");
    put_number(checksum, 16, 1);
    put("\n");
}

void bench(const struct bench *b, void *mem) {
    u64 limit = ticks_per_second() / 1000 * MILLISECONDS, best = ~0ull, total = 0, checksum = 0;
    for (unsigned n = 0; n < LEAST || total < limit; n++) {
        u64 start = now();
        u64 sum = b->run(mem, b->rounds);
        u64 ticks = now() - start;
        if (n && sum != checksum) {
            put("FAILED ");
            put(b->name);
            put(": two runs differ\n");
            return;
        }
        checksum = sum;
        total += ticks;
        if (ticks < best)
            best = ticks;
    }
    row(b->name, best, b->rounds, checksum);
}
