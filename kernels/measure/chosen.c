/* Choosing and refusing rows; see chosen.h. */
#include "chosen.h"

#include <math.h>

#include "kernels/base/memory.h"

Status chosen_rows(const uint8_t *where, int64_t n, int64_t **at, int64_t *n_at) {
  Status status = OK;
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++) kept += !where || where[i] != 0;
  TRY(NEW(at, kept));
  for (int64_t i = 0, next = 0; i < n; i++)
    if (!where || where[i] != 0) (*at)[next++] = i;
  *n_at = kept;
done:
  return status;
}

Status chosen_options(const MeasureOptions *options) {
  if (options->top_k < 1)
    return status_fail(INVALID, "top_k: %lld is not at least 1", (long long)options->top_k);
  if (options->replicates < 0 || options->replicates > 100000)
    return status_fail(INVALID, "replicates: %lld is not from 0 (no intervals) to 100000",
                       (long long)options->replicates);
  if (!(options->confidence > 0 && options->confidence < 1))
    return status_fail(INVALID, "confidence: %g is not between 0 and 1, such as 0.95",
                       options->confidence);
  return OK;
}

Status chosen_refuse(const Place *place, int64_t i, const char *what, double value,
                     const char *allowed) {
  return status_fail(NUMERIC, "%s: row %lld: %s is %g; it has to be %s", place->part,
                     (long long)(place->begin + i), what, value, allowed);
}
