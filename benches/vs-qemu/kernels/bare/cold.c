// What it costs to run code for the first time, for a hundred times, and from then on, per instruction.
#include "board.h"

u64 cold_code(u64 seed, u64 *memory);

#ifdef SMOKE
enum { PASSES = 12, WARM = 4 };
#else
enum { PASSES = 100, WARM = 50 };
#endif
enum { INSTRUCTIONS = 65536 };

void run(void) {
    u64 first = 0, all = 0, warm = ~0ull, sum = 0, *mem = memory_of(0);
    for (u64 n = 0; n < 32; n++)
        mem[n] = n;
    for (u64 pass = 0; pass < PASSES + WARM; pass++) {
        u64 start = now();
        sum = sum * 31 + cold_code(pass, mem);
        u64 ticks = now() - start;
        if (pass == 0)
            first = ticks;
        if (pass < PASSES)
            all += ticks;
        else if (ticks < warm)
            warm = ticks;
    }
    row("cold-first", first, INSTRUCTIONS, sum);
    // What the first hundred passes took longer than warm ones: translation, in whatever tiers it comes.
    u64 rest = PASSES * warm;
    row("cold-translate", all > rest ? all - rest : 0, INSTRUCTIONS, sum);
    row("cold-warm", warm, INSTRUCTIONS, sum);
}
