// An image that runs one table of portable kernels, named by -DTABLE.
#include "board.h"

extern const struct bench TABLE[];

void run(void) {
    for (const struct bench *b = TABLE; b->name; b++)
        bench(b, memory_of(0));
}
