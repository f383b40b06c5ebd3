/* Every allocation of the measures made to fail, on each rank in turn: the same status and message
 * on all ranks, nothing left behind, and the next call works. */
#include "kernels/base/fault.h"
#include "kernels/numeric/hash.h"
#include "tests/measure/parts.h"

enum { N = 60, CLASSES = 3 };

typedef struct Data {
  double truth[N], prediction[N], class[N], probability[N * CLASSES];
  int64_t group[N], offset[N + 1];
  int32_t label[N];
} Data;

static void make_data(Data *data) {
  for (int i = 0; i < N; i++) {
    data->truth[i] = (i * 37) % 101;
    data->prediction[i] = (i * 53) % 97;
    data->class[i] = i % CLASSES;
    for (int c = 0; c < CLASSES; c++)
      data->probability[i * CLASSES + c] = ((i + c) * 7 % 10) / 10.0;
    data->group[i] = i / 2;
    data->offset[i + 1] = i + 1;
    data->label[i] = i % 4;
  }
}

/* All ranks have the same status and message. */
static void check_agreed(const Comm *comm, Status status) {
  Hash mine = hash_bytes(status_message(), strlen(status_message()), hash_zero());
  Hash all[64];
  int64_t low = status, high = status;
  comm_min_all(comm, &low, 1);
  comm_max_all(comm, &high, 1);
  CHECK_INTEGER(low, high);
  comm_allgather_all(comm, &mine, sizeof mine, all);
  for (int r = 0; status != OK && r < comm->size; r++) CHECK(hash_compare(&all[r], &mine) == 0);
}

static Status measure_all(const Comm *comm, bool classes, const Data *data, const Column *by,
                          const Dictionary *names, Summary *summary) {
  Share share = share_of(comm, N);
  MeasureOptions options = measure_options_default(3);
  options.replicates = 40;
  RegressionRows rows = {.n = share.n,
                         .truth = data->truth + share.begin,
                         .prediction = data->prediction + share.begin,
                         .group = data->group + share.begin,
                         .by = by};
  ClassificationRows class_rows = {.n = share.n,
                                   .n_classes = CLASSES,
                                   .truth = data->class + share.begin,
                                   .probability = data->probability + share.begin * CLASSES,
                                   .group = data->group + share.begin};
  if (!classes) return measure_regression_all(comm, &rows, &options, "test", summary, NULL);
  return measure_classification_all(comm, &class_rows, names, &options, "test", summary, NULL);
}

/* Let the nth allocation from here fail on one rank, for each n until none is left to fail. */
static void test_faults(const Comm *comm, bool classes, int rank) {
  static Data data;
  Dictionary names = {0};
  make_data(&data);
  Share share = share_of(comm, N);
  Column *by = list_make(data.offset, data.label, share.begin, share.n, 4);
  words_make(&names, CLASSES);
  int64_t balance = memory_balance(), failed = 0;
  bool more = true;
  for (int64_t nth = 1; more && nth < 2000; nth++) {
    Summary summary;
    summary_init(&summary, comm->rank == 0);
    fault_arm(FAULT_MEMORY, comm->rank == rank ? nth : 0, false);
    Status status = measure_all(comm, classes, &data, by, &names, &summary);
    fault_arm(FAULT_MEMORY, 0, false);
    check_agreed(comm, status);
    CHECK(status == OK || status == MEMORY);
    summary_clear(&summary);
    CHECK_INTEGER(memory_balance(), balance);
    failed += status != OK;
    more = status != OK;
  }
  CHECK(failed >= 20);
  CHECK(!more);
  column_release(&by);
  dictionary_clear(&names);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  for (int rank = 0; rank < comm.size; rank++)
    for (int classes = 0; classes < 2; classes++) test_faults(&comm, classes, rank);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("measure/faults");
  MPI_Finalize();
  return failed;
}
