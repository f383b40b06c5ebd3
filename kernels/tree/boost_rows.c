/* Binned rows for boosting; see boost_rows.h. */
#include "boost_rows.h"

#include <math.h>
#include <string.h>

#include "binned.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/random.h"

static const double WEIGHT_MOST = 1e6; /* so that packed sums keep enough digits */

static int64_t id_of(const TrainingData *data, int64_t i) {
  return data->row_id ? data->row_id[i] : data->x->rows.begin + i;
}

static bool is_held_back(const TrainingData *data, const Stream *stream, double share, int64_t i) {
  int64_t unit = data->group ? data->group[i] : id_of(data, i);
  return share > 0 && random_uniform(stream, (uint64_t)unit, 0) < share;
}

static Status fill(const TrainingData *data, const Bins *bins, double held_back, BoostTable *out) {
  Status status = OK;
  int64_t n = data->x->rows.n, stride = bins_stride(bins->d), train = 0, held = 0;
  Stream stream = random_stream(data->seed, "gbdt/validation", 0);
  uint8_t *codes = NULL;
  TRY(NEW(&out->codes, n * stride));
  TRY(NEW(&out->target, n));
  TRY(NEW(&out->row_id, n));
  if (data->weight) TRY(NEW(&out->weight, n));
  TRY(NEW(&codes, held_back > 0 ? n * stride : 0));
  binned_encode(data, bins, 0, n, held_back > 0 ? codes : out->codes);
  for (int64_t i = 0; i < n; i++) out->n_train += !is_held_back(data, &stream, held_back, i);
  for (int64_t i = 0; i < n; i++) {
    bool held_here = is_held_back(data, &stream, held_back, i);
    if (held_here && data->synthetic && data->synthetic[i]) continue; /* nobody is judged by it */
    int64_t at = held_here ? out->n_train + held++ : train++;
    out->target[at] = data->target[i];
    out->row_id[at] = id_of(data, i);
    if (data->weight) out->weight[at] = data->weight[i];
    if (held_back > 0) memcpy(out->codes + at * stride, codes + i * stride, (size_t)stride);
  }
  out->n = out->n_train + held;
done:
  memory_free(&codes);
  return status;
}

Status boost_table_all(const Comm *comm, const TrainingData *data, const Bins *bins,
                       double held_back, BoostTable *out) {
  Status status = OK;
  *out = (BoostTable){.whole = {.win = MPI_WIN_NULL}};
  AGREE(comm, training_check(data, WEIGHT_MOST));
  AGREE(comm, fill(data, bins, held_back, out));
  int64_t counts[2] = {out->n, out->n_train};
  comm_sum_all(comm, counts, 2);
  out->n_global = counts[0];
  out->rows = out->n_train_global = counts[1];
  if (comm_any_all(comm, out->weight != NULL)) {
    out->rows += (int64_t)ceil(exact_sum_all(comm, out->weight, out->weight ? out->n_train : 0));
  }
  if (counts[1] == 0 || (held_back > 0 && counts[0] == counts[1])) {
    return status_fail(INVALID,
                       "validation_share: %g of the recordings leaves %lld rows to train on and "
                       "%lld to stop by; both are needed (set early_stopping to null)",
                       held_back, (long long)counts[1], (long long)(counts[0] - counts[1]));
  }
done:
  return status;
}

void boost_table_clear_all(BoostTable *table) {
  if (table->is_whole) {
    comm_shared_clear_all(&table->whole);
    *table = (BoostTable){0};
    return;
  }
  memory_free(&table->codes);
  memory_free(&table->target);
  memory_free(&table->weight);
  memory_free(&table->row_id);
}
