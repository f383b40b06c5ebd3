/* Fourier transforms against their definition, for every kind of length. */
#include "kernels/base/memory.h"
#include "kernels/embed/fft.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"
#include <mpi.h>

static void test_length(int64_t n) {
  Fft fft;
  double *re = NULL, *im = NULL, *x = NULL;
  const double pi = 3.14159265358979323846;
  Stream stream = random_stream((uint64_t)n, "test/fft", 0);
  CHECK_OK(fft_init(&fft, n));
  CHECK_OK(NEW(&re, n * FFT_LANES));
  CHECK_OK(NEW(&im, n * FFT_LANES));
  CHECK_OK(NEW(&x, 2 * n * FFT_LANES));
  for (int64_t i = 0; i < n * FFT_LANES; i++) {
    re[i] = x[2 * i] = random_normal(&stream, (uint64_t)i, 0);
    im[i] = x[2 * i + 1] = random_normal(&stream, (uint64_t)i, 1);
  }
  fft_run(&fft, re, im);
  double worst = 0;
  for (int64_t k = 0; k < n; k += 1 + n / 20) {
    for (int64_t l = 0; l < FFT_LANES; l++) {
      double a = 0, b = 0;
      for (int64_t i = 0; i < n; i++) {
        double angle = -2 * pi * (double)(i * k % n) / (double)n;
        double c = cos(angle), s = sin(angle);
        a += x[2 * (i * FFT_LANES + l)] * c - x[2 * (i * FFT_LANES + l) + 1] * s;
        b += x[2 * (i * FFT_LANES + l)] * s + x[2 * (i * FFT_LANES + l) + 1] * c;
      }
      worst = fmax(worst, fabs(re[k * FFT_LANES + l] - a));
      worst = fmax(worst, fabs(im[k * FFT_LANES + l] - b));
    }
  }
  if (!(worst < 1e-13 * (double)(n + 10))) fprintf(stderr, "length %d: %g\n", (int)n, worst);
  CHECK(worst < 1e-13 * (double)(n + 10));
  fft_run(&fft, im, re);
  worst = 0;
  for (int64_t i = 0; i < n * FFT_LANES; i++) {
    worst = fmax(worst, fabs(re[i] / (double)n - x[2 * i]));
    worst = fmax(worst, fabs(im[i] / (double)n - x[2 * i + 1]));
  }
  CHECK(worst < 1e-14);
  fft_clear(&fft);
  memory_free(&re);
  memory_free(&im);
  memory_free(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  const int64_t lengths[] = {1, 2, 3, 4, 5, 6, 8, 9, 25, 30, 64, 300, 324, 450, 720, 1024, 2400};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) test_length(lengths[i]);
  CHECK_INTEGER(fft_good_length(300), 300);
  CHECK_INTEGER(fft_good_length(301), 324);
  CHECK_INTEGER(fft_good_length(1), 6);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("embed/fft");
  MPI_Finalize();
  return failed;
}
