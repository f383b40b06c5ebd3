/* Discrete Fourier transforms of FFT_LANES sequences side by side, in double precision.
 *
 * Our own, since KissFFT as Debian ships it is single precision, in which the sums of a map lose
 * their last digits to cancellation, and transforms one sequence at a time, which leaves seven of
 * eight vector lanes idle. Stockham's algorithm (no bit reversal) of radices 4, 2, 3 and 5; factors
 * by plain arithmetic, the same bits on every CPU. */
#ifndef SEGUE_EMBED_FFT_H
#define SEGUE_EMBED_FFT_H

#include <stdint.h>

#include "kernels/base/status.h"

enum { FFT_LANES = 8 };

typedef struct Fft {
  int64_t n;       /* length: 2^a 3^b 5^c */
  double *factor;  /* n pairs: cos, -sin of 2 pi i / n */
  double *scratch; /* 2 x n x FFT_LANES */
} Fft;

/* The least length >= n of the form 6 x 2^a 3^b 5^c. Local. */
int64_t fft_good_length(int64_t n);
/* Local. n: 2^a 3^b 5^c. The caller clears. Fails with MEMORY. */
CHECKED Status fft_init(Fft *fft, int64_t n);
void fft_clear(Fft *fft);
/* Transform in place: re, im are n x FFT_LANES, 64-byte aligned. Forward (exponent -i); the
 * inverse, times n, is the same with re and im exchanged. Local. */
void fft_run(Fft *fft, double *re, double *im);

#endif
