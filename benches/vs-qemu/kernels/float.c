// Floating point work of programs. Built twice: as it is, without vectors, and with -DVECTOR for the
// compiler to vectorise.
#include "bench.h"

#ifdef VECTOR
#define NAME(name) name "-v"
#define TABLE float_vector_benches
#else
#define NAME(name) name
#define TABLE float_benches
#endif

static u64 bits(double value) {
    union {
        double value;
        u64 bits;
    } both = {value};
    return both.bits;
}

static double uniform(u32 *random) {
    return (next_random(random) >> 8) * (1.0 / (1 << 24));
}

// --- Five bodies and their gravity, in arrays of coordinates.

static u64 nbody(void *mem, u64 rounds) {
    enum { N = 8 };
    struct bodies {
        double x[N], y[N], z[N], vx[N], vy[N], vz[N], mass[N];
    } *b = mem;
    u32 random = 1;
    for (u32 n = 0; n < N; n++) {
        b->x[n] = 10 * uniform(&random), b->y[n] = 10 * uniform(&random), b->z[n] = 10 * uniform(&random);
        b->vx[n] = b->vy[n] = b->vz[n] = 0;
        b->mass[n] = 1 + uniform(&random);
    }
    const double dt = 0.001;
    while (rounds--) {
        for (u32 i = 0; i < N; i++) {
            double xi = b->x[i], yi = b->y[i], zi = b->z[i], mass = b->mass[i] * dt;
            for (u32 j = 0; j < N; j++) {
                // Softened, so that a body does not pull itself.
                double dx = b->x[j] - xi, dy = b->y[j] - yi, dz = b->z[j] - zi;
                double square = dx * dx + dy * dy + dz * dz + 0.01;
                double pull = mass / (square * __builtin_sqrt(square));
                b->vx[j] -= dx * pull, b->vy[j] -= dy * pull, b->vz[j] -= dz * pull;
            }
        }
        for (u32 i = 0; i < N; i++)
            b->x[i] += dt * b->vx[i], b->y[i] += dt * b->vy[i], b->z[i] += dt * b->vz[i];
    }
    double energy = 0;
    for (u32 i = 0; i < N; i++)
        energy += b->mass[i] * (b->vx[i] * b->vx[i] + b->vy[i] * b->vy[i] + b->vz[i] * b->vz[i]);
    return bits(energy);
}

// --- The Mandelbrot set, a line of points a round.

static u64 mandelbrot(void *mem, u64 rounds) {
    enum { WIDTH = 64, STEPS = 64 };
    double *re = mem, *im = re + WIDTH, *x = im + WIDTH, *inside = x + WIDTH, total = 0;
    for (u64 line = 0; line < rounds; line++) {
        // Not on the set's corners, where the last bit decides.
        double y = -1.23 + 2.46 * (double)line / (double)rounds;
        for (u32 n = 0; n < WIDTH; n++)
            re[n] = im[n] = inside[n] = 0, x[n] = -2.07 + n * (2.6 / WIDTH);
#ifdef VECTOR
        for (u32 step = 0; step < STEPS; step++)
            for (u32 n = 0; n < WIDTH; n++) {
                double r = re[n], i = im[n], rr = r * r, ii = i * i;
                double in = rr + ii < 4.0 ? 1.0 : 0.0;
                re[n] = in != 0.0 ? rr - ii + x[n] : r;
                im[n] = in != 0.0 ? 2.0 * r * i + y : i;
                inside[n] += in;
            }
#else
        for (u32 n = 0; n < WIDTH; n++) {
            double r = 0, i = 0;
            for (u32 step = 0; step < STEPS; step++) {
                double rr = r * r, ii = i * i;
                if (rr + ii >= 4.0)
                    break;
                i = 2.0 * r * i + y;
                r = rr - ii + x[n];
                inside[n] += 1.0;
            }
        }
#endif
        for (u32 n = 0; n < WIDTH; n++)
            total += inside[n];
    }
    return bits(total);
}

// --- Solving a system of linear equations, as LINPACK does: LU with pivots, by columns.

static NOINLINE void axpy(u32 n, double a, const double *restrict x, double *restrict y) {
    for (u32 i = 0; i < n; i++)
        y[i] += a * x[i];
}

