/* Fourier transforms side by side; see fft.h. */
#include "fft.h"

#include <stdbool.h>
#include <string.h>

#include "kernels/base/memory.h"

#define BODY static inline __attribute__((always_inline))

typedef double Lanes __attribute__((vector_size(FFT_LANES * sizeof(double)), may_alias));

/* ---- factors ---- */

/* sin and cos of x in [0, pi / 4] by Taylor's series; below a unit in the last place. */
static void sine(double x, double *s, double *c) {
  double z = x * x, term_s = x, term_c = 1, sum_s = 0, sum_c = 0;
  double terms_s[10], terms_c[10];
  for (int k = 0; k < 10; k++) {
    terms_s[k] = term_s;
    terms_c[k] = term_c;
    term_s *= -z / ((2 * k + 2) * (2 * k + 3));
    term_c *= -z / ((2 * k + 1) * (2 * k + 2));
  }
  for (int k = 9; k >= 0; k--) { /* small ones first */
    sum_s += terms_s[k];
    sum_c += terms_c[k];
  }
  *s = sum_s;
  *c = sum_c;
}

/* cos and sin of 2 pi i / n, by symmetries from the first eighth of the circle. */
static void circle(int64_t i, int64_t n, double *c, double *s) {
  const double pi = 0x1.921fb54442d18p+1;
  int64_t eighth = 8 * i / n, rest = 8 * i - eighth * n; /* angle = pi / 4 (eighth + rest / n) */
  double a, b;
  if (eighth % 2 == 0) {
    sine(pi / 4 * (double)rest / (double)n, &a, &b);
  } else {
    sine(pi / 4 * (double)(n - rest) / (double)n, &b, &a);
  }
  /* a, b: sine and cosine of the angle within its quarter. */
  switch (eighth / 2) {
    case 0: *c = b, *s = a; break;
    case 1: *c = -a, *s = b; break;
    case 2: *c = -b, *s = -a; break;
    default: *c = a, *s = -b; break;
  }
}

int64_t fft_good_length(int64_t n) {
  for (int64_t length = (n + 5) / 6 * 6;; length += 6) {
    int64_t rest = length;
    while (rest % 2 == 0) rest /= 2;
    while (rest % 3 == 0) rest /= 3;
    while (rest % 5 == 0) rest /= 5;
    if (rest == 1) return length;
  }
}

Status fft_init(Fft *fft, int64_t n) {
  Status status = OK;
  *fft = (Fft){.n = n};
  TRY(NEW(&fft->factor, 2 * n));
  TRY(NEW(&fft->scratch, 2 * n * FFT_LANES));
  for (int64_t i = 0; i < n; i++) {
    double c, s;
    circle(i, n, &c, &s);
    fft->factor[2 * i] = c;
    fft->factor[2 * i + 1] = -s;
  }
done:
  return status;
}

void fft_clear(Fft *fft) {
  memory_free(&fft->factor);
  memory_free(&fft->scratch);
}

/* ---- steps ---- */

/* One step: sequences of n = r m at stride s become r of m. */
typedef struct Step {
  const double *factor;
  int64_t total, n, s;
  const Lanes *re, *im;
  Lanes *out_re, *out_im;
} Step;

/* out = (re, im) x the factor of p k. */
#define STORE(at, k, a, b)                                                              \
  do {                                                                                  \
    const double *w = step->factor + 2 * (p * (k) % step->n) * (step->total / step->n); \
    step->out_re[at] = (a)*w[0] - (b)*w[1];                                             \
    step->out_im[at] = (a)*w[1] + (b)*w[0];                                             \
  } while (0)

BODY void radix_2(const Step *step) {
  int64_t m = step->n / 2, s = step->s;
  for (int64_t p = 0; p < m; p++) {
    for (int64_t q = 0; q < s; q++) {
      int64_t from = q + s * p, to = q + s * 2 * p;
      Lanes ar = step->re[from], ai = step->im[from];
      Lanes br = step->re[from + s * m], bi = step->im[from + s * m];
      step->out_re[to] = ar + br;
      step->out_im[to] = ai + bi;
      STORE(to + s, 1, ar - br, ai - bi);
    }
  }
}

BODY void radix_3(const Step *step) {
  const double h = 0x1.bb67ae8584caap-1; /* sqrt(3) / 2 */
  int64_t m = step->n / 3, s = step->s;
  for (int64_t p = 0; p < m; p++) {
    for (int64_t q = 0; q < s; q++) {
      int64_t from = q + s * p, to = q + s * 3 * p;
      Lanes ar = step->re[from], ai = step->im[from];
      Lanes br = step->re[from + s * m], bi = step->im[from + s * m];
      Lanes cr = step->re[from + 2 * s * m], ci = step->im[from + 2 * s * m];
      Lanes tr = br + cr, ti = bi + ci, ur = (br - cr) * h, ui = (bi - ci) * h;
      Lanes vr = ar - tr * 0.5, vi = ai - ti * 0.5;
      step->out_re[to] = ar + tr;
      step->out_im[to] = ai + ti;
      STORE(to + s, 1, vr + ui, vi - ur);
      STORE(to + 2 * s, 2, vr - ui, vi + ur);
    }
  }
}

