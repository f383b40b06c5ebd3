/* Assertions of the tests: print the place and the values, count, go on; main returns the count.
 *
 * A test program calls CHECK* anywhere and ends with `return check_report("name");`. */
#ifndef SEGUE_TESTS_CHECK_H
#define SEGUE_TESTS_CHECK_H

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/status.h"

/* Sanitizers look at memory, which small shapes show as well as large ones, and make everything
 * slow: where bits are compared on large shapes, tests leave some of those to the release build. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

static int check_failures __attribute__((unused));
static int check_count __attribute__((unused));

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    check_count++;                                                                                 \
    if (!(condition)) {                                                                            \
      check_failures++;                                                                            \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                      \
    }                                                                                              \
  } while (0)

#define CHECK_INTEGER(got, want)                                                                   \
  do {                                                                                             \
    int64_t got_ = (int64_t)(got), want_ = (int64_t)(want);                                        \
    check_count++;                                                                                 \
    if (got_ != want_) {                                                                           \
      check_failures++;                                                                            \
      fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n", __FILE__, __LINE__,      \
              #got, got_, want_);                                                                  \
    }                                                                                              \
  } while (0)

/* tolerance is absolute; 0 asks for equality. NaN equals NaN. */
#define CHECK_REAL(got, want, tolerance)                                                           \
  do {                                                                                             \
    double got_ = (got), want_ = (want);                                                           \
    check_count++;                                                                                 \
    if (!(fabs(got_ - want_) <= (tolerance) || got_ == want_ || (isnan(got_) && isnan(want_)))) {  \
      check_failures++;                                                                            \
      fprintf(stderr, "%s:%d: %s is %.17g, expected %.17g\n", __FILE__, __LINE__, #got, got_,      \
              want_);                                                                              \
    }                                                                                              \
  } while (0)

#define CHECK_TEXT(got, want)                                                                      \
  do {                                                                                             \
    const char *got_ = (got), *want_ = (want);                                                     \
    check_count++;                                                                                 \
    if (!got_ || strcmp(got_, want_) != 0) {                                                       \
      check_failures++;                                                                            \
      fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #got,          \
              got_ ? got_ : "(null)", want_);                                                      \
    }                                                                                              \
  } while (0)

/* The message holds this part. */
#define CHECK_MESSAGE(part)                                                                        \
  do {                                                                                             \
    check_count++;                                                                                 \
    if (!strstr(status_message(), (part))) {                                                       \
      check_failures++;                                                                            \
      fprintf(stderr, "%s:%d: message \"%s\" lacks \"%s\"\n", __FILE__, __LINE__,                  \
              status_message(), (part));                                                           \
    }                                                                                              \
  } while (0)

#define CHECK_OK(call)                                                                             \
  do {                                                                                             \
    check_count++;                                                                                 \
    Status status_ = (call);                                                                       \
    if (status_ != OK) {                                                                           \
      check_failures++;                                                                            \
      fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, status_name(status_),      \
              status_message());                                                                   \
    }                                                                                              \
  } while (0)

static inline int check_report(const char *name) {
  if (check_failures > 0) fprintf(stderr, "%s: %d of %d checks failed\n", name, check_failures,
                                  check_count);
  else printf("%s: %d checks passed\n", name, check_count);
  return check_failures > 0 || check_count == 0;
}

#endif
