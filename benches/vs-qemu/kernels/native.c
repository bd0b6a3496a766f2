// The portable kernels as a program of the host: what the slowdown column compares with. With an argument,
// those of one table.
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const struct bench integer_benches[], float_benches[], float_vector_benches[], memory_benches[];

u64 now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

u64 ticks_per_second(void) {
    return 1000000000;
}

void put(const char *text) {
    fputs(text, stdout);
}

int main(int count, char **words) {
    static const struct {
        const char *name;
        const struct bench *benches;
    } tables[] = {
        {"integer", integer_benches},
        {"float", float_benches},
        {"float-vector", float_vector_benches},
        {"memory", memory_benches},
    };
    void *mem = aligned_alloc(4096, MEMORY);
    for (unsigned n = 0; n < sizeof tables / sizeof *tables; n++)
        if (count < 2 || !strcmp(words[1], tables[n].name))
            for (const struct bench *b = tables[n].benches; b->name; b++)
                bench(b, mem);
    put("END\n");
    return 0;
}