BODY void radix_4(const Step *step) {
  int64_t m = step->n / 4, s = step->s;
  for (int64_t p = 0; p < m; p++) {
    for (int64_t q = 0; q < s; q++) {
      int64_t from = q + s * p, to = q + s * 4 * p;
      Lanes ar = step->re[from], ai = step->im[from];
      Lanes br = step->re[from + s * m], bi = step->im[from + s * m];
      Lanes cr = step->re[from + 2 * s * m], ci = step->im[from + 2 * s * m];
      Lanes dr = step->re[from + 3 * s * m], di = step->im[from + 3 * s * m];
      Lanes er = ar + cr, ei = ai + ci, fr = ar - cr, fi = ai - ci;
      Lanes gr = br + dr, gi = bi + di, hr = br - dr, hi = bi - di;
      step->out_re[to] = er + gr;
      step->out_im[to] = ei + gi;
      STORE(to + s, 1, fr + hi, fi - hr);
      STORE(to + 2 * s, 2, er - gr, ei - gi);
      STORE(to + 3 * s, 3, fr - hi, fi + hr);
    }
  }
}

BODY void radix_5(const Step *step) {
  const double c1 = 0x1.3c6ef372fe950p-2, s1 = 0x1.e6f0e134454ffp-1;  /* of 2 pi / 5 */
  const double c2 = -0x1.9e3779b97f4a8p-1, s2 = 0x1.2cf2304755a5ep-1; /* of 4 pi / 5 */
  int64_t m = step->n / 5, s = step->s;
  for (int64_t p = 0; p < m; p++) {
    for (int64_t q = 0; q < s; q++) {
      int64_t from = q + s * p, to = q + s * 5 * p, next = s * m;
      Lanes ar = step->re[from], ai = step->im[from];
      Lanes br = step->re[from + next], bi = step->im[from + next];
      Lanes cr = step->re[from + 2 * next], ci = step->im[from + 2 * next];
      Lanes dr = step->re[from + 3 * next], di = step->im[from + 3 * next];
      Lanes er = step->re[from + 4 * next], ei = step->im[from + 4 * next];
      Lanes pr = br + er, pi = bi + ei, mr = br - er, mi = bi - ei;
      Lanes qr = cr + dr, qi = ci + di, nr = cr - dr, ni = ci - di;
      Lanes fr = ar + pr * c1 + qr * c2, fi = ai + pi * c1 + qi * c2;
      Lanes gr = ar + pr * c2 + qr * c1, gi = ai + pi * c2 + qi * c1;
      Lanes hr = mr * s1 + nr * s2, hi = mi * s1 + ni * s2;
      Lanes kr = mr * s2 - nr * s1, ki = mi * s2 - ni * s1;
      step->out_re[to] = ar + pr + qr;
      step->out_im[to] = ai + pi + qi;
      STORE(to + s, 1, fr + hi, fi - hr);
      STORE(to + 2 * s, 2, gr + ki, gi - kr);
      STORE(to + 3 * s, 3, gr - ki, gi + kr);
      STORE(to + 4 * s, 4, fr - hi, fi + hr);
    }
  }
}

BODY void run_body(Fft *fft, double *re, double *im) {
  Lanes *a_re = (Lanes *)re, *a_im = (Lanes *)im;
  Lanes *b_re = (Lanes *)fft->scratch, *b_im = b_re + fft->n;
  int64_t s = 1;
  for (int64_t n = fft->n; n > 1;) {
    Step step = {fft->factor, fft->n, n, s, a_re, a_im, b_re, b_im};
    int64_t radix = n % 4 == 0 ? 4 : n % 2 == 0 ? 2 : n % 3 == 0 ? 3 : 5;
    switch (radix) {
      case 2: radix_2(&step); break;
      case 3: radix_3(&step); break;
      case 4: radix_4(&step); break;
      default: radix_5(&step); break;
    }
    n /= radix;
    s *= radix;
    Lanes *re_free = a_re, *im_free = a_im;
    a_re = b_re, a_im = b_im;
    b_re = re_free, b_im = im_free;
  }
  if (a_re == (Lanes *)re) return;
  memcpy(re, a_re, (size_t)fft->n * sizeof *a_re);
  memcpy(im, a_im, (size_t)fft->n * sizeof *a_im);
}

static void run_plain(Fft *fft, double *re, double *im) { run_body(fft, re, im); }

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx512f,avx512dq,prefer-vector-width=512"))) static void run_wide(
    Fft *fft, double *re, double *im) {
  run_body(fft, re, im);
}
static bool is_wide(void) { return __builtin_cpu_supports("avx512dq"); }
#else
static void run_wide(Fft *fft, double *re, double *im) { run_plain(fft, re, im); }
static bool is_wide(void) { return false; }
#endif

void fft_run(Fft *fft, double *re, double *im) {
  if (is_wide()) {
    run_wide(fft, re, im);
  } else {
    run_plain(fft, re, im);
  }
}