static u64 linpack(void *mem, u64 rounds) {
    enum { N = 64 };
    double(*a)[N] = mem, *b = (double *)(a + N), sum = 0;
    u32 random = 2;
    while (rounds--) {
        for (u32 j = 0; j < N; j++)
            for (u32 i = 0; i < N; i++)
                a[j][i] = uniform(&random) - 0.5 + (i == j ? 4.0 : 0.0);
        for (u32 i = 0; i < N; i++)
            b[i] = uniform(&random);
        for (u32 k = 0; k < N; k++) {
            u32 pivot = k;
            for (u32 i = k + 1; i < N; i++)
                if (__builtin_fabs(a[k][i]) > __builtin_fabs(a[k][pivot]))
                    pivot = i;
            double t = a[k][pivot];
            a[k][pivot] = a[k][k], a[k][k] = t;
            for (u32 i = k + 1; i < N; i++)
                a[k][i] *= -1.0 / t;
            for (u32 j = k + 1; j < N; j++) {
                double u = a[j][pivot];
                a[j][pivot] = a[j][k], a[j][k] = u;
                axpy(N - k - 1, u, a[k] + k + 1, a[j] + k + 1);
            }
            double v = b[pivot];
            b[pivot] = b[k], b[k] = v;
            axpy(N - k - 1, v, a[k] + k + 1, b + k + 1);
        }
        for (u32 k = N; k--;) {
            b[k] /= a[k][k];
            axpy(k, -b[k], a[k], b);
        }
        sum += b[0] + b[N / 2];
    }
    return bits(sum);
}

// --- y = ax + y in single precision.

static NOINLINE void saxpy_once(u32 n, float a, const float *restrict x, float *restrict y) {
    for (u32 i = 0; i < n; i++)
        y[i] = a * x[i] + y[i];
}

static u64 saxpy(void *mem, u64 rounds) {
    enum { N = 4096 };
    float *x = mem, *y = x + N;
    u32 random = 3;
    for (u32 i = 0; i < N; i++)
        x[i] = (float)uniform(&random), y[i] = (float)uniform(&random);
    while (rounds--) // up and down, so that the numbers stay small
        saxpy_once(N, rounds & 1 ? 0.37f : -0.36f, x, y);
    double sum = 0;
    for (u32 i = 0; i < N; i++)
        sum += y[i];
    return bits(sum);
}

// --- The spectral norm of an infinite matrix's corner: conversions and divisions.

static double cell(u32 i, u32 j) {
    return 1.0 / (double)((int)((i + j) * (i + j + 1) / 2 + i + 1));
}

static NOINLINE void times(u32 n, const double *restrict v, double *restrict out) {
    for (u32 i = 0; i < n; i++)
        out[i] = 0;
    for (u32 j = 0; j < n; j++)
        for (u32 i = 0; i < n; i++)
            out[i] += cell(i, j) * v[j];
}

static NOINLINE void times_transposed(u32 n, const double *restrict v, double *restrict out) {
    for (u32 i = 0; i < n; i++)
        out[i] = 0;
    for (u32 j = 0; j < n; j++)
        for (u32 i = 0; i < n; i++)
            out[i] += cell(j, i) * v[j];
}

static u64 spectral(void *mem, u64 rounds) {
    enum { N = 100 };
    double *u = mem, *v = u + N, *w = v + N;
    for (u32 i = 0; i < N; i++)
        u[i] = 1.0;
    while (rounds--) {
        times(N, u, w), times_transposed(N, w, v);
        times(N, v, w), times_transposed(N, w, u);
        double largest = u[0]; // keeps powers of the norm from growing without end
        for (u32 i = 0; i < N; i++)
            u[i] /= largest;
    }
    double dot = 0, square = 0;
    for (u32 i = 0; i < N; i++)
        dot += u[i] * v[i], square += v[i] * v[i];
    return bits(__builtin_sqrt(dot / square));
}

const struct bench TABLE[] = {
    {NAME("nbody"), nbody, 500}, {NAME("mandelbrot"), mandelbrot, 50}, {NAME("linpack"), linpack, 3},
    {NAME("saxpy"), saxpy, 100}, {NAME("spectral"), spectral, 4},      {0},
};
